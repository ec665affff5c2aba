"""Writes into the rows what this node's browsers take and do, for the console of any node. Rarely: it is only for looking at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from browser.pool import Pool
from browser.status import ProfileStatus
from gateway.errors import GatewayError
from gateway.profiles.events import ProfileEvents
from gateway.profiles.registry import Registry

log = structlog.get_logger(__name__)

#: Reading what a browser's processes take costs some milliseconds of CPU per profile.
EVERY_S = 30.0
FIRST_AFTER_S = 5.0


class Measuring:
    """Measures memory and slots, and has the counts of `health.py` written that no event carried along."""

    def __init__(self, pool: Pool, registry: Registry, events: ProfileEvents) -> None:
        self._pool = pool
        self._registry = registry
        self._events = events
        self._written: dict[str, Mapping[str, Any]] = {}

    async def run(self) -> None:
        """Measure until cancelled."""
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.measure()
            except (GatewayError, OSError) as exc:
                log.info("not measured", error=str(exc))
            self._events.nudge()
            await asyncio.sleep(EVERY_S)

    async def measure(self) -> None:
        """Measure once, and write what is other than it was."""
        await self._pool.measure_memory()
        statuses = self._pool.status()
        for status in statuses:
            live = live_of(status)
            if self._written.get(status.name) != live:
                await self._registry.note_live(status.name, {**live, "at": datetime.now(UTC).isoformat()})
                self._written[status.name] = live
        for gone in self._written.keys() - {status.name for status in statuses}:
            del self._written[gone]


def live_of(status: ProfileStatus) -> dict[str, Any]:
    """Return what is kept of a status beside the profile's standing."""
    return {
        "running": status.running,
        "pss_bytes": status.pss_bytes,
        "slots": {kind: [count.used, count.total] for kind, count in status.slots.items()},
        "verified_at": None if status.verified_at is None else status.verified_at.isoformat(),
        "recycles": status.recycles,
    }
