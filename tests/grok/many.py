"""A pool of several scripted profiles, each with its own rests, clearance and number of places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from browser.clearance import Clearance, Cooldown, Verdict
from browser.errors import LeaseTimeout, ProfileNotCleared
from browser.status import ProfileStatus, SlotCount
from tests.grok.lending import OneLease
from tests.grok.script import Script


class ManyProfiles:
    """``ManyProfiles("a", "b")``: their scripts are in `scripts`, who was lent in `lent`."""

    def __init__(self, *names: str, places: int = 8) -> None:
        self.scripts = {name: Script() for name in names}
        self.clearances = dict.fromkeys(names, Clearance.READY)
        self.rests: dict[str, list[Cooldown]] = {name: [] for name in names}
        self.verdicts: list[tuple[str, Verdict]] = []
        self.lent: list[str] = []
        self.used = dict.fromkeys(names, 0)
        self.places = places

    def _able(self, kind: str) -> list[str]:
        now = datetime.now(UTC)
        return [
            name
            for name in self.scripts
            if self.clearances[name] is Clearance.READY
            and self.used[name] < self.places
            and not any(rest.kind == kind and rest.until > now for rest in self.rests[name])
        ]

    @asynccontextmanager
    async def lease(self, kind: str, *, timeout_s: float, profile: str | None = None) -> AsyncIterator[Any]:
        if profile is not None and self.clearances[profile] is not Clearance.READY:
            raise ProfileNotCleared(f"{profile} is not ready")
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not (able := [name for name in self._able(kind) if profile in (None, name)]):
            if asyncio.get_running_loop().time() > deadline:
                raise LeaseTimeout("none became free")
            await asyncio.sleep(0.005)
        name = able[0]
        self.lent.append(name)
        self.used[name] += 1
        try:
            yield _Lease(self, name, kind)
        finally:
            self.used[name] -= 1

    def free(self, kind: str) -> Sequence[str]:
        return self._able(kind)

    async def wait_changed(self, seen: int) -> int:
        await asyncio.sleep(0.005)
        return seen + 1

    def status(self) -> Sequence[ProfileStatus]:
        said: dict[str, Any] = dict.fromkeys(ProfileStatus.__slots__)
        return [
            ProfileStatus(
                **{
                    **said,
                    "name": name,
                    "clearance": self.clearances[name],
                    "reason": "",
                    "account": {"id": "U"},
                    "cooldowns": tuple(self.rests[name]),
                    "slots": {"chat": SlotCount(self.used[name], self.places)},
                }
            )
            for name in self.scripts
        ]


class _Lease(OneLease):
    """Tells the pool what is reported."""

    def __init__(self, pool: ManyProfiles, name: str, kind: str) -> None:
        super().__init__(pool.scripts[name], profile=name, kind=kind)
        self._pool = pool

    def report(self, verdict: Verdict) -> None:
        self._pool.clearances[self.profile] = verdict.clearance
        self._pool.verdicts.append((self.profile, verdict))

    def cool(self, kind: str, until: datetime, reason: str) -> None:
        self._pool.rests[self.profile].append(Cooldown(kind, until, reason))
