"""One request and the way to answer it, the same for HTTP/2 and HTTP/1.1.

The double has its own thin wire layer on `h2`, `h11` and `wsproto` because an ASGI server cannot do what a site
under stress does: reset one stream, drop the connection, or leave an answer open, each at an exact byte.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MAX_BODY = 128 * 1024 * 1024

Headers = dict[str, str]


class ClientGoneError(Exception):
    """The client reset the stream or closed the connection."""


@dataclass(slots=True)
class Request:
    """What the client sent, up to the body."""

    method: str
    host: str
    target: str
    headers: Headers
    header_names: list[str]
    http_version: str
    arrived_at: float = field(default_factory=time.monotonic)
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = unquote(parts.path)
        if parts.query:
            self.query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.host = self.host.rsplit(":", 1)[0].lower()

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: value for name, found, value in pairs if found}

    @property
    def wants_websocket(self) -> bool:
        return self.headers.get("upgrade", "").lower() == "websocket"


class Exchange(ABC):
    """A request under way. `on_gone` hooks run in the same loop turn in which the client's reset is read."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.task: asyncio.Task[None] | None = None
        self.on_gone: list[Callable[[], None]] = []
        self.on_bytes: Callable[[int], None] | None = None
        self.started = False
        self.finished = False
        self.gone = False
        self.broken_off = False
        self.bytes_out = 0
        self._chunks: list[bytes] = []
        self._received = 0
        self._body_complete = asyncio.Event()

    # what the connection tells us

    def feed(self, data: bytes) -> None:
        self._received += len(data)
        if self._received <= MAX_BODY:
            self._chunks.append(data)

    def feed_end(self) -> None:
        self._body_complete.set()

    def mark_gone(self) -> None:
        if self.gone or self.finished:
            return
        self.gone = True
        for hook in self.on_gone:
            hook()
        if self.task is not None:
            self.task.cancel()

    def _count(self, size: int) -> None:
        self.bytes_out += size
        if self.on_bytes is not None:
            self.on_bytes(size)

    # what a handler uses

    async def body(self) -> bytes:
        await self._body_complete.wait()
        if len(self._chunks) != 1:
            self._chunks = [b"".join(self._chunks)]
        return self._chunks[0]

    @property
    def body_size(self) -> int:
        return self._received

    @abstractmethod
    async def respond(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """Send a complete answer."""

    @abstractmethod
    async def start(self, status: int, headers: Headers) -> None:
        """Send the head; the body follows with `write` and `finish`."""

    @abstractmethod
    async def write(self, data: bytes | memoryview) -> None:
        """Send at once, waiting only for flow control."""

    @abstractmethod
    async def finish(self) -> None:
        """End the answer properly."""

    @abstractmethod
    def cut(self) -> None:
        """Break off this answer alone: RST_STREAM, or a closed connection where there is one stream only."""

    @abstractmethod
    def drop(self) -> None:
        """Break the whole TCP connection, with everything on it."""

    async def accept_websocket(self) -> Any:
        raise NotImplementedError("WebSockets come over HTTP/1.1 only")


App = Callable[[Exchange], Awaitable[None]]


class Running:
    """The tasks of all exchanges, so that stopping the program leaves none behind."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.connections: set[Any] = set()  # of HTTP/2

    def start(self, exchange: Exchange, app: App) -> None:
        task = asyncio.ensure_future(self._run(exchange, app))
        exchange.task = task
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, exchange: Exchange, app: App) -> None:
        try:
            await app(exchange)
            if not exchange.finished and not exchange.gone:
                exchange.cut()
        except ClientGoneError:
            pass
        except asyncio.CancelledError:
            if not exchange.gone:
                raise
        except Exception:
            exchange.cut()
            raise

    async def stop(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
