"""The HTTP client for other nodes: one per process, made when it is first needed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

CONNECT_S = 2.0


def authorities() -> ssl.SSLContext:
    """Whose certificates of nodes are believed: the usual ones, and what SSL_CERT_FILE or SSL_CERT_DIR name."""
    return httpx2.create_ssl_context(trust_env=True)


class NodeClient:
    """Keeps connections to other nodes. No proxy stands between nodes, whatever the environment says."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None
        self._opening = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[NodeClient]:
        made = cls()
        try:
            yield made
        finally:
            if made._client is not None:
                await made._client.aclose()

    async def opened(self) -> httpx2.AsyncClient:
        async with self._opening:
            if self._client is None:
                # Reading the authorities takes a while; most gateways are alone and never need it.
                tls = await asyncio.to_thread(authorities)
                self._client = httpx2.AsyncClient(
                    verify=tls,
                    trust_env=False,
                    follow_redirects=False,
                    limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30),
                )
        return self._client
