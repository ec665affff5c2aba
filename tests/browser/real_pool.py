"""A pool of real Chromiums on a tiny site, and ways to treat them badly."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from browser import processes
from browser.clearance import Clearance
from browser.launch import LaunchSettings
from browser.pool import Pool
from browser.profiles import ProfileSpec
from browser.settings import PoolSettings
from browser.status import ProfileEvent
from tests.browser.tiny_site import TinySite

KEY = b"a key of thirty-two bytes, no less"

#: Nothing that leaves the machine.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


@asynccontextmanager
async def real_pool(
    folder: Path,
    site: TinySite,
    *,
    clearance: Clearance | None = Clearance.READY,
    args: tuple[str, ...] = (),
    key: bytes = KEY,
    events: list[ProfileEvent] | None = None,
    **settings: Any,
) -> AsyncIterator[Pool]:
    """A pool with one profile, "work" (none when *clearance* is None)."""
    quick = {"restart_jitter_s": 0.1, "verify_when_not_ready_s": 0.5, "verify_when_held_s": 0.5, "lease_grace_s": 0.5}
    pool = Pool(
        site.site(),
        launch=LaunchSettings(args=(*QUIET, *args)),
        profiles_dir=folder,
        slots={"chat": 2, "video": 1},
        checkpoint_key=key,
        settings=PoolSettings(**{**quick, **settings}),
        on_event=events.append if events is not None else None,
    )
    async with pool:
        if clearance is not None:
            await pool.add(ProfileSpec("work"), clearance=clearance)
        yield pool


async def sign_in(pool: Pool) -> None:
    """Sign in at the site as an operator does."""
    async with pool.hold("work", timeout_s=30) as held:
        await held.show_sign_in()
        await held.page.click("#go")
        await held.wait_ready()
    await pool.check("work")


def browser_pid(pool: Pool) -> int:
    pid = pool.status()[0].pid
    assert pid is not None
    return pid


def renderer_pids(pool: Pool) -> list[int]:
    return [p.pid for p in processes.family(browser_pid(pool)) if "--type=renderer" in p.cmdline()]


def driver_pid(pool: Pool) -> int:
    """The driver that started the pool's browser; the test process may have one of its own."""
    above = psutil.Process(browser_pid(pool)).parents()
    return next(process.pid for process in above if "run-driver" in process.cmdline())


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def browsers_below(folder: Path) -> list[psutil.Process]:
    """Every process of a browser whose profile lies in *folder*."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in argument for argument in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]
