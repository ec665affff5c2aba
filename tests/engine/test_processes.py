"""Workers that are killed and stopped for real: kill -9 at every boundary, and a zombie that wakes up again."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from gateway.db.connect import Database
from gateway.tasks.feed import Feed
from gateway.tasks.model import TaskEvent
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from tests.conformance.samples import a_task
from tests.engine.waiting import types, until
from tests.engine.worker_process import BOUNDARIES, Site, start


@pytest.fixture
async def started() -> AsyncIterator[list[BaseProcess]]:
    """Processes of this test; ended with it, each by its own pid."""
    processes: list[BaseProcess] = []
    yield processes
    for process in processes:
        if process.is_alive():
            process.kill()
        await asyncio.to_thread(process.join, 10)


async def ended(process: BaseProcess) -> int | None:
    await asyncio.to_thread(process.join, 30)
    return process.exitcode


async def test_killed_at_every_boundary_a_video_is_submitted_once(
    database_url: str, tmp_path: Path, started: list[BaseProcess]
) -> None:
    """The same node comes back after each kill -9 and goes on at once, long before any lease ends."""
    site = Site(tmp_path / "site")
    async with Database.open(database_url) as db:
        store = SqlTaskStore(db)
        task, _ = await store.insert(a_task(max_attempts=len(BOUNDARIES) + 1))
        for _ in BOUNDARIES:
            started.append(start(database_url, "node-a", site, dies=True))
            assert await ended(started[-1]) == -signal.SIGKILL
            assert (await store.get(task.id)).state is State.RUNNING
        started.append(start(database_url, "node-a", site, dies=True))
        events = await until(Feed(store, db.changes), task.id, timeout_s=20)
        check(events, rescued=len(BOUNDARIES))
        done = await store.get(task.id)
        outcomes = [attempt.outcome for attempt in await store.attempts(task.id)]
    assert done.state is State.SUCCEEDED
    assert [site.count(f"died: {name}", task.id) for name in BOUNDARIES] == [1] * len(BOUNDARIES)
    assert site.count("submit", task.id) == 1
    assert site.count("download", task.id) == 2  # the one whose record died with its worker is fetched again
    assert outcomes == ["rescued"] * len(BOUNDARIES) + ["succeeded"]


def check(events: list[TaskEvent], *, rescued: int) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert types(events).count("rescued") == rescued
    assert types(events).count("succeeded") == 1
    assert types(events)[-1] == "succeeded"


async def happened(site: Site, what: str, task_id: str, times: int = 1) -> None:
    async with asyncio.timeout(60):
        while site.count(what, task_id) < times:
            await asyncio.sleep(0.02)


async def test_a_worker_that_is_killed_is_taken_over_by_another_node(
    database_url: str, tmp_path: Path, started: list[BaseProcess]
) -> None:
    site, go = Site(tmp_path / "site"), tmp_path / "go"
    async with Database.open(database_url) as db:
        store = SqlTaskStore(db)
        task, _ = await store.insert(a_task())
        started.append(start(database_url, "node-a", site, waits_for=go, lease_s=1.5))
        await happened(site, "generating", task.id)
        started.append(start(database_url, "node-b", site, waits_for=go, lease_s=1.5))
        started[0].kill()
        await happened(site, "generating", task.id, times=2)
        go.touch()
        events = await until(Feed(store, db.changes), task.id, timeout_s=20)
    check(events, rescued=1)
    assert site.count("submit", task.id) == 1


async def test_a_zombie_stops_when_it_wakes_up(database_url: str, tmp_path: Path, started: list[BaseProcess]) -> None:
    """SIGSTOP for longer than the lease, takeover, SIGCONT: the old worker drops its task and writes nothing more."""
    site, go = Site(tmp_path / "site"), tmp_path / "go"
    async with Database.open(database_url) as db:
        store = SqlTaskStore(db)
        task, _ = await store.insert(a_task())
        started.append(start(database_url, "node-a", site, waits_for=go, lease_s=1.5))
        zombie = started[0].pid
        assert zombie is not None
        await happened(site, "generating", task.id)
        os.kill(zombie, signal.SIGSTOP)
        started.append(start(database_url, "node-b", site, waits_for=go, lease_s=1.5))
        await happened(site, "generating", task.id, times=2)
        os.kill(zombie, signal.SIGCONT)
        await happened(site, "stopped", task.id)
        assert [line["pid"] for line in site.lines() if line["what"] == "stopped"] == [zombie]
        go.touch()
        events = await until(Feed(store, db.changes), task.id, timeout_s=20)
    check(events, rescued=1)
    assert site.count("submit", task.id) == 1
    assert site.count("download", task.id) == 1
