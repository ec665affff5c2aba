"""The client everything is compared with: curl_cffi, and the curl command for files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from curl_cffi import CurlOpt
from curl_cffi.requests import AsyncSession


class Direct:
    """The reference: curl_cffi straight to the site's port, under the site's names."""

    def __init__(self, port: int, cookie: str) -> None:
        self.port = port
        self.cookie = cookie
        hosts = [f"{host}:{port}:127.0.0.1" for host in ("grok.com", "assets.grok.com")]
        self.session: AsyncSession[Any] = AsyncSession(
            verify=False, max_clients=200, curl_options={CurlOpt.RESOLVE: hosts}
        )

    def _to(self, address: str) -> dict[str, Any]:
        url = urlsplit(urljoin("https://grok.com", address))
        there = url._replace(netloc=f"{url.netloc}:{self.port}").geturl()
        return {"url": there, "headers": {"host": url.netloc, "cookie": self.cookie}}

    async def post(self, address: str, **body: Any) -> None:
        (await self.session.post(**self._to(address), **body)).raise_for_status()

    async def stream(self, address: str) -> AsyncIterator[str]:
        response = await self.session.get(**self._to(address), stream=True)
        async for chunk in response.aiter_content():
            yield chunk.decode()

    async def save(self, address: str, into: Path) -> None:
        response = await self.session.get(**self._to(address), stream=True)
        response.raise_for_status()
        with into.open("wb") as file:
            async for chunk in response.aiter_content():
                file.write(chunk)

    async def command(self, address: str, into: Path) -> None:
        """The curl command, which writes to disk as fast as anything here does."""
        to = f"::127.0.0.1:{self.port}"
        arguments = ["-skf", "--connect-to", to, "-H", f"cookie: {self.cookie}", "-o", str(into), address]
        process = await asyncio.create_subprocess_exec("curl", *arguments)
        if await process.wait():
            raise RuntimeError("curl failed")
