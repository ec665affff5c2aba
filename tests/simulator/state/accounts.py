"""Accounts, their sessions and their quotas."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

DAY = 86400.0
CHAT_MODES = ("auto", "fast", "expert", "heavy")
MEDIA_KINDS = ("video", "video720p", "image", "imagePro", "imageEdit")


def timestamp(moment: float | None = None) -> str:
    """RFC 3339 with microseconds, as the site prints it."""
    found = datetime.fromtimestamp(time.time() if moment is None else moment, UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class Quota:
    """A window of N uses. It starts with the first use and is full again when it ends."""

    total: int
    window: float = DAY
    used: int = 0
    started_at: float = 0.0

    def _roll(self) -> None:
        if self.used and time.time() >= self.started_at + self.window:
            self.used = 0

    @property
    def remaining(self) -> int:
        self._roll()
        return max(0, self.total - self.used)

    @property
    def next_available_at(self) -> float | None:
        return self.started_at + self.window if self.remaining == 0 and self.used else None

    def spend(self) -> bool:
        if self.remaining <= 0:
            return False
        if not self.used:
            self.started_at = time.time()
        self.used += 1
        return True

    def as_line(self) -> dict[str, Any]:
        line: dict[str, Any] = {
            "available": True,
            "remainingQueries": self.remaining,
            "windowSizeSeconds": int(self.window),
        }
        if (moment := self.next_available_at) is not None:
            line["nextAvailableAt"] = timestamp(moment)
        return line


def default_quotas() -> dict[str, Quota]:
    quotas = {mode: Quota(total=500, window=7200) for mode in CHAT_MODES}
    return quotas | {kind: Quota(total=500) for kind in MEDIA_KINDS}


def parse_quotas(given: dict[str, Any]) -> dict[str, Quota]:
    """`{"video": 3}` or `{"video": {"total": 3, "window": 60, "used": 1}}` over the defaults; null takes a line away."""
    quotas = default_quotas()
    for kind, value in given.items():
        if kind not in quotas:
            raise ValueError(f"no quota is called {kind!r}; there are {', '.join(quotas)}")
        if value is None:
            del quotas[kind]
        elif isinstance(value, int):
            quotas[kind] = Quota(total=value, started_at=time.time())
        else:
            quotas[kind] = Quota(started_at=time.time(), **value)
        found = quotas.get(kind)
        if found is not None and found.total == 0:
            # a quota that is empty from the start must still say when it will be full again
            found.total, found.used = 1, 1
    return quotas


@dataclass
class Account:
    email: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    name: str = "Test User"
    paid: bool = False
    blocked: bool = False
    quotas: dict[str, Quota] = field(default_factory=default_quotas)
    video_concurrency: int = 0
    running_videos: int = 0
    sessions: set[str] = field(default_factory=set)
    stale_before: float = 0.0
    """Pages loaded before this moment are out of date."""
    challenged_at: float = 0.0
    """Clearances earned before this moment do not count any more; 0 = not challenged."""
    reload_clears: bool = False
    created_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    def sign_in(self) -> str:
        token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9." + secrets.token_urlsafe(24)
        self.sessions.add(token)
        return token

    def sign_out(self) -> None:
        self.sessions.clear()

    def challenge(self, on: bool = True, reload_clears: bool = False) -> None:
        self.challenged_at = time.time() if on else 0.0
        self.reload_clears = on and reload_clears

    def as_session(self) -> dict[str, Any]:
        given, _, family = self.name.partition(" ")
        return {
            "userId": self.id,
            "email": self.email,
            "emailDomain": self.email.partition("@")[2],
            "givenName": given,
            "familyName": family,
            "profileImage": f"users/{self.id}/profile-picture.webp",
            "xUserId": "",
            "organizationId": "",
            "organizationRole": 0,
            "hasPassword": True,
            "emailConfirmed": True,
            "xSubscriptionType": "Premium" if self.paid else "",
            "createTime": self.created_ms,
            "sessionId": str(uuid.uuid5(uuid.NAMESPACE_URL, self.id)),
            "signInMethod": 2,
            "isIntegrationSession": False,
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "paid": self.paid,
            "blocked": self.blocked,
            "signed_in": bool(self.sessions),
            "challenged": bool(self.challenged_at),
            "running_videos": self.running_videos,
            "quotas": {kind: quota.remaining for kind, quota in self.quotas.items()},
        }


class Accounts:
    def __init__(self) -> None:
        self.by_id: dict[str, Account] = {}
        self._by_session: dict[str, Account] = {}

    def add(self, account: Account) -> Account:
        self.by_id[account.id] = account
        return account

    def of_email(self, email: str) -> Account | None:
        return next((one for one in self.by_id.values() if one.email == email.lower()), None)

    def find(self, id_or_email: str) -> Account | None:
        return self.by_id.get(id_or_email) or self.of_email(id_or_email)

    def sign_in(self, account: Account) -> str:
        token = account.sign_in()
        self._by_session[token] = account
        return token

    def of_session(self, token: str) -> Account | None:
        """The account a session cookie belongs to, though the session may have ended."""
        return self._by_session.get(token)
