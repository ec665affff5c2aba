"""A pool without browsers: remembers what it was told, and says what the test wants it to say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from browser.clearance import Clearance, Cooldown, Verdict
from browser.errors import LeaseTimeout, ProfileUnknown
from browser.profiles import ProfileSpec
from browser.status import ProfileEvent, ProfileStatus
from gateway.profiles.events import ProfileEvents


class PoolDouble:
    """The part of `browser.pool.Pool` that the keeper uses."""

    def __init__(self, events: ProfileEvents) -> None:
        self.specs: dict[str, ProfileSpec] = {}
        self.clearances: dict[str, Clearance] = {}
        self.cooldowns: dict[str, tuple[Cooldown, ...]] = {}
        self.accounts: dict[str, Mapping[str, str]] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.verdict = Verdict(Clearance.READY, "signed in", {"id": "u1", "name": "n…"})
        self.slow = asyncio.Event()
        self.slow.set()
        self.refuses_release = 0
        self._events = events

    async def add(
        self,
        spec: ProfileSpec,
        *,
        clearance: Clearance,
        reason: str = "",
        account: Mapping[str, str] | None = None,
        cooldowns: Iterable[Cooldown] = (),
    ) -> None:
        self.calls.append(("add", spec.name, clearance))
        self.specs[spec.name] = spec
        self.cooldowns[spec.name] = tuple(cooldowns)
        self.accounts[spec.name] = account or {}
        self.move(spec.name, clearance, reason)

    async def remove(self, name: str) -> None:
        if name not in self.specs:
            raise ProfileUnknown(name)
        self.calls.append(("remove", name))
        del self.specs[name]

    async def update(self, spec: ProfileSpec) -> None:
        self.calls.append(("update", spec.name))
        self.specs[spec.name] = spec

    async def release(self, name: str, *, timeout_s: float) -> None:
        if self.refuses_release:
            self.refuses_release -= 1
            raise LeaseTimeout(f"profile {name} could not be released within {timeout_s:g} s")
        self.calls.append(("release", name))

    def resume(self, name: str) -> None:
        self.calls.append(("resume", name))

    async def check(self, name: str) -> Verdict:
        self.calls.append(("check", name))
        await self.slow.wait()
        self.accounts[name] = self.verdict.account
        self.move(name, self.verdict.clearance, self.verdict.reason)
        return self.verdict

    def status(self) -> list[ProfileStatus]:
        return [self._status(name) for name in self.specs]

    def move(self, name: str, clearance: Clearance, reason: str = "") -> None:
        """Change a profile's state, and tell so."""
        self.clearances[name] = clearance
        self._events.put(ProfileEvent(name, "clearance changed", datetime.now(UTC), clearance, reason))

    def told(self, *words: str) -> list[tuple[Any, ...]]:
        """The calls of these names."""
        return [call for call in self.calls if call[0] in words]

    def _status(self, name: str) -> ProfileStatus:
        return ProfileStatus(
            name=name,
            clearance=self.clearances[name],
            reason="",
            since=datetime.now(UTC),
            next_action="",
            account=self.accounts[name],
            cooldowns=self.cooldowns[name],
            slots={},
            running=False,
            released=False,
            pid=None,
            pss_bytes=None,
            last_checkpoint_at=None,
            verified_at=None,
            proxy=self.specs[name].proxy,
            recycles=0,
        )
