"""Writes that must not be given up: tried again for as long as the database is away. Their fencing token makes that safe,
however long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from gateway.errors import DatabaseUnavailable, StorageFull

T = TypeVar("T")
FIRST_PAUSE_S, LAST_PAUSE_S = 0.1, 2.0
log = structlog.get_logger(__name__)


class Persistence:
    """Tries, and knows what is still unwritten."""

    def __init__(self) -> None:
        self._unwritten = 0
        self._nothing_left = asyncio.Event()
        self._nothing_left.set()

    async def write(self, what: str, write: Callable[[], Awaitable[T]]) -> T:
        """Return what *write* returns once the database took it. LeaseLost and bugs are raised at once."""
        pause_s = FIRST_PAUSE_S
        failed = False
        try:
            while True:
                try:
                    return await write()
                except (DatabaseUnavailable, StorageFull) as exc:
                    log.warning("not written yet", what=what, reason=exc.message, again_in_s=pause_s)
                if not failed:
                    failed = True
                    self._unwritten += 1
                    self._nothing_left.clear()
                await asyncio.sleep(pause_s)
                pause_s = min(LAST_PAUSE_S, pause_s * 2)
        finally:
            if failed:
                self._unwritten -= 1
                if not self._unwritten:
                    self._nothing_left.set()

    async def caught_up(self) -> None:
        """Return when nothing is left unwritten: before that, taking claims away would turn those writes down."""
        await self._nothing_left.wait()
