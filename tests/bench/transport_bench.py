"""What a call through the page costs, against a direct client in the same run.

``measure`` takes a running transport and a site that serves the addresses of ``Addresses``; it returns figures with the
targets beside them. Both sides' latencies use the site's own clock (time.monotonic of the same machine), written into
every line. Direct and page are measured alternately, because the machine's speed wanders.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from browser.transport import Transport, World
from tests.bench.bare_browser import BareBrowser
from tests.bench.direct import Direct
from tests.bench.fast_site import Addresses
from tests.bench.figure import Figure, Target, added, at_least, at_most, figures, percentile
from tests.bench.file_bench import files

#: Streams at once, and lines a second of each.
LOADS = ((1, 20.0), (50, 5.0), (100, 1.0), (100, 20.0))
ANY = Target("", lambda value, direct: True)
#: For a load: what the page may add, in milliseconds at p50 and p99, and its share of one core in percent.
STREAM_TARGETS: dict[tuple[int, float], tuple[Target, Target, Target]] = {
    (100, 1.0): (added(3), added(8), at_most(25)),
    (100, 20.0): (added(6), added(30), at_most(75)),
}


# ------------------------------------------------------------------------------------------------ whole answers


async def json_calls(
    transport: Transport, direct: Direct, at: Addresses, *, calls: int = 200, bare: BareBrowser | None = None
) -> list[Figure]:
    """Latency one by one and throughput at 50 at once, in each world; *bare*: see ``file_bench``."""
    body = {"text": "x" * 1000}

    async def timed(call: Callable[[], Awaitable[Any]]) -> float:
        began = time.perf_counter()
        await call()
        return (time.perf_counter() - began) * 1000

    async def page_call() -> None:
        await transport.fetch("POST", at.json, json=body)

    async def main_call() -> None:
        await transport.fetch("POST", at.json, json=body, world=World.MAIN)

    async def direct_call() -> None:
        await direct.post(at.json, json=body)

    samples: dict[Callable[[], Awaitable[None]], list[float]] = {page_call: [], main_call: [], direct_call: []}
    by_hand = partial(bare.ask, at.json, body) if bare is not None else None
    if by_hand is not None:
        samples[by_hand] = []
    for call in samples:
        for _ in range(10):
            await call()
    for _ in range(calls):
        for call, taken in samples.items():
            taken.append(await timed(call))
    p50, p99 = statistics.median(samples[direct_call]), percentile(samples[direct_call], 99)

    async def rate(call: Callable[[], Awaitable[None]], total: int = 1500, at_once: int = 50) -> float:
        left = iter(range(total))

        async def worker() -> None:
            for _ in left:
                await call()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        return total / (time.perf_counter() - began)

    rounds = [{call: await rate(call) for call in samples} for _ in range(3)]
    rates = {call: statistics.median(one[call] for one in rounds) for call in samples}
    alone50, alone99 = (
        (statistics.median(samples[by_hand]), percentile(samples[by_hand], 99)) if by_hand else (None, None)
    )
    found = []
    for name, call in (("isolated", page_call), ("main", main_call)):
        own50, own99 = statistics.median(samples[call]), percentile(samples[call], 99)
        found += figures(f"JSON call, {name} world, p50", own50, "ms", added(5), p50, alone50)
        found += figures(f"JSON call, {name} world, p99", own99, "ms", added(10), p99, alone99)
        alone = rates[by_hand] if by_hand else None
        what = f"JSON calls, {name} world, 50 at once"
        found += figures(what, rates[call], "1/s", at_least(0.08), rates[direct_call], alone)
    return found


# ------------------------------------------------------------------------------------------------ streams


async def _delays(pieces: AsyncIterator[str], delays: list[float]) -> None:
    rest = ""
    async for piece in pieces:
        now = time.monotonic()
        *lines, rest = (rest + piece).split("\n")
        delays += [(now - json.loads(line)["at"]) * 1000 for line in lines]


async def streams(
    transport: Transport,
    direct: Direct,
    at: Addresses,
    *,
    count: int,
    per_s: float,
    seconds: float = 8.0,
    world: World = World.ISOLATED,
    not_counted: Collection[int] = (),
    bare: BareBrowser | None = None,
) -> list[Figure]:
    """Delay of every line, from the moment the site wrote it to the moment we have it, and the CPU it takes.

    not_counted: ids of processes below this one that are no part of the gateway (the site itself). bare: see ``file_bench``.
    """
    address = at.lines.format(n=int(seconds * per_s), gap=1 / per_s)

    opened = 0

    async def through_page(delays: list[float]) -> None:
        nonlocal opened
        async with transport.stream("GET", address, world=world) as reply:
            opened += 1
            await _delays(aiter(reply), delays)

    async def directly(delays: list[float]) -> None:
        await _delays(direct.stream(address), delays)

    own: list[float] = []
    reference: list[float] = []
    async with asyncio.TaskGroup() as group:
        consumers = [group.create_task(through_page(own)) for _ in range(count)]
        while opened < count:
            await asyncio.sleep(0.01)
        async with _cpu(not_counted) as cpu:  # of what flows, not of the starts
            await asyncio.wait(consumers, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*(directly(reference) for _ in range(count)))
    name = f"{count} x {per_s:g}/s, {world.value}"
    added50, added99, most_cpu = STREAM_TARGETS.get((count, per_s), (ANY, ANY, ANY))
    found = []
    for percent, target in ((50, added50), (99, added99)):
        value, base = percentile(own, percent), percentile(reference, percent)
        found += figures(f"stream delay, {name}, p{percent}", value, "ms", target, base)
    alone = None
    if bare is not None and most_cpu is not ANY:
        async with _cpu(not_counted) as its_own:
            await bare.read(address, count)
        alone = its_own.percent
    found += figures(f"CPU, {name}", cpu.percent, "% core", most_cpu, by_hand=alone)
    return found


@dataclass
class _Cpu:
    percent: float = 0.0


@asynccontextmanager
async def _cpu(not_counted: Collection[int]) -> AsyncIterator[_Cpu]:
    """CPU of this process and all below it (driver, browser) while the block runs, in percent of one core."""

    def used() -> float:
        total = 0.0
        own = psutil.Process()
        for process in [own, *own.children(recursive=True)]:
            with suppress(psutil.Error):  # it may have ended just now
                if process.pid not in not_counted:
                    times = process.cpu_times()
                    total += times.user + times.system
        return total

    measured = _Cpu()
    before, began = used(), time.perf_counter()
    yield measured
    measured.percent = 100 * (used() - before) / (time.perf_counter() - began)


async def sockets(transport: Transport, at: Addresses, *, frames: int = 30) -> list[Figure]:
    """1 MB text frames, as fast as the site sends them."""
    if not at.frames:
        return []
    rates = []
    for _ in range(3):
        async with transport.open_socket(at.frames.format(n=frames)) as socket:
            await socket.receive(timeout_s=10)
            began = time.perf_counter()
            for _ in range(frames - 1):
                await socket.receive(timeout_s=10)
            rates.append((frames - 1) / (time.perf_counter() - began))
    value = statistics.median(rates)
    return [Figure("WebSocket, 1 MB frames", value, "MB/s", None, ">= 40", value >= 40)]


async def measure(
    transport: Transport,
    *,
    port: int,
    cookie: str,
    at: Addresses | None = None,
    seconds: float = 8.0,
    not_counted: Collection[int] = (),
    bare: BareBrowser | None = None,
) -> list[Figure]:
    """All of it. The transport must allow 100 streams at once for the table's loads."""
    at = at or Addresses()
    direct = Direct(port, cookie)
    try:
        found = await json_calls(transport, direct, at, bare=bare)
        for count, per_s in LOADS:
            for world in World:
                found += await streams(
                    transport,
                    direct,
                    at,
                    count=count,
                    per_s=per_s,
                    seconds=seconds,
                    world=world,
                    not_counted=not_counted,
                    bare=bare,
                )
        with tempfile.TemporaryDirectory() as folder:
            found += await files(transport, direct, at, folder=Path(folder), bare=bare)
        found += await sockets(transport, at)
    finally:
        await direct.session.close()
    return found
