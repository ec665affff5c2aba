"""Asks the site now and then what is left of a profile's quotas, for the operator to see, and once which modes it has.

Rarely, and never for its own sake: after a profile became READY and after it made a video, at most every `EVERY_S`; no
browser is started for it, and a profile in trouble is left alone. What comes back judges nobody: neither the profile nor
whether it may work. A refusal of real work is the truth, these numbers have been wrong (upstream.md 2.10).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from browser.clearance import Clearance, Verdict
from browser.errors import BrowserError
from browser.transport import Transport
from gateway.errors import GatewayError
from gateway.grok.client import GrokClient
from gateway.grok.exchange import browser_errors
from gateway.grok.memory import ProfileMemory
from gateway.grok.mode_book import ModeBook
from gateway.grok.ports import Lease, Pool
from gateway.grok.quota import QuotaBook

log = structlog.get_logger(__name__)

EVERY_S = 600.0
LOOK_EVERY_S = 5.0
#: Chats have the most places, so a question never keeps a video waiting.
KIND = "chat"
LEASE_TIMEOUT_S = 5.0
#: Chat modes whose line is asked for (upstream.md 2.10).
MODELS = ("auto", "fast", "expert", "heavy")


async def watch_quota(pool: Pool, book: QuotaBook, modes: ModeBook | None = None) -> None:
    """Ask whenever it is due, until cancelled."""
    watch = QuotaWatch(pool, book, modes)
    while True:
        await watch.look()
        await asyncio.sleep(LOOK_EVERY_S)


class QuotaWatch:
    """Sees which profiles became READY or another account's, and asks for those that are due."""

    def __init__(self, pool: Pool, book: QuotaBook, modes: ModeBook | None = None) -> None:
        self._pool = pool
        self._book = book
        self._modes = ModeBook() if modes is None else modes
        self._asked_modes: dict[str, datetime] = {}
        self._ready: set[str] = set()
        self._accounts: dict[str, str] = {}

    async def look(self) -> None:
        """Ask for every profile that is due and whose browser runs anyway."""
        able = {one.name for one in self._pool.status() if one.clearance is Clearance.READY}
        accounts = {one.name: one.account.get("id", "") for one in self._pool.status()}
        for name, account in self._accounts.items():
            if accounts.get(name) != account:
                self._book.forget(name)
                self._modes.forget(name)
                self._asked_modes.pop(name, None)
        self._accounts = accounts
        for name in able - self._ready:
            self._book.outdated(name)
        self._ready = able
        for profile in self._pool.status():
            awake = profile.running and profile.clearance is Clearance.READY
            now = datetime.now(UTC)
            quota = awake and self._book.due(profile.name, now, every_s=EVERY_S)
            if quota or (awake and self._modes_due(profile.name, now)):
                await self._ask(profile.name, quota=quota)

    def _modes_due(self, name: str, now: datetime) -> bool:
        """Whether its modes are not known and were not asked for lately: they change only with the account's tier."""
        asked_at = self._asked_modes.get(name)
        return not self._modes.knows(name) and (asked_at is None or (now - asked_at).total_seconds() >= EVERY_S)

    async def _ask(self, name: str, *, quota: bool) -> None:
        with suppress(GatewayError, BrowserError), browser_errors():
            async with self._pool.lease(KIND, profile=name, timeout_s=LEASE_TIMEOUT_S) as lease:
                client = GrokClient(_Unjudged.of(lease), ProfileMemory(cooldown_s=EVERY_S))
                await self._ask_modes(client)
                if quota:
                    await self._ask_quota(client)

    async def _ask_modes(self, client: GrokClient) -> None:
        name = client.lease.profile
        self._asked_modes[name] = datetime.now(UTC)
        try:
            self._modes.told(name, await client.modes())
        except (GatewayError, BrowserError) as exc:  # the site before April 2026 knows no modes
            log.info("modes not told", profile=name, reason=str(exc))

    async def _ask_quota(self, client: GrokClient) -> None:
        try:
            await self._book.ask(client, models=MODELS)
        except (GatewayError, BrowserError) as exc:
            log.info("quota not told", profile=client.lease.profile, reason=str(exc))


@dataclass(frozen=True, slots=True)
class _Unjudged:
    """A lease through which nothing is said about its profile."""

    profile: str
    kind: str
    account: Mapping[str, str]
    transport: Transport

    @classmethod
    def of(cls, lease: Lease) -> _Unjudged:
        return cls(lease.profile, lease.kind, lease.account, lease.transport)

    def report(self, verdict: Verdict) -> None:
        """Hints condemn nobody."""

    def cool(self, kind: str, until: datetime, reason: str) -> None:
        """Nor do they let anything rest."""
