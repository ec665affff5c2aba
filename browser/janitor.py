"""Cleans up behind borrowers, so that leaving a lease takes no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from browser.lease import Lease

log = structlog.get_logger(__name__)

RESET_S = 5.0


class Janitor:
    """Closes what ended leases left open and then gives their slots back."""

    def __init__(self, give_back: Callable[[Lease], None]) -> None:
        self._give_back = give_back
        self._ended: asyncio.Queue[Lease] = asyncio.Queue()

    def take(self, lease: Lease) -> None:
        """Receive an ended lease. One that left nothing open gives its slot back at once."""
        if lease.leftovers is None:
            self._give_back(lease)
        else:
            self._ended.put_nowait(lease)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._clean(await self._ended.get()))

    async def _clean(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(RESET_S):
                if lease.leftovers is not None:
                    await lease.leftovers.close_leftovers()
        except TimeoutError:
            log.warning("leftovers not closed in time", profile=lease.profile, kind=lease.kind)
        finally:
            self._give_back(lease)
