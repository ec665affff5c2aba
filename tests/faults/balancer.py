"""A load balancer as plain as they come: health checks, round robin, and another node when one does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx2 as httpx

from tests.e2e.gateway_process import Gateway

#: Sent again elsewhere after these answers; anything else is the gateway's word.
ELSEWHERE = {502, 503}
HOPS = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


class Balancer:
    """Serves on 127.0.0.1:*port*. A request that may be repeated goes to every node before it fails; one that may not is
    sent elsewhere only when it was not taken: no connection, or 503."""

    def __init__(self, nodes: Sequence[Gateway]) -> None:
        self._nodes = nodes
        self._turn = 0
        self._http = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
        self._server: asyncio.Server | None = None
        self.retried = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._http.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, path, _ = head.split("\r\n", 1)[0].split(" ", 2)
                headers = dict(row.split(": ", 1) for row in head.split("\r\n")[1:] if ": " in row)
                headers = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(headers.pop("content-length", 0)))
                answer = await self._passed_on(method, path, headers, body)
                lines = [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() not in HOPS]
                lines.append(f"content-length: {len(answer.content)}")
                head = "\r\n".join([f"HTTP/1.1 {answer.status_code} Passed-On", *lines, "", ""])
                writer.write(head.encode("latin-1") + answer.content)
                await writer.drain()
        writer.close()

    async def _passed_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        last = httpx.Response(502, text="no node answers")
        self._turn += 1
        first = self._turn  # others are passed on meanwhile
        for attempt in range(2 * len(self._nodes)):
            node = self._nodes[(first + attempt) % len(self._nodes)]
            try:
                last = await self._http.request(method, node.url + path, headers=headers, content=body)
            except httpx.ConnectError:
                await asyncio.sleep(0.02)
            except httpx.TransportError:
                if method != "GET":
                    return httpx.Response(502, text="the node went away")
            else:
                if last.status_code not in ELSEWHERE:
                    return last
            self.retried += 1
        return last


@asynccontextmanager
async def balancing(nodes: Sequence[Gateway]) -> AsyncIterator[Balancer]:
    balancer = Balancer(nodes)
    await balancer.start()
    try:
        yield balancer
    finally:
        await balancer.close()
