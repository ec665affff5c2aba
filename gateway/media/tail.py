"""Following a file while it is still being written as ``<path>.part``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gateway.errors import FileMissing

CHUNK_BYTES = 512 * 1024
#: How often a file that still grows is looked at. Small enough for a player's start, large enough to cost nothing.
POLL_S = 0.05
#: How long a growing file may stand still before somebody is asked whether more will come.
ASK_S = 1.0


class TransferBroken(Exception):
    """The rest of a file will not come. Whoever was sent the first part must not take it for the whole."""


def open_growing(path: Path) -> int:
    """Open the part file of *path*, or the finished one when it was renamed a moment ago. Raises FileMissing."""
    for place in (path.with_name(f"{path.name}.part"), path):
        with suppress(FileNotFoundError):
            return os.open(place, os.O_RDONLY)
    raise FileMissing("The file is gone.")


async def follow(fd: int, path: Path, still_coming: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """Yield what is written to the opened part file of *path* until it is renamed to *path*.

    Raises TransferBroken when the file is given up: removed, written anew, or *still_coming* says no.
    """
    position = 0
    quiet_s = 0.0
    complete = False  # once it is, it stays so: the name may be gone again before a slow reader has all of it
    while True:
        # Looked at before reading: when the file was complete by then, an empty read afterwards is its end.
        complete = complete or await asyncio.to_thread(_became, fd, path)
        chunk = await asyncio.to_thread(os.pread, fd, CHUNK_BYTES, position)
        if chunk:
            position += len(chunk)
            quiet_s = 0.0
            yield chunk
        elif complete:
            return
        elif os.fstat(fd).st_size < position:
            raise TransferBroken("the download started anew")
        else:
            quiet_s += POLL_S
            await asyncio.sleep(POLL_S)
        if quiet_s >= ASK_S:
            quiet_s = 0.0
            given_up = os.fstat(fd).st_nlink == 0 or not await still_coming()
            if given_up and not await asyncio.to_thread(_became, fd, path):
                raise TransferBroken("the download ended without a file")


def _became(fd: int, path: Path) -> bool:
    """Whether the opened file is the one at *path* now."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
