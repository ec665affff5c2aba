"""What the gateway adds around the site: tasks, status polls, cancels, memory and resuming; against the simulator.

Times on both sides are time.monotonic of this machine: the simulator's ledger says when the site sent its last byte, the
client here when it heard the end.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from tests.bench.figure import MB, Figure
from tests.e2e.gateway_process import Gateway, free_port
from tests.simulator.client import Simulator

BARE = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
TASK = {"task_id": "task_abc123", "status": "completed", "progress": 100, "prompt": "x" * 40, "video_url": "x" * 120}
@app.get("/v1/video/tasks/{task_id}")
async def task(task_id: str): return TASK
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


async def overhead(gateway: Gateway, sim: Simulator, *, times: int = 12) -> list[Figure]:
    """From the site's last byte of a generation to `completed` in the client's hands, download and checks included."""
    added, accepted = [], []
    async with gateway.client() as client:
        for number in range(times):
            await sim.clear_ledger()
            began = time.monotonic()
            task_id = await client.create(f"bench number {number} [sim:pace=0.4]")
            accepted.append((time.monotonic() - began) * 1000)
            seen = [(time.monotonic(), event["type"]) async for event in client.events(task_id)]
            ended, last = seen[-1]
            assert last == "completed", seen
            (entry,) = await sim.ledger(kind="submit_video")
            added.append((ended - (entry["finished_at"] or entry["reset_at"])) * 1000)
    value, accept = statistics.median(added), statistics.median(accepted)
    return [
        Figure("task: accepted (POST answered)", accept, "ms p50", None, "<= 50", accept <= 50),
        Figure("task: site's last frame to completed", value, "ms p50", None, "<= 1000", value <= 1000),
        Figure("  the slowest of them", max(added), "ms", None, "<= 3000", max(added) <= 3000),
    ]


async def cancels(gateway: Gateway, sim: Simulator, *, times: int = 6) -> list[Figure]:
    """From the client's DELETE to the reset that the site sees."""
    took = []
    async with gateway.client() as client:
        for number in range(times):
            await sim.clear_ledger()
            task_id = await client.create(f"to be cancelled {number} [sim:pace=30]")
            async for event in client.events(task_id):
                if event["progress"]:
                    break
            began = time.monotonic()
            await client.http.delete(f"/v1/video/tasks/{task_id}")
            (entry,) = await sim.wait("submit_video", count=1, timeout_s=10, outcome="reset")
            took.append((entry["reset_at"] - began) * 1000)
    value = statistics.median(took)
    return [Figure("cancel: client's DELETE to the site's reset", value, "ms p50", None, "<= 50", value <= 50)]


async def polls(gateway: Gateway) -> list[Figure]:
    """Status polls a second, against a bare FastAPI route that returns the same from a constant."""
    async with gateway.client() as client:
        task_id = await client.create("polled")
        await client.wait(task_id)
    port = free_port()
    bare = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE, str(port))
    try:
        path = f"/v1/video/tasks/{task_id}"
        await _answering(port, path)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(await _rate(gateway.port, path, gateway.key))
            theirs.append(await _rate(port, path, ""))
    finally:
        bare.terminate()
        await bare.wait()
    value, direct = statistics.median(ours), statistics.median(theirs)
    return [Figure("status polls; direct: a bare FastAPI route", value, "1/s", direct, ">= 200", value >= 200)]


async def resuming(sim: Simulator, gateway: Gateway, name: str) -> list[Figure]:
    """What a suspended profile costs its first task, over what a running one costs."""
    async with gateway.client() as client:

        async def until_submit(prompt: str) -> float:
            await sim.clear_ledger()
            began = time.monotonic()
            task_id = await client.create(f"{prompt} [sim:pace=0.2]")
            (entry,) = await sim.wait("submit_video", count=1, timeout_s=30)
            await client.wait(task_id)
            return float(entry["arrived_at"] - began)

        warm = [await until_submit(f"warm {number}") for number in range(3)]
        cold = []
        for number in range(3):
            await _until(lambda: _suspended(gateway, name))
            cold.append(await until_submit(f"cold {number}"))
    value = statistics.median(cold) - statistics.median(warm)
    return [Figure("resume a suspended profile", value, "s p50", None, "<= 1.0", value <= 1.0)]


async def memory(gateway: Gateway, profiles: int) -> list[Figure]:
    """PSS of the browsers, per profile, and of the gateway with its driver."""
    browsers = gateway.children(lambda command: any("--user-data-dir" in part or "--type=" in part for part in command))
    pss = sum(_pss(process) for process in browsers) / profiles / MB
    assert gateway.process is not None
    others = [psutil.Process(gateway.process.pid), *gateway.children(lambda command: "run-driver" in " ".join(command))]
    own = sum(_pss(process) for process in others) / MB
    return [
        Figure(f"memory per idle profile ({profiles} running)", pss, "MB PSS", None, "<= 260", pss <= 260),
        Figure("memory of gateway and driver", own, "MB PSS", None, "<= 350", own <= 350),
    ]


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0


async def _suspended(gateway: Gateway, name: str) -> bool:
    return not gateway.children(lambda command: any(f"/profiles/{name}/" in part for part in command))


async def _until(condition: Callable[[], Awaitable[bool]], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)


async def _answering(port: int, path: str) -> None:
    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await _until(answers)


async def _rate(port: int, path: str, key: str, *, connections: int = 8, seconds: float = 2.0) -> float:
    """Answers a second over kept connections; a plain socket, so that the client costs next to nothing."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    deadline = time.perf_counter() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        done = 0
        while time.perf_counter() < deadline:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            done += 1
        writer.close()
        return done

    began = time.perf_counter()
    total = sum(await asyncio.gather(*(one() for _ in range(connections))))
    return total / (time.perf_counter() - began)
