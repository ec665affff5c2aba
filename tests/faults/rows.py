"""The gateway's tables, watched from outside with the bare drivers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg

LOOK_EVERY_S = 0.002


class Rows:
    """``async with watching(url) as rows``: ask in SQL that both databases understand."""

    def __init__(self, file: sqlite3.Connection | None, server: asyncpg.Connection | None) -> None:
        self._file = file
        self._server = server

    async def all(self, question: str) -> list[tuple[Any, ...]]:
        if self._file is not None:
            return self._file.execute(question).fetchall()
        assert self._server is not None
        return [tuple(row) for row in await self._server.fetch(question)]

    async def one(self, question: str) -> Any:
        """The first value of the answer, None without one."""
        found = await self.all(question)
        return found[0][0] if found else None

    async def until(self, question: str, *, within_s: float = 60) -> None:
        """Return as soon as the answer has a row."""
        async with asyncio.timeout(within_s):
            while not await self.all(question):
                await asyncio.sleep(LOOK_EVERY_S)  # polled on purpose: nothing of the gateway may know of it


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Rows]:
    if url.startswith("sqlite:///"):
        file = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as opened:
            yield Rows(opened, None)
        return
    server = await asyncpg.connect(url)
    try:
        yield Rows(None, server)
    finally:
        await server.close()
