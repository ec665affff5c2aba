"""A lease's own view of the page transport that all leases of a profile share: it ends with the lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from browser.errors import SlotLost
from browser.transport import Download, FilePart, Reply, Socket, StreamReply, Transport, World

log = structlog.get_logger(__name__)


class LeasedTransport:
    """Implements `Transport`. Once the lease ended or was revoked, every call, also one under way, raises SlotLost."""

    def __init__(self, shared: Transport) -> None:
        self._shared = shared
        self._over = ""
        self._calls: set[asyncio.Timeout] = set()
        self._open: dict[int, AbstractAsyncContextManager[Any]] = {}

    def revoke(self, reason: str) -> None:
        """End it: calls under way raise SlotLost with *reason* in the next tick, later ones at once."""
        if self._over:
            return
        self._over = reason
        now = asyncio.get_running_loop().time()
        for call in self._calls:
            call.reschedule(now)

    @property
    def has_leftovers(self) -> bool:
        """Whether the borrower left streams or sockets open."""
        return bool(self._open)

    async def close_leftovers(self) -> None:
        """Close what the borrower left open; for the janitor, after the lease ended."""
        while self._open:
            _, left = self._open.popitem()
            try:
                await left.__aexit__(None, None, None)
            except Exception as exc:
                # Its generator may still be in the hands of the borrower's own unfinished code, which closes it then.
                log.debug("leftover not closed", error=str(exc))

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        timeout_s: float = 30.0,
        limit_bytes: int = 8 * 1024 * 1024,
    ) -> Reply:
        with self._alive() as call:
            async with call:
                return await self._shared.fetch(
                    method, url, json=json, headers=headers, world=world, timeout_s=timeout_s, limit_bytes=limit_bytes
                )

    def stream(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        start_timeout_s: float = 30.0,
        idle_timeout_s: float = 120.0,
    ) -> AbstractAsyncContextManager[StreamReply]:
        return self._stream(
            self._shared.stream(
                method,
                url,
                json=json,
                headers=headers,
                world=world,
                start_timeout_s=start_timeout_s,
                idle_timeout_s=idle_timeout_s,
            )
        )

    async def download(
        self,
        url: str,
        *,
        into: Path,
        limit_bytes: int,
        start_timeout_s: float = 30.0,
        timeout_s: float = 600.0,
    ) -> Download:
        with self._alive() as call:
            async with call:
                return await self._shared.download(
                    url, into=into, limit_bytes=limit_bytes, start_timeout_s=start_timeout_s, timeout_s=timeout_s
                )

    async def upload(
        self,
        url: str,
        *,
        file: FilePart,
        form: Mapping[str, str] = {},
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        with self._alive() as call:
            async with call:
                return await self._shared.upload(url, file=file, form=form, world=world, timeout_s=timeout_s)

    async def upload_base64(
        self,
        url: str,
        *,
        file: FilePart,
        key: str,
        json: Mapping[str, Any],
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        with self._alive() as call:
            async with call:
                return await self._shared.upload_base64(
                    url, file=file, key=key, json=json, world=world, timeout_s=timeout_s
                )

    def open_socket(self, url: str, *, timeout_s: float = 20.0) -> AbstractAsyncContextManager[Socket]:
        return self._socket(self._shared.open_socket(url, timeout_s=timeout_s))

    @contextmanager
    def _alive(self) -> Iterator[asyncio.Timeout]:
        """Give a scope that `revoke` can end from outside; its end becomes SlotLost here."""
        if self._over:
            raise SlotLost(self._over)
        call = asyncio.timeout(None)
        self._calls.add(call)
        try:
            yield call
        except TimeoutError:
            if call.expired():
                raise SlotLost(self._over) from None
            raise
        finally:
            self._calls.discard(call)

    @asynccontextmanager
    async def _stream(self, shared: AbstractAsyncContextManager[StreamReply]) -> AsyncIterator[StreamReply]:
        with self._alive() as call:
            async with call:
                reply = await shared.__aenter__()
        async with self._kept(shared):
            yield _LeasedStream(self, reply)

    @asynccontextmanager
    async def _socket(self, shared: AbstractAsyncContextManager[Socket]) -> AsyncIterator[Socket]:
        with self._alive() as call:
            async with call:
                socket = await shared.__aenter__()
        async with self._kept(shared):
            yield _LeasedSocket(self, socket)

    @asynccontextmanager
    async def _kept(self, entered: AbstractAsyncContextManager[Any]) -> AsyncIterator[None]:
        """Remember that *entered* is open until it is left, by its borrower or by the janitor, but once only."""
        self._open[id(entered)] = entered
        try:
            yield
        except BaseException as exc:
            if self._open.pop(id(entered), None) is not None:
                await entered.__aexit__(type(exc), exc, exc.__traceback__)
            raise
        if self._open.pop(id(entered), None) is not None:
            await entered.__aexit__(None, None, None)


class _LeasedStream:
    """A stream whose reading stops with the lease."""

    def __init__(self, lease: LeasedTransport, reply: StreamReply) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._lease = lease
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[str]:
        pieces = aiter(self._reply)
        while True:
            with self._lease._alive() as call:
                try:
                    async with call:
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece


class _LeasedSocket:
    """A socket whose use stops with the lease."""

    def __init__(self, lease: LeasedTransport, socket: Socket) -> None:
        self._lease = lease
        self._socket = socket

    async def send(self, text: str) -> None:
        with self._lease._alive() as call:
            async with call:
                await self._socket.send(text)

    def post(self, text: str) -> None:
        self._socket.post(text)

    async def receive(self, *, timeout_s: float) -> str:
        with self._lease._alive() as call:
            async with call:
                return await self._socket.receive(timeout_s=timeout_s)
