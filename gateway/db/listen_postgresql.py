"""LISTEN/NOTIFY: one connection of its own per process, made anew whenever it is lost."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

import asyncpg  # type: ignore[import-untyped]
import structlog
from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.address import Address
from gateway.db.changes import Changes

CHANNEL = "gateway_changes"
PING_S = 15.0
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 5.0
_LOST = ""  # no topic: it only wakes the loop
_NOTIFY = text("SELECT pg_notify(:channel, payload) FROM unnest(:payloads) AS payload").bindparams(
    bindparam("payloads", type_=ARRAY(Text))
)
log = structlog.get_logger(__name__)


class Listener:
    """Carries hints between processes. *name* marks our own, which have been delivered here already."""

    def __init__(self, address: Address, changes: Changes) -> None:
        self._dsn = address.dsn
        self._changes = changes
        self._outbox: asyncio.Queue[str] = asyncio.Queue(maxsize=10_000)
        self.name = secrets.token_hex(4)

    def payload(self, topic: str) -> str:
        return f"{self.name} {topic}"

    def send(self, topic: str) -> None:
        """Queue a hint that belongs to no transaction. Dropped when the server has been away for long."""
        with suppress(asyncio.QueueFull):
            self._outbox.put_nowait(topic)

    async def within(self, connection: AsyncConnection, topics: set[str]) -> None:
        """Send hints with the transaction: they arrive if and when it commits."""
        await connection.execute(_NOTIFY, {"channel": CHANNEL, "payloads": [self.payload(topic) for topic in topics]})

    async def run(self) -> None:
        """Listen for as long as the process lives."""
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                await self._listen()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
                if self._changes.connected:
                    log.warning("change listener lost", reason=str(exc) or type(exc).__name__)
                    retry_s = _FIRST_RETRY_S
                self._changes.connected = False
            await asyncio.sleep(retry_s)
            retry_s = min(_LAST_RETRY_S, retry_s * 2)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10, server_settings={"application_name": "grok-gateway"})
        try:
            connection.add_termination_listener(lambda _connection: self.send(_LOST))
            await connection.add_listener(CHANNEL, self._received)
            self._changes.connected = True
            self._changes.wake_all()  # what was said while we were away is lost
            while not connection.is_closed():
                await self._send_or_ping(connection)
            raise ConnectionError("the server closed the connection")
        finally:
            connection.terminate()

    async def _send_or_ping(self, connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(PING_S):
                topics = {await self._outbox.get()}
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=10)
            return
        while not self._outbox.empty():
            topics.add(self._outbox.get_nowait())
        for topic in topics - {_LOST}:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self.payload(topic), timeout=10)

    def _received(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        sender, _, topic = str(payload).partition(" ")
        if sender != self.name:
            self._changes.wake(topic)
