"""A site to measure against: a native server in a process of its own, so that it is the client that is measured.

The tests' sites are written in Python and share the machine's cores with what they drive; a large file would measure
*them*. This one is Granian (Rust): TLS, HTTP/2, WebSockets. It answers the addresses of ``transport_bench.Addresses``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import psutil

from tests.browser.transport_site import HOME_PAGE, asset_bytes
from tests.simulator.wire.certificate import make_certificate

CHUNK = 256 * 1024


@dataclass(frozen=True)
class FastSite:
    port: int
    pids: frozenset[int]
    chromium_args: list[str]


@contextlib.asynccontextmanager
async def fast_site(folder: Path) -> AsyncIterator[FastSite]:
    """Start it, yield where it listens, end it."""
    made = make_certificate(folder)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port),
        "--ssl-certificate", str(made.certificate), "--ssl-keyfile", str(made.key),
        "--ws", "--log-level", "error", "--no-access-log", "tests.bench.fast_site:app",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                break
        rules = ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host in ("grok.com", "*.grok.com"))
        site = psutil.Process(process.pid)
        pids = frozenset({site.pid, *(child.pid for child in site.children(recursive=True))})
        yield FastSite(
            port, pids, [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={made.spki}"]
        )
    finally:
        process.terminate()
        await process.wait()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _frames(scope, receive, send)
    elif scope["type"] == "http":
        await {"/echo": _echo, "/lines": _lines, "/asset": _asset, "/digest": _swallow}.get(scope["path"], _home)(
            scope, receive, send
        )


def _query(scope: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}


async def _answer(send: Any, body: bytes, kind: bytes = b"application/json", *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _home(_: Any, receive: Any, send: Any) -> None:
    cookie = (b"set-cookie", b"session=abc; Domain=.grok.com; Secure; Path=/; SameSite=Lax")
    await _answer(send, HOME_PAGE, b"text/html", cookie)


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """The body comes back."""
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message["body"])
        if not message.get("more_body"):
            break
    await _answer(send, b"".join(parts))


async def _swallow(scope: Any, receive: Any, send: Any) -> None:
    """Any body; only its size is said, since a sum over it would be timed as well."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
        if not message.get("more_body"):
            break
    await _answer(send, json.dumps({"size": size}).encode())


async def _lines(scope: Any, receive: Any, send: Any) -> None:
    """``n`` NDJSON lines of ``size`` bytes, ``gap`` seconds apart, each with the moment it was written."""
    query = _query(scope)
    size, gap = int(query["size"]) if "size" in query else 200, float(query.get("gap", "0.05"))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]})
    due = time.monotonic()
    for number in range(int(query.get("n", "10"))):
        line = json.dumps({"n": number, "at": time.monotonic(), "pad": ""}).encode()
        body = line[:-2] + b"p" * max(0, size - len(line) - 1) + b'"}\n'
        await send({"type": "http.response.body", "body": body, "more_body": True})
        due += gap
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    if "hang" in query:
        await asyncio.sleep(60)
    await send({"type": "http.response.body", "body": b""})


async def _asset(scope: Any, receive: Any, send: Any) -> None:
    """A file of ``mb`` MB for whoever has the session cookie."""
    headers = dict(scope["headers"])
    if b"session=abc" not in headers.get(b"cookie", b""):
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b"no session"})
        return
    mb = float(_query(scope).get("mb", "1"))
    data = _file(mb)
    more: list[tuple[bytes, bytes]] = [(b"content-type", b"video/mp4"), (b"accept-ranges", b"bytes")]
    if headers.get(b"range") == b"bytes=0-0":
        more += [(b"content-range", f"bytes 0-0/{len(data)}".encode()), (b"content-length", b"1")]
        await send({"type": "http.response.start", "status": 206, "headers": more})
        await send({"type": "http.response.body", "body": data[:1]})
        return
    more.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": more})
    for at in range(0, len(data), CHUNK):
        await send({"type": "http.response.body", "body": data[at : at + CHUNK], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@functools.cache
def _file(mb: float) -> bytes:
    """The asset's bytes, made once: a site has its files ready, and making one takes longer than asking for it."""
    return asset_bytes(mb)


async def _frames(scope: Any, receive: Any, send: Any) -> None:
    """``n`` text frames of ``size`` bytes at once; then it waits for the other side to close."""
    query = _query(scope)
    await receive()
    await send({"type": "websocket.accept"})
    for number in range(int(query.get("n", "0"))):
        await send({"type": "websocket.send", "text": f"{number:08d}" + "w" * (int(query["size"]) - 8)})
    while (await receive())["type"] == "websocket.receive":
        pass
