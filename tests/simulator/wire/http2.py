"""HTTP/2, server side."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .exchange import App, ClientGoneError, Exchange, Headers, Request, Running

MAX_CONCURRENT_STREAMS = 100
STREAM_WINDOW = 4 * 1024 * 1024
CONNECTION_WINDOW = 32 * 1024 * 1024
#: How a connection can hang: new requests are taken and never answered; also nothing more comes of answers under way; nothing
#: is read any more, not even pings (Chromium finds that out by itself, in 10 s).
WEDGES = ("requests", "answers", "reading")
TURN = 128 * 1024  # a download hands the loop over after this much, so that small answers are not kept waiting

CONFIG = h2.config.H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
SETTINGS = {
    h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MAX_CONCURRENT_STREAMS,
    h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
    h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 65536,
}


def read_request(raw: list[tuple[bytes, bytes]]) -> Request:
    """Pseudo headers into fields; crumbs of the cookie header joined again, as RFC 9113 8.2.3 asks."""
    headers: Headers = {}
    names: list[str] = []
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
        names.append(name)
        if name in headers:
            headers[name] += ("; " if name == "cookie" else ", ") + value
        else:
            headers[name] = value
    return Request(
        method=headers.get(":method", "GET"),
        host=headers.get(":authority", headers.get("host", "")),
        target=headers.get(":path", "/"),
        headers=headers,
        header_names=names,
        http_version="2",
    )


class Http2Connection(asyncio.Protocol):
    def __init__(self, app: App, running: Running) -> None:
        self.app = app
        self.running = running
        self.h2 = h2.connection.H2Connection(CONFIG)
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values=SETTINGS)
        self.exchanges: dict[int, Http2Exchange] = {}
        self.writable = asyncio.Event()
        self.writable.set()
        self.closed = False
        self.wedged = ""

    def wedge(self, how: str) -> None:
        """Hang from now on, for as long as the connection lasts."""
        self.wedged = how
        if how == "reading":
            self.transport.pause_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=512 * 1024)
        self.running.connections.add(self)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(CONNECTION_WINDOW)
        self.flush()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        if data and not self.closed:
            self.transport.write(data)

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.flush()
            self.transport.close()
            return
        for event in events:
            self._on_event(event)
        self.flush()

    def _on_event(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived() if self.wedged:
                pass
            case h2.events.RequestReceived():
                exchange = Http2Exchange(read_request(event.headers), self, event.stream_id)
                self.exchanges[event.stream_id] = exchange
                self.running.start(exchange, self.app)
            case h2.events.DataReceived():
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if found := self.exchanges.get(event.stream_id):
                    found.feed(event.data)
            case h2.events.StreamEnded():
                if found := self.exchanges.get(event.stream_id):
                    found.feed_end()
            case h2.events.StreamReset():
                if found := self.exchanges.pop(event.stream_id, None):
                    found.mark_gone()
                    found.window.set()
            case h2.events.WindowUpdated():
                if event.stream_id:
                    if found := self.exchanges.get(event.stream_id):
                        found.window.set()
                else:
                    self._wake_all()
            case h2.events.RemoteSettingsChanged():
                self._wake_all()
            case h2.events.ConnectionTerminated():
                self.transport.close()

    def _wake_all(self) -> None:
        for exchange in self.exchanges.values():
            exchange.window.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.running.connections.discard(self)
        self.writable.set()
        for exchange in list(self.exchanges.values()):
            exchange.mark_gone()
        self.exchanges.clear()


class Http2Exchange(Exchange):
    def __init__(self, request: Request, connection: Http2Connection, stream_id: int) -> None:
        super().__init__(request)
        self.connection = connection
        self.stream_id = stream_id
        self.window = asyncio.Event()

    def _require_open(self) -> None:
        if self.gone or self.connection.closed:
            raise ClientGoneError
        if self.finished:
            raise RuntimeError("the answer has ended")

    def _send_head(self, status: int, headers: Headers, end: bool) -> None:
        self._require_open()
        if self.connection.wedged in WEDGES[1:]:
            return
        self.started = True
        block = [(b":status", b"%d" % status)]
        for name, value in headers.items():
            # one Set-Cookie line per cookie: they are kept apart by a newline in the dictionary
            block += [(name.encode(), part.encode("latin-1", "replace")) for part in value.split("\n")]
        self.connection.h2.send_headers(self.stream_id, block, end_stream=end)

    def _end(self) -> None:
        self.finished = True
        self.connection.exchanges.pop(self.stream_id, None)
        if not self._body_complete.is_set():
            # answered before the upload was read: tell the client to stop sending (RFC 9113 8.1)
            self.connection.h2.reset_stream(self.stream_id, h2.errors.ErrorCodes.NO_ERROR)
        self.connection.flush()

    async def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        if self.request.method == "HEAD" or not body:
            headers.setdefault("content-length", str(len(body)))
            self._send_head(status, headers, end=True)
            self._end()
            return
        headers.setdefault("content-length", str(len(body)))
        self._send_head(status, headers, end=False)
        await self._send(body, end=True)

    async def start(self, status: int, headers: Headers) -> None:
        self._send_head(status, headers, end=False)
        self.connection.flush()

    async def write(self, data: bytes | memoryview) -> None:
        await self._send(data, end=False)

    async def _send(self, data: bytes | memoryview, end: bool) -> None:
        connection = self.connection
        view = memoryview(data)
        while True:
            if not connection.writable.is_set():
                await connection.writable.wait()
            self._require_open()
            if connection.wedged in WEDGES[1:]:
                await asyncio.Event().wait()  # until the client goes
            room = min(connection.h2.local_flow_control_window(self.stream_id), TURN)
            if room <= 0 < len(view):
                self.window.clear()
                await self.window.wait()
                continue
            part, view = view[:room], view[room:]
            last = end and not view
            step = connection.h2.max_outbound_frame_size
            for offset in range(0, len(part), step):
                piece = part[offset : offset + step]
                connection.h2.send_data(self.stream_id, piece, end_stream=last and offset + step >= len(part))
            self._count(len(part))
            if last:
                self._end()
                return
            connection.flush()
            if not view:
                return
            await asyncio.sleep(0)

    async def finish(self) -> None:
        self._require_open()
        self.connection.h2.end_stream(self.stream_id)
        self._end()

    def cut(self) -> None:
        if self.finished or self.gone or self.connection.closed:
            return
        self.broken_off = self.finished = True
        self.connection.exchanges.pop(self.stream_id, None)
        self.connection.h2.reset_stream(self.stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self.connection.flush()

    def drop(self) -> None:
        self.broken_off = self.finished = True
        self.connection.exchanges.pop(self.stream_id, None)
        self.connection.transport.abort()
