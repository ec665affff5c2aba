"""One open WebSocket, server side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from .exchange import ClientGoneError


class WebSocket:
    def __init__(self, transport: asyncio.Transport, writable: asyncio.Event, count: Callable[[int], None]) -> None:
        self._transport = transport
        self._writable = writable
        self._count = count
        self._ws = Connection(ConnectionType.SERVER)
        self._messages: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._partial: list[Any] = []
        self.closed = False
        self.closed_by_client = False

    def feed(self, data: bytes) -> None:
        try:
            self._ws.receive_data(data)
            for event in self._ws.events():
                self._on_event(event)
        except (RemoteProtocolError, LocalProtocolError):
            self.drop()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self._on_message(event)
        elif isinstance(event, Ping):
            self._transport.write(self._ws.send(event.response()))
        elif isinstance(event, CloseConnection):
            self.closed_by_client = True
            if self._ws.state is ConnectionState.REMOTE_CLOSING:
                self._transport.write(self._ws.send(event.response()))
            self.mark_gone()
            self._transport.close()

    def _on_message(self, event: Message[Any]) -> None:
        self._partial.append(event.data)
        if event.message_finished:
            joined = self._partial[0] if len(self._partial) == 1 else type(event.data)().join(self._partial)
            self._partial = []
            self._messages.put_nowait(joined if isinstance(joined, str) else bytes(joined))

    def mark_gone(self) -> None:
        if not self.closed:
            self.closed = True
            self._messages.put_nowait(None)

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """JSON objects as they come; ends when the client leaves. Anything that is no object is skipped."""
        while (text := await self._messages.get()) is not None:
            try:
                value = json.loads(text)
            except ValueError:
                continue
            if isinstance(value, dict):
                yield value

    async def send(self, value: dict[str, Any]) -> None:
        await self._writable.wait()
        if self.closed:
            raise ClientGoneError
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self._count(len(text))
        self._transport.write(self._ws.send(TextMessage(data=text)))

    def close(self, code: int = 1000, reason: str = "") -> None:
        if not self.closed:
            self._transport.write(self._ws.send(CloseConnection(code=code, reason=reason)))
            self.mark_gone()

    def drop(self) -> None:
        self.mark_gone()
        self._transport.abort()
