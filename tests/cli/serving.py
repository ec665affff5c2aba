"""A gateway served by the real command, for tests that talk to it from other processes."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from tests.cli.command import Commands

START_S = 40
STOP_S = 30


@dataclass
class Serving:
    """A running ``gateway serve --json`` and what it said about itself."""

    process: asyncio.subprocess.Process
    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    async def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Stop it as a service manager (or Ctrl-C) does; returns its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(sign)
        return await asyncio.wait_for(self.process.wait(), STOP_S)


@asynccontextmanager
async def serving(gateway: Commands, *args: str, **env: str) -> AsyncIterator[Serving]:
    """Serve on a free port for the block; nothing it started is left afterwards."""
    log = (gateway.data_dir.parent / "serve.log").open("ab")
    process = await gateway.start("serve", "--port", "0", "--json", *args, stderr=log, **env)
    below: list[psutil.Process] = []
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_S)
        assert line, (gateway.data_dir.parent / "serve.log").read_text()
        running = Serving(process, json.loads(line))
        assert "url" in running.facts, f"it did not start: {running.facts}"
        yield running
        below = psutil.Process(process.pid).children(recursive=True) if process.returncode is None else []
        assert await running.end() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        log.close()
        left = psutil.wait_procs(below, timeout=60)[1]
        for one in left:
            one.kill()
        assert not left, f"left behind: {left}"
