"""A TCP line between the gateway and a server, which can go silent or be cut, as networks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Line:
    """Carries bytes both ways to 127.0.0.1:*target*. Silent: nothing passes, nobody is told."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._swallow = b""
        self.swallowed = 0

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def silence(self) -> None:
        self._open.clear()

    def speak(self) -> None:
        self._open.set()

    def swallow_answers_to(self, said: bytes) -> None:
        """From when *said* passes on a connection, nothing that comes back on it arrives."""
        self._swallow = said

    def cut(self) -> None:
        """Reset every connection; new ones are taken."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for one in list(
            self._serving
        ):  # else what was just connecting would stay half open, and the server wait for it
            one.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._writers.add(writer)
        try:
            await self._open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.add(back)
            deaf = asyncio.Event()
            await asyncio.gather(self._carry(reader, back, deaf), self._carry(there, writer, deaf, hears=False))
            self._writers.discard(back)
        except OSError:
            writer.transport.abort()
        finally:
            self._serving.discard(task)
            self._writers.discard(writer)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event, *, hears: bool = True
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                if hears and self._swallow and self._swallow in data:
                    deaf.set()
                if deaf.is_set() and not hears:
                    self.swallowed += len(data)
                    continue
                writer.write(data)
                await writer.drain()
        with suppress(OSError):
            writer.close()


@asynccontextmanager
async def line_to(port: int) -> AsyncIterator[Line]:
    line = Line(port)
    await line.start()
    try:
        yield line
    finally:
        await line.close()
