"""Everything that can be killed is killed; the profile comes back as it was."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from browser import processes
from browser.clearance import Clearance
from browser.errors import SlotLost
from browser.pool import Pool
from browser.profiles import ProfileSpec
from browser.status import ProfileEvent
from tests.browser.fake_browser import stands, until
from tests.browser.real_pool import browser_pid, browsers_below, driver_pid, kill, real_pool, renderer_pids, sign_in
from tests.browser.tiny_site import tiny_site

pytestmark = pytest.mark.browser


async def _lost_in_a_stream(pool: Pool, started: asyncio.Event) -> float:
    """Borrow, read a stream that never ends, and return when the loss was noticed (loop time)."""
    async with pool.lease("chat", timeout_s=30) as lease:
        with pytest.raises(SlotLost):
            async with lease.transport.stream("GET", "/stream") as reply:
                async for _ in reply:
                    started.set()
        return asyncio.get_running_loop().time()


@pytest.mark.parametrize("victim", ["renderer", "browser", "driver"])
async def test_a_killed_process_is_noticed_within_a_second_and_replaced(tmp_path: Path, victim: str):
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        await sign_in(pool)
        before = browser_pid(pool)
        started = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            borrower = group.create_task(_lost_in_a_stream(pool, started))
            async with asyncio.timeout(60):
                await started.wait()
            victims = {"renderer": renderer_pids, "browser": lambda _: [before], "driver": lambda _: [driver_pid(pool)]}
            killed_at = asyncio.get_running_loop().time()
            kill(*victims[victim](pool))
            assert await borrower - killed_at < 1.0
        # The same profile, still signed in, by its session cookie.
        async with pool.lease("chat", profile="work", timeout_s=15) as lease:
            assert (await lease.transport.fetch("GET", "/api/session")).status == 200
        assert stands(pool, "work") is Clearance.READY
        assert (browser_pid(pool) == before) is (victim == "renderer")
        assert pool.status()[0].recycles == (0 if victim == "driver" else 1)
    assert browsers_below(tmp_path) == []


async def test_a_dead_driver_takes_every_profile_with_it_and_all_come_back(tmp_path: Path):
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=None) as pool:
        site.open_to_all = True
        for name in ("a", "b"):
            await pool.add(ProfileSpec(name), clearance=Clearance.READY)
            assert (await pool.check(name)).clearance is Clearance.READY
        pids = {status.name: status.pid for status in pool.status()}
        kill(driver_pid(pool))
        # Without being asked:
        await until(
            lambda: all(status.running and status.pid != pids[status.name] for status in pool.status()), within_s=60
        )


async def test_a_browser_that_keeps_crashing_is_quarantined_until_somebody_looks(tmp_path: Path):
    events: list[ProfileEvent] = []
    async with tiny_site() as site, real_pool(tmp_path, site, events=events, recycle_limit=1) as pool:
        site.open_to_all = True
        await pool.check("work")
        kill(browser_pid(pool))
        await until(lambda: [e.what for e in events].count("browser started") == 2, within_s=60)
        kill(browser_pid(pool))
        await until(lambda: stands(pool, "work") is Clearance.CRASHED)
        await until(lambda: browsers_below(tmp_path) == [])
        assert pool.free("chat") == []
        assert (await pool.check("work")).clearance is Clearance.READY
        assert pool.free("chat") == ["work"]


GATEWAY = """
import asyncio, sys
from pathlib import Path
from browser.clearance import Clearance
from tests.browser.real_pool import browser_pid, real_pool
from tests.browser.tiny_site import TinySite

async def main():
    site = TinySite(port=int(sys.argv[2]))
    async with real_pool(Path(sys.argv[1]), site, clearance=Clearance.NEW) as pool:
        await pool.check("work")
        print(browser_pid(pool), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_browser_of_a_killed_gateway_is_waited_for_before_the_next_one_starts(tmp_path: Path):
    async with tiny_site() as site:
        gateway = await asyncio.create_subprocess_exec(
            sys.executable, "-c", GATEWAY, str(tmp_path), str(site.port),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert gateway.stdout is not None
        async with asyncio.timeout(60):
            lines = [(await gateway.stdout.readline()).decode() for _ in range(1)]
            while not lines[-1].strip().isdigit():
                lines.append((await gateway.stdout.readline()).decode())
        orphan = psutil.Process(int(lines[-1]))
        display = [p for p in psutil.Process(gateway.pid).children() if p.name() == "Xvfb"]
        os.kill(orphan.pid, signal.SIGSTOP)  # an orphan that does not notice, and would never end by itself
        gateway.kill()
        await gateway.wait()
        assert orphan.is_running()
        started = time.monotonic()
        async with real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
            await pool.check("work")
            assert not processes.is_running(orphan.pid)
            assert pool.status()[0].running
            assert time.monotonic() - started < 60
        assert not any(process.is_running() for process in display)


async def test_nothing_is_left_running_when_the_pool_is_left_by_an_error(tmp_path: Path):
    class Trouble(Exception):
        pass

    children = {process.pid for process in psutil.Process().children(recursive=True)}
    async with tiny_site() as site:
        with pytest.raises(Trouble):  # as it is, not within a group
            async with real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
                await pool.check("work")
                raise Trouble
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.7), real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
                await pool.check("work")
                await asyncio.Event().wait()
    assert browsers_below(tmp_path) == []
    assert {process.pid for process in psutil.Process().children(recursive=True)} == children


async def test_restarts_leave_no_descriptors_processes_or_files_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    us = psutil.Process()
    held: list[tuple[int, int, int]] = []
    with tempfile.TemporaryDirectory(prefix="t") as short:  # a socket's path has at most 107 bytes
        monkeypatch.setenv("TMPDIR", short)
        monkeypatch.setattr(tempfile, "tempdir", short)
        async with tiny_site() as site, real_pool(tmp_path, site, recycle_limit=9) as pool:
            site.open_to_all = True
            for _ in range(4):
                await pool.check("work")
                held.append((us.num_fds(), len(us.children()), len(list(Path(short).iterdir()))))
                kill(browser_pid(pool))
                await until(lambda: not pool.status()[0].running)
            await pool.check("work")
        assert list(Path(short).iterdir()) == []
    assert held[1] == held[2] == held[3]
