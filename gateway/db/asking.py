"""Questions of one statement, as cheap as they come: status polls are most of what a gateway is asked.

On SQLite the async driver crosses to its thread and back for every cursor, statement, fetch and close; here a whole question
crosses once. On PostgreSQL a connection is not pinged before each question: one that turns out broken is asked again, anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from sqlalchemy import Executable, Row, create_engine
from sqlalchemy.exc import DBAPIError

from gateway.db.address import Address, postgresql_engine, shape_sqlite, sqlite_reading, to_ask
from gateway.db.whole import Patience, WholeConnection

#: A line that went silent is not waited for longer than this.
PATIENCE_S = 20.0
Rows = Sequence[Row[Any]]


class Asking(Protocol):
    """Asks one statement that changes nothing."""

    async def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows: ...

    async def close(self) -> None: ...


class AskingFile:
    """SQLite, on a few threads. A caller that is cancelled leaves its question to end by itself."""

    THREADS = 4

    def __init__(self, address: Address) -> None:
        url = address.url.set(drivername="sqlite")
        self._engine = create_engine(url, pool_size=self.THREADS, max_overflow=0, **sqlite_reading())
        shape_sqlite(self._engine, reading=True)
        self._threads = ThreadPoolExecutor(self.THREADS, thread_name_prefix="gateway-db")

    async def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, statement, parameters)

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _ask(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        with self._engine.connect() as connection:
            return connection.execute(statement, parameters).all()


class AskingServer:
    """PostgreSQL, through connections of its own."""

    def __init__(self, address: Address, patience: Patience, *, pooled: bool) -> None:
        self._patience = patience
        engine = postgresql_engine(address, pooled=pooled, pool_size=5, max_overflow=5)
        self._pool = engine
        self._engine = to_ask(engine, pooled=pooled)

    async def rows(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self._ask(statement, parameters)
            except DBAPIError as exc:
                if not exc.connection_invalidated:
                    raise
            return await self._ask(
                statement, parameters
            )  # the server was restarted; the pool has thrown the old ones away

    async def close(self) -> None:
        await self._pool.dispose()

    async def _ask(self, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
        connection = WholeConnection(self._engine, self._patience)
        try:
            await connection.open()
            rows: Rows = (await connection.execute(statement, parameters)).all()
            return rows
        finally:
            await connection.close()


def asking(address: Address, patience: Patience, *, pooled: bool) -> Asking:
    """What asks at *address*; nothing is opened yet. pooled: see `postgresql_engine`."""
    return AskingFile(address) if address.dialect == "sqlite" else AskingServer(address, patience, pooled=pooled)
