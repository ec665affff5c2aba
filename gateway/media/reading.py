"""Reading a stored file in pieces, wherever it is kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Protocol

from gateway.media.tail import CHUNK_BYTES, TransferBroken


class Reader(Protocol):
    """An open file. size_bytes: of the whole file, as the store has it."""

    @property
    def size_bytes(self) -> int: ...

    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """Yield the *length* bytes from *start* on, in pieces. Raises TransferBroken when fewer come."""
        ...


class DiskReader:
    """A file of this machine, read in a thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size_bytes = os.fstat(fd).st_size

    async def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        position, end = start, start + length
        while position < end:
            chunk = await asyncio.to_thread(os.pread, self._fd, min(CHUNK_BYTES, end - position), position)
            if not chunk:
                raise TransferBroken("the file became shorter while it was sent")
            position += len(chunk)
            yield chunk
