"""A small site to drive: TLS, HTTP/2, WebSockets, the real host names, and a ledger of what reached it.

Runs Hypercorn in a thread of its own. ``TransportSite.chromium_args`` make a Chromium find and trust it.
Every path below ``/x/`` costs nothing to understand from its function's docstring.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.formparsers import MultiPartParser
from starlette.requests import Request

from tests.simulator.wire.certificate import make_certificate

HOME_URL = "https://grok.com/"
ASSET_URL = "https://assets.grok.com/__page"

#: The page's own script: it wraps ``fetch`` as a real site's scripts may, and talks to nobody else.
HOME_PAGE = b"""<!doctype html><title>Home</title><p>welcome</p><script>
window.atStart = Object.getOwnPropertyNames(window).sort();
const plain = window.fetch;
window.fetch = function (url, init) {
  const headers = new Headers((init || {}).headers);
  headers.set('x-site', 'wrapped');
  return plain.call(this, url, { ...init, headers });
};
</script>"""


@dataclass
class Exchange:
    """One request as the site saw it. Times are time.monotonic() seconds."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    began_at: float
    body: bytes = b""
    sent_bytes: int = 0
    ended_at: float | None = None
    aborted_at: float | None = None


@dataclass
class Ledger:
    exchanges: list[Exchange] = field(default_factory=list)
    most_open: int = 0
    open_now: int = 0

    def of(self, path: str) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.path == path]

    def last(self, path: str) -> Exchange:
        return self.of(path)[-1]


class Answering:
    """The ASGI side of one exchange: send pieces, notice that the other side went away."""

    def __init__(self, exchange: Exchange, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        self.exchange = exchange
        self._receive = receive
        self._send = send

    async def body(self) -> bytes:
        parts = []
        while (message := await self._receive())["type"] == "http.request":
            parts.append(message["body"])
            if not message.get("more_body"):
                break
        return b"".join(parts)

    async def gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def start(self, status: int = 200, **headers: str | int) -> None:
        pairs = [(name.replace("_", "-").encode(), str(value).encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self.exchange.sent_bytes += len(data)
        await asyncio.sleep(0)  # Hypercorn takes bytes for a gone reader without waiting; let the news of it in
        stream = self._send.__self__
        buffers = getattr(stream.send.__self__, "stream_buffers", {})
        while len(getattr(buffers.get(stream.stream_id), "buffer", b"")) > 65536:
            await asyncio.sleep(0.001)  # it buffers without bound when the window is full; a real site does not

    async def end(self, data: bytes = b"") -> None:
        await self._send({"type": "http.response.body", "body": data})
        self.exchange.sent_bytes += len(data)

    async def reset(self) -> None:
        """Break the answer off, as a proxy does that lost its origin (RST_STREAM)."""
        stream = self._send.__self__
        protocol = stream.send.__self__
        protocol.connection.reset_stream(stream.stream_id, 2)
        await protocol._flush()

    async def json(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        await self.start(status, content_type="application/json", content_length=len(body))
        await self.end(body)


class TransportSite:
    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._certificate = make_certificate(folder)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="transport-site", daemon=True)

    @property
    def chromium_args(self) -> list[str]:
        rules = ",".join(f"MAP {host}:443 127.0.0.1:{self.port}" for host in ("grok.com", "*.grok.com"))
        return [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={self._certificate.spki}"]

    @contextlib.contextmanager
    def running(self) -> Iterator[TransportSite]:
        self._thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def _run(self) -> None:
        config = Config()
        config.bind = [f"fd://{self._socket.fileno()}"]
        config.certfile, config.keyfile = str(self._certificate.certificate), str(self._certificate.key)
        config.alpn_protocols = ["h2", "http/1.1"]
        config.keep_alive_max_requests = 1_000_000
        config.keep_alive_timeout = (
            400  # as the real site's front does; five seconds lose a client's pooled connections
        )
        config.graceful_timeout = 0.5
        config.loglevel = "CRITICAL"
        config.wsgi_max_body_size = config.websocket_max_message_size = 64 * 1024 * 1024
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(serve(self, config, shutdown_trigger=self._stop.wait))  # type: ignore[arg-type]

    # ------------------------------------------------------------------------------------------------ ASGI

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await _websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            headers[name.decode()] = (
                f"{headers[name.decode()]}; {value.decode()}" if name.decode() in headers else value.decode()
            )
        exchange = Exchange(
            method=scope["method"],
            host=headers.get(":authority", headers.get("host", "")),
            path=scope["path"],
            query={name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()},
            headers=headers,
            began_at=time.monotonic(),
        )
        ledger = self.ledger
        ledger.exchanges.append(exchange)
        ledger.open_now += 1
        ledger.most_open = max(ledger.most_open, ledger.open_now)
        answering = Answering(exchange, receive, send)
        route = ROUTES.get(exchange.path, not_found)
        try:
            if route in NEEDS_BODY:
                exchange.body = await answering.body()
            work = asyncio.ensure_future(route(exchange, answering))
            gone = asyncio.ensure_future(answering.gone())
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                exchange.aborted_at = time.monotonic()
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)
        finally:
            exchange.ended_at = time.monotonic()
            ledger.open_now -= 1


async def home(_: Exchange, answer: Answering) -> None:
    await answer.start(
        200, content_type="text/html", set_cookie="session=abc; Domain=.grok.com; Secure; Path=/; SameSite=Lax"
    )
    await answer.end(HOME_PAGE)


async def page(exchange: Exchange, answer: Answering) -> None:
    """A page with the status, title and body asked for."""
    query = exchange.query
    await answer.start(int(query.get("status", "200")), content_type="text/html", x_page="facts")
    await answer.end(f"<!doctype html><title>{query.get('title', '')}</title><p>{query.get('body', '')}</p>".encode())


async def echo(exchange: Exchange, answer: Answering) -> None:
    await answer.json(
        {
            "method": exchange.method,
            "headers": exchange.headers,
            "body": exchange.body.decode(),
            "query": exchange.query,
        },
        int(exchange.query.get("status", "200")),
    )


async def digest(exchange: Exchange, answer: Answering) -> None:
    """What an upload contained: SHA-256 of the raw body, and of the file part of a form."""
    found: dict[str, Any] = {"sha256": hashlib.sha256(exchange.body).hexdigest(), "size": len(exchange.body)}
    found["headers"] = exchange.headers
    if exchange.headers.get("content-type", "").startswith("multipart/"):

        async def chunks() -> Any:
            for at in range(0, len(exchange.body), 1 << 20):
                yield exchange.body[at : at + (1 << 20)]

        request = Request({"type": "http", "headers": [(b"content-type", exchange.headers["content-type"].encode())]})
        form = await MultiPartParser(request.headers, chunks()).parse()
        found["fields"] = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        for name, value in form.multi_items():
            if not isinstance(value, str):
                data = await value.read()
                found["file"] = {
                    "field": name, "name": value.filename, "type": value.content_type,
                    "sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
                }  # fmt: skip
    elif exchange.headers.get("content-type", "").startswith("application/json"):
        sent = json.loads(exchange.body)
        content = base64.b64decode(sent.pop("content", ""))
        found |= {"json": sent, "content_sha256": hashlib.sha256(content).hexdigest(), "content_size": len(content)}
    await answer.json(found)


async def text(exchange: Exchange, answer: Answering) -> None:
    """``n`` bytes of text in pieces of 64 KB; with ``of`` that character over and over."""
    left = int(exchange.query["n"])
    sign = exchange.query.get("of", "x").encode()
    await answer.start(200, content_type="text/plain")
    while left > 0:
        await answer.piece((sign * 65536)[: min(left, 65536)])
        left -= 65536
    await answer.end()


async def slow(exchange: Exchange, answer: Answering) -> None:
    """Headers after ``wait`` seconds."""
    await asyncio.sleep(float(exchange.query.get("wait", "30")))
    await answer.json({"slow": True})


async def lines(exchange: Exchange, answer: Answering) -> None:
    """``n`` NDJSON lines of ``size`` bytes, ``gap`` seconds apart, each with the moment it was written; then, with
    ``hang``, nothing more; with ``cut`` the answer breaks off."""
    query = exchange.query
    size, gap = int(query.get("size", "200")), float(query.get("gap", "0.05"))
    await answer.start(200, content_type="application/x-ndjson")
    due = time.monotonic()
    for number in range(int(query.get("n", "10"))):
        line = json.dumps({"n": number, "at": time.monotonic(), "pad": ""}).encode()
        await answer.piece(line[:-2] + b"p" * max(0, size - len(line) - 1) + b'"}\n')
        due += gap
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    if "hang" in query:
        await asyncio.sleep(60)
    if "cut" in query:
        await asyncio.sleep(0.3)  # a reset may overtake what the other side has not read yet
        await answer.reset()
        return
    await answer.end()


SPLIT_TEXT = "naïve café – 日本語 – 😀👩‍👩‍👧 – конец"


async def split(_: Exchange, answer: Answering) -> None:
    """Text with long UTF-8 sequences, one byte at a time."""
    await answer.start(200, content_type="text/plain")
    for byte in SPLIT_TEXT.encode():
        await answer.piece(bytes([byte]))
        await asyncio.sleep(0.008)  # longer than messages wait for each other
    await answer.end()


async def flood(exchange: Exchange, answer: Answering) -> None:
    """As many bytes as the reader takes, up to ``mb``."""
    await answer.start(200, content_type="text/plain", cache_control="no-store")
    for _ in range(int(exchange.query.get("mb", "64")) * 16):
        await answer.piece(b"f" * 65536)
    await answer.end()


async def cut_short(_: Exchange, answer: Answering) -> None:
    """Breaks off after the first bytes."""
    await answer.start(200, content_type="text/plain")
    await answer.piece(b"only this")
    await asyncio.sleep(0.05)
    await answer.reset()


def asset_bytes(mb: float) -> bytes:
    block = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(2048))
    size = int(mb * 1024 * 1024)
    return (block * (size // len(block) + 1))[:size]


async def asset(exchange: Exchange, answer: Answering) -> None:
    """A file of ``mb`` MB for whoever has the session cookie, at ``rate`` MB/s, ``late`` by seconds, ``cut`` after MB;
    with ``packed`` all of it is compressed on the way, and the length told is that of the compressed bytes.

    Deliberately without a CORS header and without Content-Disposition."""
    query = exchange.query
    if "session=abc" not in exchange.headers.get("cookie", ""):
        await answer.start(403, content_type="text/plain")
        await answer.end(b"no session")
        return
    if "status" in query:
        await answer.start(int(query["status"]), content_type="application/xml", x_why="asked")
        await answer.end(b"<Error>NoSuchKey</Error>")
        return
    data = asset_bytes(float(query.get("mb", "1")))
    headers: dict[str, Any] = {} if "no_length" in query else {"content_length": len(data)}
    headers |= {"etag": f'"{len(data)}"', "accept_ranges": "bytes", "cache_control": "private, max-age=3600"}
    if "packed" in query and "range" not in exchange.headers:
        data = gzip.compress(data[:16384] * (len(data) // 16384))
        headers |= {"content_length": len(data), "content_encoding": "gzip"}
    if exchange.headers.get("range") == "bytes=0-0" and data and not {"no_length", "no_range"} & query.keys():
        await answer.start(
            206, content_type="video/mp4; codecs=none", content_range=f"bytes 0-0/{len(data)}", content_length=1
        )
        await answer.end(data[:1])
        return
    await asyncio.sleep(float(query.get("late", "0")))
    await answer.start(200, content_type="video/mp4; codecs=none", **headers)
    rate, sent, began = float(query.get("rate", "0")), 0, time.monotonic()
    stop_at = int(float(query["cut"]) * 1024 * 1024) if "cut" in query else len(data)
    for at in range(0, stop_at, 65536):
        await answer.piece(data[at : at + 65536])
        sent += 65536
        if rate:
            await asyncio.sleep(max(0.0, began + sent / (rate * 1024 * 1024) - time.monotonic()))
    if "cut" in query:
        await asyncio.sleep(0.1)
        await answer.reset()
        return
    await answer.end()


async def moved(exchange: Exchange, answer: Answering) -> None:
    """A redirect to ``to``."""
    await answer.start(302, location=exchange.query["to"])
    await answer.end()


async def not_found(_: Exchange, answer: Answering) -> None:
    await answer.json({"error": "no such path"}, 404)


ROUTES: dict[str, Callable[[Exchange, Answering], Awaitable[None]]] = {
    "/": home, "/page": page, "/echo": echo, "/digest": digest, "/text": text, "/slow": slow, "/lines": lines,
    "/split": split, "/flood": flood, "/cut": cut_short, "/asset": asset, "/moved": moved,
}  # fmt: skip
NEEDS_BODY = {echo, digest}


async def _websocket(scope: Any, receive: Any, send: Any) -> None:
    """``/ws`` echoes; ``n`` and ``size`` send frames first; "bye" is answered with close 4001; ``refuse`` = status 403."""
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    await receive()
    if "refuse" in query:
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})
        return
    await send({"type": "websocket.accept"})
    for number in range(int(query.get("n", "0"))):
        await send({"type": "websocket.send", "text": f"{number:08d}" + "w" * (int(query["size"]) - 8)})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "bye":
            await send({"type": "websocket.close", "code": 4001, "reason": "as asked"})
            return
        await send({"type": "websocket.send", "text": message.get("text") or ""})
