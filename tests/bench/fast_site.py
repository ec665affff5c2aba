"""A site to measure against: a server in a process of its own, so that it is the client that is measured.

The tests' sites are written in Python and share the machine's cores with what they drive; a large file would measure
*them*. This one runs on the Node that Playwright brings: TLS, HTTP/2, WebSockets. It answers ``Addresses``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from tests.browser.transport_site import HOME_PAGE
from tests.simulator.wire.certificate import make_certificate

SCRIPT = Path(__file__).with_name("fast_site.js")


@dataclass(frozen=True)
class Addresses:
    """Where the site under measurement answers. Paths are on https://grok.com unless absolute."""

    json: str = "/echo"  # POST; answers at once
    lines: str = "/lines?n={n}&gap={gap}&size=200"  # NDJSON lines with "at": time.monotonic()
    asset: str = "https://assets.grok.com/asset?mb={mb}"  # needs the session cookie
    upload: str = "/digest"  # takes any body
    frames: str = "wss://grok.com/ws?n={n}&size=1048576"  # sends n frames at once; "" = not measured


@dataclass(frozen=True)
class FastSite:
    port: int
    pids: frozenset[int]
    chromium_args: list[str]


@contextlib.asynccontextmanager
async def fast_site(folder: Path) -> AsyncIterator[FastSite]:
    """Start it, yield where it listens, end it."""
    made = make_certificate(folder)
    home_page = folder / "home.html"
    home_page.write_bytes(HOME_PAGE)
    node, _ = compute_driver_executable()
    process = await asyncio.create_subprocess_exec(
        node, SCRIPT, made.certificate, made.key, home_page, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            port = int(await process.stdout.readline())
        rules = ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host in ("grok.com", "*.grok.com"))
        yield FastSite(
            port,
            frozenset({process.pid}),
            [f"--host-resolver-rules={rules}", f"--ignore-certificate-errors-spki-list={made.spki}"],
        )
    finally:
        process.terminate()
        await process.wait()
