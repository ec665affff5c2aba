"""One service for the clients, with a picture that it may fetch, and the place where clients are installed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.front.material import picture
from tests.front.scripted import Scripted, film
from tests.front.serving import Front, serving


@pytest.fixture(scope="session")
def the_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="session")
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clients are kept from one run to the next."""
    cache = getattr(request.config, "cache", None)
    return Path(cache.mkdir("clients")) if cache is not None else tmp_path_factory.mktemp("clients")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop() -> AsyncIterator[str]:
    """The address of a server that has every picture."""
    data = picture("JPEG", (640, 360))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = (
            f"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: {len(data)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head.encode() + data)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def front(the_film: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """A gateway that fetches pictures from this machine too, since that is where the shop is."""
    folder = tmp_path_factory.mktemp("clients") / "data"
    async with serving(folder, Scripted(the_film), fetch_allow_private=True) as front:
        yield front
