"""Keeps the books: chats and pictures are noted as they end and written together, and the log is summed up now and then.

Videos do not pass here: their end is logged in the transaction that ends them (`gateway.tasks.moves`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog

from gateway.db.beside import beside
from gateway.db.connect import Database
from gateway.errors import GatewayError
from gateway.usage.ended import Ended
from gateway.usage.fold_sql import BATCH, fold, forget
from gateway.usage.log_sql import write_log

log = structlog.get_logger(__name__)

#: What ended within this is written at once; a crash loses the counts of that long, never a task's.
WRITE_EVERY_S = 1.0
#: Hint that calls were written; videos have their own.
TOPIC = "usage"
FOLD_EVERY_S = 30.0
FORGET_EVERY_S = 3600.0
LAST_WRITE_S = 3.0
#: While the database is away: older ones are dropped, they are only counts.
MOST_UNWRITTEN = 10_000


class UsageBook:
    """One per process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._unwritten: list[Ended] = []
        self._news = asyncio.Event()

    def note(self, ended: Ended) -> None:
        """Remember a chat or an image request that is over; never waits, never fails."""
        self._unwritten.append(ended)
        del self._unwritten[:-MOST_UNWRITTEN]
        self._news.set()

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the books for the length of the block."""
        async with beside(self._write_on(), self._fold_on(), self._forget_on()):
            yield
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(LAST_WRITE_S):
                await self.write()

    async def write(self) -> None:
        """Write what was noted. What cannot be written now stays noted."""
        some = self._unwritten[:]
        if some:
            async with self._db.write(TOPIC) as connection:
                await write_log(connection, some)
            del self._unwritten[: len(some)]

    async def _write_on(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.write()
            except GatewayError as exc:
                log.warning("usage not written yet", reason=exc.message)
                self._news.set()

    async def _fold_on(self) -> None:
        while True:
            await asyncio.sleep(FOLD_EVERY_S)
            try:
                while await fold(self._db) == BATCH:
                    pass
            except GatewayError as exc:
                log.warning("usage not summed up yet", reason=exc.message)

    async def _forget_on(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            try:
                await forget(self._db, datetime.now(UTC))
            except GatewayError as exc:
                log.warning("old usage not removed yet", reason=exc.message)
