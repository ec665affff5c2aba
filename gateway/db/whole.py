"""A connection whose every operation is finished once begun, whoever is cancelled meanwhile.

A coroutine that is cancelled inside the driver leaves a connection behind in the middle of a statement; on SQLite that one
keeps the write lock until it is collected (seen: 30 s of "database is locked" after one cancelled request). So the
operation runs in a task of its own: its caller waits for it, and is cancelled after it.

A server that does not answer at all (its line is silent, it stands still) is given up after a while: see `Patience`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")
#: How long a cancelled caller waits for its operation; a server that does not answer must not keep the process from ending.
CANCELLED_S = 5.0
#: How long an operation may take. No statement of ours takes nearly as long; waiting for a lock ends before.
ANSWER_S = 45.0
#: The same while the gateway stops, and once something was waited for in vain then.
LAST_ANSWER_S, GONE_S = 5.0, 1.0
SLICE_S = 1.0


class NoAnswer(Exception):
    """The server did not answer in time."""


class Patience:
    """How long the operations of one database may take. For a file there is no limit: a thread that waits cannot be stopped."""

    def __init__(self, *, limited: bool) -> None:
        self.within_s: float | None = ANSWER_S if limited else None
        self._hurried = False

    def hurry(self) -> None:
        """The gateway stops: whoever is told to end it does not wait for long."""
        if self.within_s is not None and not self._hurried:
            self._hurried = True
            self.within_s = LAST_ANSWER_S

    async def wait_for(self, running: asyncio.Task[Any]) -> bool:
        """Wait for its end, False when that took too long. Also what was begun before hears of the hurry."""
        began = time.monotonic()
        while not running.done():
            within_s = self.within_s
            left_s = math.inf if within_s is None else began + within_s - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.wait({running}, timeout=None if within_s is None else min(left_s, SLICE_S))
        return True

    def answered(self, in_time: bool) -> None:
        """Take note of how an operation went."""
        if self._hurried:
            self.within_s = LAST_ANSWER_S if in_time else GONE_S


NO_LIMIT = Patience(limited=False)


async def whole(work: Coroutine[Any, Any, T], patience: Patience = NO_LIMIT) -> T:
    """Return what *work* returns; cancelled meanwhile, let it finish first. Raises NoAnswer."""
    running = asyncio.create_task(work)
    try:
        in_time = await patience.wait_for(running)
    except asyncio.CancelledError:
        await asyncio.wait({running}, timeout=min(CANCELLED_S, patience.within_s or CANCELLED_S))
        await _end(running)
        raise
    patience.answered(in_time=in_time)
    if not in_time:
        await _end(running)
        raise NoAnswer("it does not answer")
    return running.result()


async def _end(running: asyncio.Task[Any]) -> None:
    """End it, whatever it says to that: why it was ended is what counts now."""
    running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    running.cancel()
    await asyncio.wait({running})


class WholeConnection(AsyncConnection):
    """`AsyncConnection` in whole operations. Made by `Database`, used like any other."""

    def __init__(self, engine: AsyncEngine, patience: Patience = NO_LIMIT) -> None:
        super().__init__(engine)
        self._patience = patience

    async def open(self) -> None:
        await whole(self._open(), self._patience)

    async def _open(self) -> None:
        await super().start()

    async def begin_whole(self) -> None:
        """Begin the transaction that `commit` or `rollback` ends."""
        await whole(self._begin(), self._patience)

    async def _begin(self) -> None:
        await super().begin().start()

    async def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        return await whole(super().execute(statement, parameters, execution_options=execution_options), self._patience)

    async def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        return await whole(super().exec_driver_sql(statement, parameters, execution_options), self._patience)

    async def run_sync(self, fn: Callable[..., T], *arg: Any, **kw: Any) -> T:
        """As long as it takes: this is how tables are made and changed."""
        return await whole(super().run_sync(fn, *arg, **kw))

    async def commit(self) -> None:
        await whole(super().commit(), self._patience)

    async def rollback(self) -> None:
        await whole(super().rollback(), self._patience)

    async def close(self) -> None:
        """Give the connection back; nothing to do where opening it failed."""
        if self.sync_connection is not None:
            await whole(super().close(), self._patience)
