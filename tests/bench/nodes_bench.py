"""Between nodes of one PostgreSQL: how long until the other one knows. And what a node costs that has nothing to do."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from gateway.db.connect import Database
from gateway.tasks.engine import Engine
from gateway.tasks.sql_store import SqlTaskStore
from tests.bench.figure import Figure
from tests.conformance.samples import a_task, claim_one
from tests.e2e.gateway_process import Gateway
from tests.engine.scripted import MemoryMedia, ScriptedCapacity, ScriptedMaker, settings

FOLLOWER = """
import asyncio, sys, time
from gateway.db.connect import Database
from gateway.tasks.feed import Feed
from gateway.tasks.sql_store import SqlTaskStore
async def main(url, task_id):
    async with Database.open(url) as db:
        async for event in Feed(SqlTaskStore(db), db.changes).follow(task_id):
            print(event.seq, time.monotonic(), flush=True)
asyncio.run(main(*sys.argv[1:]))
"""
NODES_MS = 100.0


@asynccontextmanager
async def _follower(url: str, task_id: str) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FOLLOWER, url, task_id, stdout=-1)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


async def fan_out(url: str, *, times: int) -> list[Figure]:
    """From before the write of a progress event here to its arrival at a follower in another process."""
    took = []
    async with Database.open(url) as db:
        store = SqlTaskStore(db)
        task, _ = await store.insert(a_task())
        held = await claim_one(store)
        async with _follower(url, task.id) as lines:
            for _ in range(2):  # accepted, claimed: it follows
                await lines.readline()
            for percent in range(1, min(times, 98) + 1):
                await asyncio.sleep(0.1)  # four a second and task is what the engine writes
                began = time.monotonic()
                await store.set_progress(task.id, held.token, percent)
                _, at = (await lines.readline()).split()
                took.append((float(at) - began) * 1000)
    value = sorted(took)[int(len(took) * 0.95)]
    figure = Figure("progress at another node", value, "ms p95", None, f"<= {NODES_MS:.0f}", value <= NODES_MS)
    middle = statistics.median(took)
    return [figure, Figure("  the usual one", middle, "ms p50", None, "", met=True)]


async def cancel(url: str, *, times: int) -> list[Figure]:
    """From the cancellation at one node to its arrival at the work of another."""
    took = []
    async with Database.open(url) as here, Database.open(url) as there:
        front, maker = SqlTaskStore(here), ScriptedMaker()
        maker.go.clear()
        capacity = ScriptedCapacity()
        async with Engine(SqlTaskStore(there), maker, capacity, settings(lease_s=30), MemoryMedia(), "bench"):
            for number in range(times):
                task, _ = await front.insert(a_task())
                await maker.at_work.get()
                await asyncio.sleep(0.1)
                began = time.monotonic()
                await front.cancel(task.id)
                while len(maker.ledger.cancelled) <= number:
                    await asyncio.sleep(0.001)
                took.append((time.monotonic() - began) * 1000)
    value = sorted(took)[int(len(took) * 0.95)]
    return [Figure("cancellation at another node", value, "ms p95", None, f"<= {NODES_MS:.0f}", value <= NODES_MS)]


async def idle(folder: Path, url: str, name: str, *, seconds: float) -> list[Figure]:
    """Share of one core that a node without profiles takes."""
    gateway = Gateway(folder, "", database_url=url)
    await gateway.start(ready=False)
    try:
        assert gateway.process is not None
        await asyncio.sleep(
            min(35.0, seconds)
        )  # what is only done at the start, and the watch on the file grows calmer
        process = psutil.Process(gateway.process.pid)
        before = process.cpu_times()
        await asyncio.sleep(seconds)
        after = process.cpu_times()
    finally:
        await gateway.stop()
    share = (after.user + after.system - before.user - before.system) / seconds * 100
    return [Figure(f"an idle node without browsers ({name})", share, "% core", None, "<= 1", share <= 1)]
