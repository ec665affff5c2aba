"""A pool of one profile whose transport is given: scripted in unit tests, a real page in the browser tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from browser.clearance import Clearance, Cooldown, Verdict
from browser.status import ProfileStatus, SlotCount
from browser.transport import Transport


@dataclass
class OneLease:
    """Keeps what was reported; worked: how often the site was said to work for the profile."""

    transport: Transport
    profile: str = "work"
    kind: str = "video"
    account: Mapping[str, str] = field(default_factory=lambda: {"id": "U"})
    verdicts: list[Verdict] = field(default_factory=list)
    cooldowns: list[Cooldown] = field(default_factory=list)
    worked: int = 0

    def report(self, verdict: Verdict) -> None:
        if verdict.clearance is Clearance.READY:
            self.worked += 1
        else:
            self.verdicts.append(verdict)

    def cool(self, kind: str, until: datetime, reason: str) -> None:
        self.cooldowns.append(Cooldown(kind, until, reason))


class OneProfilePool:
    """Lends the same profile to everybody; *clearance* is what its status says."""

    def __init__(self, transport: Transport, account: Mapping[str, str] | None = None) -> None:
        self.lease_of = OneLease(transport, account={"id": "U"} if account is None else account)
        self.clearance = Clearance.READY

    @asynccontextmanager
    async def _lend(self) -> AsyncIterator[OneLease]:
        yield self.lease_of

    def lease(self, kind: str, profile: str | None = None, *, timeout_s: float) -> Any:
        return self._lend()

    def free(self, kind: str) -> Sequence[str]:
        return ["work"]

    async def wait_changed(self, seen: int) -> int:
        await asyncio.sleep(3600)
        return seen

    def status(self) -> Sequence[ProfileStatus]:
        return [
            ProfileStatus(
                name="work",
                clearance=self.clearance,
                reason="",
                since=datetime.now(UTC),
                next_action="",
                account=self.lease_of.account,
                cooldowns=tuple(self.lease_of.cooldowns),
                slots={"video": SlotCount(0, 2)},
                running=True,
                released=False,
                pid=None,
                pss_bytes=None,
                last_checkpoint_at=None,
                verified_at=None,
                proxy=None,
                recycles=0,
            )
        ]
