"""Listening sockets on loopback: TLS with ALPN for the site, plain HTTP/1.1 for the control port."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import cast

from .exchange import App, Running
from .http1 import Http1Connection
from .http2 import Http2Connection

LOOPBACK = "127.0.0.1"


class _Negotiated(asyncio.Protocol):
    """Exists only until the handshake says which protocol was agreed on."""

    def __init__(self, app: App, running: Running) -> None:
        self.app = app
        self.running = running

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tls = transport.get_extra_info("ssl_object")
        kind = Http2Connection if tls.selected_alpn_protocol() == "h2" else Http1Connection
        protocol = kind(self.app, self.running)
        cast(asyncio.Transport, transport).set_protocol(protocol)
        protocol.connection_made(transport)


async def listen_tls(app: App, running: Running, port: int, certificate: Path, key: Path) -> asyncio.Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Negotiated(app, running), LOOPBACK, port, ssl=context, backlog=1024)


async def listen_plain(app: App, running: Running, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Http1Connection(app, running), LOOPBACK, port)


def port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
