"""A connection whose every operation is finished once begun, whoever is cancelled meanwhile.

A coroutine that is cancelled inside the driver leaves a connection behind in the middle of a statement; on SQLite that one
keeps the write lock until it is collected (seen: 30 s of "database is locked" after one cancelled request). So the
operation runs in a task of its own: its caller waits for it, and is cancelled after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")
#: How long a cancelled caller waits for its operation; a server that does not answer must not keep the process from ending.
PATIENCE_S = 5.0


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* returns; cancelled meanwhile, let it finish first."""
    running = asyncio.create_task(work)
    try:
        await asyncio.wait({running})
    except asyncio.CancelledError:
        if not running.done():
            await asyncio.wait({running}, timeout=PATIENCE_S)
        if not running.done():
            running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()  # seen; the cancellation is what counts now
        raise
    return running.result()


class WholeConnection(AsyncConnection):
    """`AsyncConnection` in whole operations. Made by `Database`, used like any other."""

    async def open(self) -> None:
        await whole(self._open())

    async def _open(self) -> None:
        await super().start()

    async def begin_whole(self) -> None:
        """Begin the transaction that `commit` or `rollback` ends."""
        await whole(self._begin())

    async def _begin(self) -> None:
        await super().begin().start()

    async def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        return await whole(super().execute(statement, parameters, execution_options=execution_options))

    async def exec_driver_sql(self, statement: str, parameters: Any = None, execution_options: Any = None) -> Any:
        return await whole(super().exec_driver_sql(statement, parameters, execution_options))

    async def run_sync(self, fn: Callable[..., T], *arg: Any, **kw: Any) -> T:
        return await whole(super().run_sync(fn, *arg, **kw))

    async def commit(self) -> None:
        await whole(super().commit())

    async def rollback(self) -> None:
        await whole(super().rollback())

    async def close(self) -> None:
        """Give the connection back; nothing to do where opening it failed."""
        if self.sync_connection is not None:
            await whole(super().close())
