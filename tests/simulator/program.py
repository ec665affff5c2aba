"""The double as a running program: certificate, two ports, one JSON line, a clean end."""

from __future__ import annotations

import contextlib
import gc
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.simulator.control import Control
from tests.simulator.site import (  # noqa: F401  (importing a module of routes registers them)
    assets,
    chat_socket,
    conversations,
    imagine_socket,
    pages,
    posts,
    session,
    sign_in,
    uploads,
)
from tests.simulator.site.door import open_door
from tests.simulator.state.settings import Settings
from tests.simulator.state.world import World
from tests.simulator.wire.certificate import browser_args, make_certificate
from tests.simulator.wire.exchange import Running
from tests.simulator.wire.listener import LOOPBACK, listen_plain, listen_tls, port_of


@asynccontextmanager
async def running(
    settings: Settings, port: int, control_port: int, cert_dir: Path | None
) -> AsyncIterator[dict[str, Any]]:
    """Listen, and give what a client must know to come in."""
    with contextlib.ExitStack() as stack:
        folder = cert_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simulator-")))
        certificate = make_certificate(folder)
        world, tasks = World(settings), Running()
        site = await listen_tls(open_door(world), tasks, port, certificate.certificate, certificate.key)
        control = await listen_plain(Control(world, settings, tasks).app(), tasks, control_port)
        https_port = port_of(site)
        try:
            yield {
                "https_port": https_port,
                "control_port": port_of(control),
                "control_url": f"http://{LOOPBACK}:{port_of(control)}",
                "spki": certificate.spki,
                "certificate": str(certificate.certificate),
                "browser_args": browser_args(https_port, certificate.spki),
            }
        finally:
            site.close()
            control.close()
            await conversations.close()
            await tasks.stop()


def tune() -> None:
    """A long-lived server allocates a lot at start and little of it dies: keep the collector away from it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
