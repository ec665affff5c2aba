"""One soak: a gateway, its load, readings on the way, and the trends at the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg

from tests.e2e.gateway_process import Gateway
from tests.simulator.client import Simulator
from tests.soak.load import Load
from tests.soak.readings import Trend, read, trends

#: More than any soak asks for: of the simulator's usual 500 a half-hour's chats and videos use up more.
QUOTAS = dict.fromkeys(("auto", "fast", "expert", "video", "video720p"), 10_000_000)
#: Everything that is kept for a while is kept shortly here, so that a soak sees it go.
SHORT_LIVES = {"retention_s": "20", "task_retention_s": "40", "checkpoint_every_s": "30", "verify_idle_every_s": "60"}


async def soak(
    folder: Path, *, seconds: float, videos: int = 0, database_url: str = "", profiles: int = 2
) -> tuple[list[Trend], Counter[str]]:
    """Run for *seconds*, and on until so many videos are made: a slow machine has worked as much then. Returns the trends, and
    how the work ended."""
    temporary = folder / "tmp"
    temporary.mkdir()
    chosen: dict[str, str] = {"database_url": database_url} if database_url else {}
    async with Simulator(pace=0.4) as sim:
        gateway = Gateway(folder / "data", sim.browser_args, **SHORT_LIVES, **chosen)
        gateway.env["TMPDIR"] = str(temporary)
        for number in range(profiles):
            await gateway.import_profile(
                f"p{number}", await sim.account(email=f"soak{number}@example.com", quotas=QUOTAS)
            )
        await gateway.start()
        load = Load(gateway)
        readings: list[dict[str, float]] = []
        try:
            working = asyncio.create_task(load.run())
            ends_at = time.monotonic() + seconds
            while not working.done() and (time.monotonic() < ends_at or load.done["video completed"] < videos):
                readings.append(await _reading(gateway, database_url))
                await asyncio.wait({working}, timeout=min(10.0, seconds / 24))
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        finally:
            await gateway.stop()
        assert not gateway.leftovers()
    return trends(readings), load.done


async def _reading(gateway: Gateway, database_url: str) -> dict[str, float]:
    if not database_url.startswith("postgresql"):
        return await asyncio.to_thread(read, gateway, gateway.data_dir / "gateway.db", 0.0)
    server: Any = await asyncpg.connect(database_url)
    try:
        size = float(await server.fetchval("SELECT pg_database_size(current_database())"))
    finally:
        await server.close()
    return await asyncio.to_thread(read, gateway, None, size)
