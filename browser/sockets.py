"""WebSockets opened by the page.

The page opens and closes them and sends; received frames are not passed on by it but read where they come by anyway:
the driver already sees every frame of every page (61 against 36 MB/s through the binding, and half the CPU). The two
are matched by address; the driver tells of a socket when its handshake begins, and Chromium begins waiting handshakes in an
order of its own, so only one socket of an address is opened at a time. Opening, and the close code and reason, are told by
the page.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from playwright.async_api import WebSocket

from browser.bridge import Bridge
from browser.errors import TransportFailed, TransportRefused, TransportTimeout
from browser.mailbox import Mailbox, Message

HANDSHAKE_STATUS = re.compile(r"response code: (\d{3})")


class PageSocket:
    """An open WebSocket; see transport.Socket."""

    def __init__(self, bridge: Bridge, exchange: int, url: str) -> None:
        self.url = url
        self.exchange = exchange
        self.box: Mailbox = bridge.mailbox(exchange)
        self.early: deque[Message] = deque()
        self.error = ""
        self._bridge = bridge
        self._unread_bytes = 0
        self._quiet = asyncio.Event()
        self._matched = asyncio.Event()

    async def send(self, text: str) -> None:
        """Send one text frame. Raises TransportFailed when the socket is closed."""
        sent = await self._bridge.run("sendSocket", self.exchange, text, timeout_s=self._bridge.limits.step_s)
        if not sent:
            raise TransportFailed(f"the WebSocket {self.url} is closed")

    def post(self, text: str) -> None:
        """See transport.Socket.post."""
        self._bridge.post("sendSocket", self.exchange, text)

    async def receive(self, *, timeout_s: float) -> str:
        """Return the next frame as text; TransportFailed says with which code and reason it was closed."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    _, kind, text, *rest = self.early.popleft() if self.early else await self.box.take()
                    if kind == "frame":
                        self._unread_bytes -= len(text)
                        return str(text)
                    # Closed. Frames come another way than this news: let them all in before it counts.
                    await self.last_frame_seen()
                    self.box.put(
                        TransportFailed(
                            f"the WebSocket {self.url} was closed with code {rest[0]} ({text or 'no reason'})"
                        )
                    )
        except TimeoutError:
            raise TransportTimeout(f"the WebSocket {self.url} sent nothing for {timeout_s:g} s") from None

    async def last_frame_seen(self) -> None:
        """Wait until the driver, too, saw the end of the socket; a second at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._quiet.wait()

    async def matched(self) -> None:
        """Wait until the driver has told of the socket; a second at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._matched.wait()

    def watch(self, socket: WebSocket) -> None:
        self._matched.set()
        socket.on("framereceived", self._received)
        socket.on("socketerror", self._failed)
        socket.on("close", lambda _: self._quiet.set())

    def _failed(self, message: str) -> None:
        self.error = message
        self._quiet.set()

    def _received(self, payload: bytes | str) -> None:
        self._bridge.line.heard()
        text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
        self._unread_bytes += len(text)
        if self._unread_bytes <= self._bridge.limits.socket_unread_bytes:
            self.box.put([self.exchange, "frame", text])
            return
        self._bridge.post("closeSocket", self.exchange)
        self.box.put(TransportFailed(f"the WebSocket {self.url} sent more than its reader took; it was closed"))


class Sockets:
    """Opens the WebSockets of one page."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._unmatched: list[PageSocket] = []
        self._turns: dict[str, asyncio.Lock] = {}
        self._watching = False

    @asynccontextmanager
    async def open(self, url: str, *, timeout_s: float) -> AsyncIterator[PageSocket]:
        """See transport.Transport.open_socket."""
        bridge = self._bridge
        if not self._watching:
            self._watching = True
            bridge.page.on("websocket", self._seen)
        address = await bridge.run("socketAddress", url, timeout_s=timeout_s)
        exchange = bridge.next_id()
        socket = PageSocket(bridge, exchange, address)
        try:
            await self._opened(socket, timeout_s)
            yield socket
        finally:
            bridge.forget(exchange)
            bridge.post("closeSocket", exchange)
            if socket in self._unmatched:
                self._unmatched.remove(socket)

    async def _opened(self, socket: PageSocket, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s), self._turns.setdefault(socket.url, asyncio.Lock()):
                self._unmatched.append(socket)
                await self._bridge.run("openSocket", socket.exchange, socket.url, timeout_s=timeout_s)
                while (news := await socket.box.take())[1] == "frame":
                    socket.early.append(news)  # it came another way, and faster, than the news of the opening
                await socket.matched()
        except (TimeoutError, TransportTimeout):
            raise TransportTimeout(f"the WebSocket {socket.url} did not open within {timeout_s:g} s") from None
        if news[1] == "closed":
            await socket.last_frame_seen()
            found = HANDSHAKE_STATUS.search(socket.error)
            raise TransportRefused(
                f"the WebSocket {socket.url} could not be opened: {socket.error or 'no reason told'}",
                status=int(found.group(1)) if found else 0,
            )

    def _seen(self, socket: WebSocket) -> None:
        for expected in self._unmatched:
            if expected.url == socket.url:
                self._unmatched.remove(expected)
                expected.watch(socket)
                return
