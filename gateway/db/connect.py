"""The open database: one writer and many readers, the clock, the change hints. SQLite and PostgreSQL look the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.db import address as addresses
from gateway.db.asking import Rows, asking
from gateway.db.beside import beside
from gateway.db.changes import Changes
from gateway.db.clock import Clock
from gateway.db.failures import explain, reason, told_plainly
from gateway.db.listen_postgresql import Listener
from gateway.db.migrate import upgrade
from gateway.db.one_host import hold_host
from gateway.db.watch_sqlite import watch
from gateway.db.whole import NO_LIMIT, NoAnswer, Patience, WholeConnection
from gateway.errors import DatabaseUnavailable, StartRefused

_TOPICS = "gateway_topics"


class Database:
    """``async with Database.open(url) as db``. Statements are SQLAlchemy Core, the same for both databases.

    rows: one question. read: for looking at more. write: one transaction, committed (durable) when the block ends, undone
    when it raises. On SQLite writers of this process queue fairly for the one writing connection; keep blocks short and do
    nothing else in them. All raise StorageFull and DatabaseUnavailable instead of what the driver says.
    """

    def __init__(
        self,
        address: addresses.Address,
        writing: AsyncEngine,
        reading: AsyncEngine,
        *,
        bus: addresses.Address | None = None,
    ) -> None:
        self.dialect = address.dialect
        self.shown = address.shown
        self._file = address.file
        self.clock = Clock(address.dialect)
        self.changes = Changes()
        self._writing = writing
        self._reading = reading
        self._patience = Patience(limited=address.dialect == "postgresql")
        self._asking = asking(address, self._patience, pooled=bus is not None)
        self._probing = writing.execution_options(**{addresses.BEGIN: ""})
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._listener = Listener(bus or address, self.changes) if address.dialect == "postgresql" else None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, bus_url: str = "", migrate: bool = True) -> AsyncIterator[Database]:
        """Open the database, its tables made or brought up to date. Raises StartRefused with what to change.

        bus_url: the server itself, where *url* leads through a pooler. migrate: False leaves the tables as they are.
        """
        address = addresses.parse(url)
        bus = addresses.parse_bus(bus_url, address) if bus_url else None
        if address.dialect == "sqlite":
            addresses.prepare_file(address.file)
            engines = addresses.sqlite_engines(address)
        else:
            engines = addresses.postgresql_engines(address, pooled=bus is not None)
        db = cls(address, *engines, bus=bus)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(engines[0].dispose)
            stack.push_async_callback(engines[1].dispose)
            stack.push_async_callback(db._asking.close)
            await db._first_contact()
            if migrate:
                await upgrade(db)
            if db.dialect == "sqlite":
                await stack.enter_async_context(hold_host(db))
            await stack.enter_async_context(beside(db._carry_hints()))
            yield db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Look at the database, without waiting for anybody who writes."""
        async with self._connected(self._reading) as connection:
            with told_plainly(self.shown):
                yield connection

    async def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Rows:
        """What one statement that changes nothing answers: the cheapest way to look."""
        try:
            with told_plainly(self.shown):
                return await self._asking.rows(statement, parameters or {})
        except (OSError, TimeoutError) as exc:
            raise explain(exc, self.shown) from exc

    @asynccontextmanager
    async def write(self, *topics: str) -> AsyncIterator[AsyncConnection]:
        """One transaction. *topics*, and those given to `hint` inside, are told to all processes once it is committed."""
        pending = set(topics)
        async with self._only_writer(), self._connected(self._writing) as connection:
            with told_plainly(self.shown):
                connection.info[_TOPICS] = pending
                await connection.begin_whole()
                try:
                    yield connection
                    if pending and self._listener is not None:
                        await self._listener.within(connection, pending)
                    await connection.commit()
                except BaseException as exc:
                    with suppress(DBAPIError, NoAnswer):  # the connection is gone, and the transaction with it
                        await connection.rollback()
                    if not isinstance(exc, asyncio.CancelledError):
                        pending.clear()  # a cancelled one may have been committed all the same
                    raise
                finally:
                    self._tell(pending)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Look at the whole database as it is at one moment, however long that takes; nobody waits for it."""
        if self.dialect == "sqlite":
            async with self.read() as connection:
                await connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                finally:
                    await connection.exec_driver_sql("ROLLBACK")
            return
        frozen = self._writing.execution_options(isolation_level="REPEATABLE READ")
        async with self._connected(frozen, NO_LIMIT) as connection:
            with told_plainly(self.shown):
                await connection.begin_whole()
                await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                try:
                    yield connection
                finally:
                    await connection.rollback()

    def hint(self, connection: AsyncConnection, topic: str) -> None:
        """Tell all processes about *topic* when the transaction of *connection* (from `write`) is committed."""
        connection.info[_TOPICS].add(topic)

    async def now(self, connection: AsyncConnection) -> datetime:
        """The database's time."""
        return (await connection.execute(select(self.clock.now()))).scalar_one()

    async def ping(self) -> None:
        """Return when the database answers; raises DatabaseUnavailable."""
        async with self.read() as connection:
            await connection.exec_driver_sql("SELECT 1")

    def hurry(self) -> None:
        """The gateway stops: wait for no answer for long any more."""
        self._patience.hurry()

    # -- inside --------------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine, patience: Patience | None = None) -> AsyncIterator[WholeConnection]:
        connection = WholeConnection(engine, patience or self._patience)
        try:
            try:
                with told_plainly(self.shown):
                    await connection.open()
            except (OSError, TimeoutError) as exc:
                raise explain(exc, self.shown) from exc
            yield connection
        finally:
            with suppress(NoAnswer):  # then it is thrown away
                await connection.close()

    @asynccontextmanager
    async def _only_writer(self) -> AsyncIterator[None]:
        if self.dialect != "sqlite":
            yield
            return
        if self._writer is asyncio.current_task():
            raise RuntimeError(
                "db.write() inside db.write(): on SQLite the inner one would wait for the outer for ever"
            )
        async with self._turn:
            self._writer = asyncio.current_task()
            try:
                yield
            finally:
                self._writer = None

    def _tell(self, topics: set[str]) -> None:
        for topic in topics:
            self.changes.wake(topic)

    async def _first_contact(self) -> None:
        try:
            async with self._connected(self._writing) as connection:
                await connection.exec_driver_sql("SELECT 1")
        except Exception as exc:
            cause = exc.__cause__ if isinstance(exc, DatabaseUnavailable) and exc.__cause__ else exc
            cause = cause.orig if isinstance(cause, DBAPIError) and cause.orig else cause
            raise StartRefused(
                f"The database {self.shown} cannot be opened: {reason(cause)}; check GATEWAY_DATABASE_URL."
            ) from exc

    async def _carry_hints(self) -> None:
        if self._listener is None:
            await watch(self._file, self._version, self.changes)
        else:
            self.changes.tell_others_through(self._listener.send)
            await self._listener.run()

    async def _version(self) -> int:
        """SQLite's data version as the writing connection sees it."""
        async with self._turn, self._connected(self._probing) as connection:
            with told_plainly(self.shown):
                return int((await connection.exec_driver_sql("PRAGMA data_version")).scalar_one())
