"""What a call through the page costs, against a direct client in the same run.

``measure`` takes a running transport and a site that serves the addresses of ``Addresses``; it returns figures with the
targets beside them. Both sides' latencies use the site's own clock (time.monotonic of the same machine), written into
every line. Direct and page are measured alternately, because the machine's speed wanders.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from browser.transport import FilePart, Transport, World
from tests.bench.direct import Direct

MB = 1024 * 1024

#: Streams at once, and lines a second of each.
LOADS = ((1, 20.0), (50, 5.0), (100, 1.0), (100, 20.0))
#: For a load: the most that the page may add, in milliseconds at p50 and p99, and its share of one core in percent.
STREAM_TARGETS: dict[tuple[int, float], tuple[float, float, float]] = {(100, 1.0): (3, 8, 25), (100, 20.0): (6, 30, 75)}


@dataclass(frozen=True)
class BareBrowser:
    """What Chromium does with nothing of ours in it, for comparison: it bounds what can be reached through it.

    download: seconds to the address's first byte on disk, and to all of it, synced. upload: seconds to send a file to a path
    as a form.
    """

    download: Callable[[str], Awaitable[tuple[float, float]]]
    upload: Callable[[Path, str], Awaitable[float]]


@dataclass(frozen=True)
class Addresses:
    """Where the site under measurement answers. Paths are on https://grok.com unless absolute."""

    json: str = "/echo"  # POST; answers at once
    lines: str = "/lines?n={n}&gap={gap}&size=200"  # NDJSON lines with "at": time.monotonic()
    hang: str = "/lines?n=1&hang=1"  # one line, then silence
    asset: str = "https://assets.grok.com/asset?mb={mb}"  # needs the session cookie
    upload: str = "/digest"  # takes any body
    frames: str = "wss://grok.com/ws?n={n}&size=1048576"  # sends n frames at once; "" = not measured


@dataclass(frozen=True)
class Figure:
    """One measured quantity: through the page, directly, and what it should be."""

    name: str
    value: float
    unit: str
    direct: float | None
    target: str
    met: bool

    def __str__(self) -> str:
        direct = f"{self.direct:10.2f}" if self.direct is not None else " " * 10
        return f"{self.name:<46}{self.value:10.2f}{direct}  {self.unit:<8}{self.target:<22}{'ok' if self.met else 'MISSED'}"


HEADING = f"{'':<46}{'page':>10}{'direct':>10}  {'unit':<8}{'target':<22}"


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# ------------------------------------------------------------------------------------------------ whole answers


async def json_calls(transport: Transport, direct: Direct, at: Addresses, *, calls: int = 200) -> list[Figure]:
    """Latency one by one and throughput at 50 at once, in each world."""
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
    for call in samples:
        for _ in range(10):
            await call()
    for _ in range(calls):
        for call, taken in samples.items():
            taken.append(await timed(call))
    p50, p99 = statistics.median(samples[direct_call]), percentile(samples[direct_call], 99)

    async def rate(call: Callable[[], Awaitable[None]], total: int = 500, at_once: int = 50) -> float:
        left = iter(range(total))

        async def worker() -> None:
            for _ in left:
                await call()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        return total / (time.perf_counter() - began)

    rates = {call: statistics.median([await rate(call) for _ in range(3)]) for call in samples}
    figures = []
    for name, call in (("isolated", page_call), ("main", main_call)):
        own50, own99 = statistics.median(samples[call]), percentile(samples[call], 99)
        figures += [
            Figure(f"JSON call, {name} world, p50", own50, "ms", p50, "<= direct + 5", own50 <= p50 + 5),
            Figure(f"JSON call, {name} world, p99", own99, "ms", p99, "<= direct + 10", own99 <= p99 + 10),
            Figure(
                f"JSON calls, {name} world, 50 at once", rates[call], "1/s", rates[direct_call], ">= 0.08 x direct",
                rates[call] >= 0.08 * rates[direct_call],
            ),
        ]  # fmt: skip
    return figures


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
) -> list[Figure]:
    """Delay of every line, from the moment the site wrote it to the moment we have it, and the CPU it takes.

    not_counted: ids of processes below this one that are no part of the gateway (the site itself).
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
    most50, most99, most_cpu = STREAM_TARGETS.get((count, per_s), (None, None, None))
    figures = []
    for percent, most in ((50, most50), (99, most99)):
        value, base = percentile(own, percent), percentile(reference, percent)
        target, met = ("", True) if most is None else (f"<= direct + {most}", value <= base + most)
        figures.append(Figure(f"stream delay, {name}, p{percent}", value, "ms", base, target, met))
    target, met = ("", True) if most_cpu is None else (f"<= {most_cpu}", cpu.percent <= most_cpu)
    figures.append(Figure(f"CPU, {name}", cpu.percent, "% core", None, target, met))
    return figures


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


async def aborts(
    transport: Transport, at: Addresses, *, aborted_at: Callable[[], Awaitable[float]], world: World, times: int = 15
) -> list[Figure]:
    """From leaving the block to the site seeing the reset. *aborted_at* tells when it saw the latest one."""
    taken = []
    for _ in range(times):
        async with transport.stream("GET", at.hang, world=world) as reply:
            await anext(aiter(reply))
            left_at = time.monotonic()
        await asyncio.sleep(0.1)
        taken.append((await aborted_at() - left_at) * 1000)
    value = statistics.median(taken)
    return [Figure(f"abort reaches the site, {world.value}, p50", value, "ms", None, "<= 20", 0 <= value <= 20)]


# ------------------------------------------------------------------------------------------------ files


async def files(
    transport: Transport,
    direct: Direct,
    at: Addresses,
    *,
    folder: Path,
    mb: int = 30,
    times: int = 5,
    bare: BareBrowser | None = None,
) -> list[Figure]:
    """Download to disk against curl on the command line and against curl_cffi; time to the first byte; uploads.

    bare: the same by hand in the same browser, printed beside.
    """
    url = at.asset.format(mb=mb)
    taken: dict[str, list[float]] = {name: [] for name in ("page", "direct", "curl", "first", "form", "base64", "raw")}
    if bare is not None:
        taken |= {"bare": [], "bare first": [], "bare form": []}
    await transport.download(at.asset.format(mb=1), into=folder / "warm", limit_bytes=1024 * MB)
    if bare is not None:
        await bare.download(url)
    for number in range(times):
        # New files each time: to clear away an old one of this size takes ten milliseconds.
        into, with_curl, directly = (folder / f"{name}-{number}" for name in ("page", "curl", "direct"))
        began = time.perf_counter()
        saving = asyncio.create_task(transport.download(url, into=into, limit_bytes=1024 * MB))
        part = into.with_name(f"{into.name}.part")
        while not saving.done() and not (part.exists() and part.stat().st_size):
            await asyncio.sleep(0.002)
        taken["first"].append((time.perf_counter() - began) * 1000)
        await saving
        taken["page"].append(mb / (time.perf_counter() - began))
        began = time.perf_counter()
        await direct.save(url, directly)
        taken["direct"].append(mb / (time.perf_counter() - began))
        began = time.perf_counter()
        await direct.command(url, with_curl)
        await asyncio.to_thread(_settle, with_curl)  # a saved video is durable; so shall this one be
        taken["curl"].append(mb / (time.perf_counter() - began))
        for file in (into, with_curl, directly):
            file.unlink()
        if bare is not None:
            first_s, whole_s = await bare.download(url)
            taken["bare"].append(mb / whole_s)
            taken["bare first"].append(first_s * 1000)
    path = folder / "upload.bin"
    path.write_bytes(bytes(range(256)) * (20 * MB // 256))
    part_of = FilePart(path, "upload.bin", "application/octet-stream")
    for _ in range(times):
        began = time.perf_counter()
        await transport.upload(at.upload, file=part_of)
        taken["form"].append(20 / (time.perf_counter() - began))
        if bare is not None:
            taken["bare form"].append(20 / await bare.upload(path, at.upload))
        began = time.perf_counter()
        await transport.upload_base64(at.upload, file=part_of, key="content", json={"fileName": "a"})
        taken["base64"].append(20 / (time.perf_counter() - began))
        data = path.read_bytes()
        began = time.perf_counter()
        await direct.post(at.upload, data=data)
        taken["raw"].append(20 / (time.perf_counter() - began))
    middle = {name: statistics.median(values) for name, values in taken.items()}
    figures = [
        Figure(f"download {mb} MB, against curl and fsync", middle["page"], "MB/s", middle["curl"], ">= 0.9 x direct", middle["page"] >= 0.9 * middle["curl"]),
        Figure(f"download {mb} MB, against curl_cffi", middle["page"], "MB/s", middle["direct"], ">= 0.3 x direct", middle["page"] >= 0.3 * middle["direct"]),
        Figure("download, first byte on disk", middle["first"], "ms", None, "<= 70", middle["first"] <= 70),
        Figure("upload 20 MB as a form", middle["form"], "MB/s", middle["raw"], ">= 0.75 x direct", middle["form"] >= 0.75 * middle["raw"]),
        Figure("upload 20 MB as base64 JSON (direct: raw)", middle["base64"], "MB/s", middle["raw"], ">= 0.2 x direct", middle["base64"] >= 0.2 * middle["raw"]),
    ]  # fmt: skip
    if bare is not None:
        figures += [
            Figure(
                "Chromium by hand: download and fsync", middle["bare"], "MB/s", middle["curl"], "(its own speed)", True
            ),
            Figure("Chromium by hand: first byte on disk", middle["bare first"], "ms", None, "(its own speed)", True),
            Figure(
                "Chromium by hand: upload as a form",
                middle["bare form"],
                "MB/s",
                middle["raw"],
                "(its own speed)",
                True,
            ),
        ]
    return figures


def _settle(path: Path) -> None:
    """Make the file durable; the same for everybody, so that only the ways there differ."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
    aborted_at: Callable[[], Awaitable[float]] | None = None,
    seconds: float = 8.0,
    not_counted: Collection[int] = (),
    bare: BareBrowser | None = None,
) -> list[Figure]:
    """All of it. The transport must allow 100 streams at once for the table's loads."""
    at = at or Addresses()
    direct = Direct(port, cookie)
    try:
        figures = await json_calls(transport, direct, at)
        for count, per_s in LOADS:
            for world in World:
                figures += await streams(
                    transport,
                    direct,
                    at,
                    count=count,
                    per_s=per_s,
                    seconds=seconds,
                    world=world,
                    not_counted=not_counted,
                )
        if aborted_at is not None:
            for world in World:
                figures += await aborts(transport, at, aborted_at=aborted_at, world=world)
        with tempfile.TemporaryDirectory() as folder:
            figures += await files(transport, direct, at, folder=Path(folder), bare=bare)
        figures += await sockets(transport, at)
    finally:
        await direct.session.close()
    return figures
