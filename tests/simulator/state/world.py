"""Everything the double remembers, in one place. In memory only; a restart forgets."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.wire.exchange import Request

from .accounts import Accounts
from .ledger import Ledger
from .library import Library
from .scenarios import Plays
from .settings import Settings


@dataclass(frozen=True)
class Stack:
    """The network stack a clearance was earned with, as far as a server can tell it."""

    user_agent: str
    client_hints: bool
    fetch_metadata: bool
    http_version: str

    @classmethod
    def of(cls, request: Request) -> Stack:
        headers = request.headers
        return cls(
            user_agent=headers.get("user-agent", ""),
            client_hints="sec-ch-ua" in headers,
            fetch_metadata="sec-fetch-mode" in headers and "sec-fetch-site" in headers,
            http_version=request.http_version,
        )

    @property
    def is_browser(self) -> bool:
        return self.client_hints and self.fetch_metadata and self.http_version == "2"


@dataclass
class Clearance:
    token: str
    earned_at: float = field(default_factory=time.time)
    stack: Stack | None = None
    """None: made by the control port; bound to the first browser that shows it."""


@dataclass
class LoadedPage:
    """A page that was served, and the seed its script signs requests with."""

    seed: str
    loaded_at: float = field(default_factory=time.time)
    used: set[str] = field(default_factory=set)


@dataclass
class PendingChallenge:
    nonce: str
    stack: Stack
    account: str | None
    shown_at: float = field(default_factory=time.time)


class World:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.forget()

    def forget(self) -> None:
        self.accounts = Accounts()
        self.ledger = Ledger()
        self.library = Library()
        self.plays = Plays()
        self.clearances: dict[str, Clearance] = {}
        self.pages: dict[str, LoadedPage] = {}
        self.challenges: dict[str, PendingChallenge] = {}
        self.sign_in_codes: dict[str, str] = {}
        self.windows: dict[str, dict[str, Any]] = {}
        self.challenged_at = 0.0
        self.reload_clears = False
        self.stale_before = 0.0

    def grant_clearance(self, stack: Stack | None) -> str:
        token = secrets.token_urlsafe(32)
        self.clearances[token] = Clearance(token, stack=stack)
        return token

    def load_page(self) -> LoadedPage:
        page = LoadedPage(secrets.token_urlsafe(12))
        self.pages[page.seed] = page
        return page
