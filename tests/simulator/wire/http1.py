"""HTTP/1.1: the way WebSockets come, the way a client without ALPN comes, and the control port."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import cast

import h11

from .exchange import App, ClientGoneError, Exchange, Headers, Request, Running
from .websocket import WebSocket

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Http1Connection(asyncio.Protocol):
    def __init__(self, app: App, running: Running) -> None:
        self.app = app
        self.running = running
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=65536)
        self.exchange: Http1Exchange | None = None
        self.socket: WebSocket | None = None
        self.writable = asyncio.Event()
        self.writable.set()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        if self.socket is not None:
            self.socket.feed(data)
            return
        self.h11.receive_data(data)
        self.read_events()

    def read_events(self) -> None:
        while True:
            try:
                event = self.h11.next_event()
            except h11.RemoteProtocolError:
                self.transport.close()
                return
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Request):
                self.exchange = Http1Exchange(read_request(event), self)
                self.running.start(self.exchange, self.app)
            elif isinstance(event, h11.Data) and self.exchange:
                self.exchange.feed(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and self.exchange:
                self.exchange.feed_end()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.writable.set()
        if self.socket is not None:
            self.socket.mark_gone()
        if self.exchange is not None:
            self.exchange.mark_gone()

    def next_request(self) -> None:
        if self.h11.our_state is h11.MUST_CLOSE or self.h11.their_state is not h11.DONE:
            self.transport.close()
            return
        self.h11.start_next_cycle()
        self.exchange = None
        self.read_events()


def read_request(event: h11.Request) -> Request:
    headers: Headers = {}
    names: list[str] = []
    for name_bytes, value_bytes in event.headers.raw_items():
        raw_name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
        name = raw_name.lower()
        names.append(raw_name)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(
        method=event.method.decode(),
        host=headers.get("host", ""),
        target=event.target.decode("latin-1"),
        headers=headers,
        header_names=names,
        http_version="1.1",
    )


class Http1Exchange(Exchange):
    def __init__(self, request: Request, connection: Http1Connection) -> None:
        super().__init__(request)
        self.connection = connection

    def _send(self, event: h11.Event) -> None:
        if self.gone or self.connection.closed:
            raise ClientGoneError
        data = self.connection.h11.send(event)
        if data:
            self.connection.transport.write(data)

    async def start(self, status: int, headers: Headers) -> None:
        self.started = True
        lines = [(name, part) for name, value in headers.items() for part in value.split("\n")]
        self._send(h11.Response(status_code=status, headers=lines))

    async def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        headers.setdefault("content-length", str(len(body)))
        await self.start(status, headers)
        if self.request.method != "HEAD" and body:
            await self.write(body)
        await self.finish()

    async def write(self, data: bytes | memoryview) -> None:
        if not self.connection.writable.is_set():
            await self.connection.writable.wait()
        self._send(h11.Data(data=bytes(data)))
        self._count(len(data))

    async def finish(self) -> None:
        self._send(h11.EndOfMessage())
        self.finished = True
        self.connection.next_request()

    def cut(self) -> None:
        if not self.finished and not self.gone:
            self.broken_off = self.finished = True
            self.connection.transport.close()

    def drop(self) -> None:
        self.broken_off = self.finished = True
        self.connection.transport.abort()

    async def accept_websocket(self) -> WebSocket:
        key = self.request.headers.get("sec-websocket-key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest()).decode()
        self._send(
            h11.InformationalResponse(
                status_code=101,
                headers=[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)],
            )
        )
        self.started = True
        socket = WebSocket(self.connection.transport, self.connection.writable, self._count)
        self.connection.socket = socket
        trailing, _ = self.connection.h11.trailing_data
        if trailing:
            socket.feed(trailing)
        return socket
