"""What may go wrong under an engine, and that nothing is lost or done twice."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import update

from gateway.db import changes as hints
from gateway.db.connect import Database
from gateway.db.tables import tasks
from gateway.errors import StorageFull
from gateway.tasks import feed as feeds
from gateway.tasks.engine import Engine
from gateway.tasks.feed import Feed
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.tasks.upstream import Journal, Offer
from tests.conformance.samples import a_task, in_s
from tests.engine.faulty_store import FaultyStore
from tests.engine.scripted import MemoryMedia, ScriptedCapacity, ScriptedMaker, result_of, settings
from tests.engine.waiting import types, until
from tests.postgresql import Cluster

LEASE_S = 1.5


def an_engine(store: Any, maker: ScriptedMaker, media: MemoryMedia, node: str = "node-a", **more: Any) -> Engine:
    return Engine(
        store, maker, more.pop("capacity", None) or ScriptedCapacity(), settings(lease_s=LEASE_S, **more), media, node
    )


async def test_a_worker_cut_off_lets_go_before_another_takes_over(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    """Self-fencing: at two thirds of the lease by its own clock, whatever the line does."""
    order: list[str] = []
    begun = asyncio.Event()

    def maker(name: str, *, ends: bool) -> ScriptedMaker:
        made = ScriptedMaker()

        async def script(task: Task, journal: Journal) -> VideoResult:
            order.append(f"{name} starts")
            try:
                if not ends:
                    await journal.begin("submit", {})
                    begun.set()
                    await asyncio.Event().wait()
            except asyncio.CancelledError:
                order.append(f"{name} stops")
                raise
            assert "submit" in journal.steps
            return result_of(task)

        made.script = script
        return made

    cut_off = FaultyStore(store)
    first = an_engine(cut_off, maker("first", ends=False), media, "node-a")
    second = an_engine(
        store, maker("second", ends=True), media, "node-b", capacity=ScriptedCapacity(Offer("main", "acc", 0))
    )
    async with second, first:
        task, _ = await store.insert(a_task())
        await begun.wait()
        cut_off.failing.add("*")
        await second._capacity.set(Offer("main", "acc", 1))  # type: ignore[attr-defined]
        events = await until(feed, task.id, timeout_s=15)
        cut_off.failing.clear()
    assert order == ["first starts", "first stops", "second starts"]
    assert types(events).count("rescued") == 1
    assert types(events)[-1] == "succeeded"


async def test_a_zombie_that_still_writes_is_refused(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    """A worker whose heartbeats are lost but whose other writes are not: the token stops it."""
    deaf = FaultyStore(store)
    zombie, maker = ScriptedMaker(), ScriptedMaker()
    zombie.go.clear()
    first = an_engine(deaf, zombie, media, "node-a")
    first._leases.watch = first._leases.keep  # type: ignore[method-assign]  # its watchdog sleeps as well
    async with first:
        task, _ = await store.insert(a_task())
        await until(feed, task.id, "progress")
        await first._capacity.set(Offer("main", "acc", 0))  # type: ignore[attr-defined]
        deaf.failing |= {"heartbeat", "sweep"}
        async with an_engine(store, maker, media, "node-b"):
            await until(feed, task.id, timeout_s=15)
            zombie.go.set()
            await first._until_idle(5)
            events = await until(feed, task.id)
    assert types(events).count("succeeded") == 1
    assert (await store.get(task.id)).token == 3
    assert zombie.ledger.submits + maker.ledger.submits == {task.id: 1}
    assert first.metrics.fenced._value.get() >= 1


async def test_a_finished_video_is_recorded_once_the_database_is_back(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    """Away for longer than the lease: nobody else can have written either, so the result still counts."""
    line = FaultyStore(store)
    line.error = StorageFull("full")
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(line, maker, media) as engine:
        task, _ = await store.insert(a_task())
        await until(feed, task.id, "progress")
        line.failing.add("succeed")
        maker.go.set()
        await line.failed.wait()
        line.failing.add("*")
        gone_at = time.monotonic()
        while line.tried["heartbeat"] < 2 or time.monotonic() - gone_at < LEASE_S + 0.2:
            await asyncio.sleep(0.05)
        assert [claim.id for claim in engine.running] == [task.id]
        line.failing.clear()
        events = await until(feed, task.id, timeout_s=15)
    assert types(events)[-1] == "succeeded"
    assert "rescued" not in types(events)
    assert len(maker.ledger.started) == 1


async def test_what_the_site_revealed_is_kept_although_its_worker_was_stopped(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    """The database is away when the id arrives, and the worker fences itself meanwhile: the id is written all the same."""
    line = FaultyStore(store)
    maker = ScriptedMaker()
    revealed: list[str] = []

    async def script(task: Task, journal: Journal) -> VideoResult:
        if "submit" not in journal.steps:
            await journal.bind(account_id="acc", profile="main")
            await journal.begin("submit", {})
            maker.ledger.submits[task.id] += 1
            line.failing.add("*")
            await journal.note("submit", {"video_id": "v"})
        revealed.append(str(journal.steps["submit"].external.get("video_id")))
        return result_of(task)

    maker.script = script
    async with an_engine(line, maker, media):
        task, _ = await store.insert(a_task())
        while not maker.ledger.cancelled:
            await asyncio.sleep(0.02)
        line.failing.clear()
        await until(feed, task.id, timeout_s=15)
    assert revealed == ["v"]
    assert maker.ledger.submits[task.id] == 1


async def test_everything_works_without_hints(
    database_url: str, media: MemoryMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notifications switched off altogether: claims, cancellations and feeds still come, by polling."""
    monkeypatch.setattr(hints.Changes, "wake", lambda *_: None)
    monkeypatch.setattr(hints.Changes, "wake_all", lambda *_: None)
    monkeypatch.setattr(feeds, "SAFETY_POLL_S", 0.2)
    monkeypatch.setattr(hints.Hint.wait, "__defaults__", (0.2,))
    async with Database.open(database_url) as here, Database.open(database_url) as there:
        front, maker = SqlTaskStore(here), ScriptedMaker()
        engine = Engine(
            SqlTaskStore(there), maker, ScriptedCapacity(Offer("main", "acc", 2)), settings(), media, "n", poll_s=0.2
        )
        async with engine:
            task, _ = await front.insert(a_task())
            assert types(await until(Feed(front, here.changes), task.id))[-1] == "succeeded"
            maker.go.clear()
            stuck, _ = await front.insert(a_task())
            await until(Feed(front, here.changes), stuck.id, "progress")
            await front.cancel(stuck.id)
            assert types(await until(Feed(front, here.changes), stuck.id))[-1] == "cancelled"


async def test_a_cancellation_crosses_processes_quickly(database_url: str, media: MemoryMedia) -> None:
    async with Database.open(database_url) as here, Database.open(database_url) as there:
        front, maker = SqlTaskStore(here), ScriptedMaker()
        maker.go.clear()
        async with Engine(SqlTaskStore(there), maker, ScriptedCapacity(), settings(lease_s=30), media, "n"):
            task, _ = await front.insert(a_task())
            await until(Feed(front, here.changes), task.id, "progress")
            asked_at = time.monotonic()
            await front.cancel(task.id)
            await until(Feed(front, here.changes), task.id, timeout_s=4)  # the heartbeat alone would take ten seconds
            assert time.monotonic() - asked_at < 3


async def test_a_database_server_that_crashes_is_survived(
    postgresql_url: str, cluster: Cluster, media: MemoryMedia
) -> None:
    async with Database.open(postgresql_url) as db:
        store, maker = SqlTaskStore(db), ScriptedMaker()
        feed = Feed(store, db.changes)
        maker.go.clear()
        async with Engine(store, maker, ScriptedCapacity(), settings(lease_s=6), media, "n"):
            task, _ = await store.insert(a_task())
            await until(feed, task.id, "progress")
            cluster.crash()
            cluster.start()
            maker.go.set()
            events = await until(feed, task.id, timeout_s=20)
    assert types(events)[-1] == "succeeded"
    assert maker.ledger.submits[task.id] == 1


async def asked_twice_more(store: FaultyStore, what: str) -> None:
    before = store.asked[what]
    while store.asked[what] < before + 2:
        await asyncio.sleep(0.02)


async def test_a_clock_set_forward_takes_nothing_from_the_living(
    store: SqlTaskStore, db: Database, feed: Feed, media: MemoryMedia
) -> None:
    """All leases are over at once by the database's clock. A node that sweeps first lets the others renew theirs."""
    line, sweeps, maker = FaultyStore(store), FaultyStore(store), ScriptedMaker()
    maker.go.clear()
    nobody = ScriptedCapacity(Offer("main", "acc", 0))
    living = Engine(line, maker, ScriptedCapacity(), settings(lease_s=180), media, "node-a")  # sweeps once a minute
    async with living, Engine(sweeps, ScriptedMaker(), nobody, settings(lease_s=6), media, "node-b"):
        task, _ = await store.insert(a_task())
        await until(feed, task.id, "progress")
        await asked_twice_more(sweeps, "now")
        line.failing.add("heartbeat")  # none gets in between
        sweeps.failing.add("now")  # nor a sweep
        await sweeps.failed.wait()
        async with db.write() as connection:
            await connection.execute(update(tasks).values(lease_until=in_s(-3000)))
        sweeps.clock_ahead_s = 3600.0
        sweeps.failing.clear()
        await asked_twice_more(sweeps, "now")
        assert (await store.get(task.id)).state is State.RUNNING
        line.failing.clear()
        await living._leases.beat()
        maker.go.set()
        events = await until(feed, task.id, timeout_s=15)
    assert "rescued" not in types(events)
    assert types(events)[-1] == "succeeded"


async def test_a_worker_that_gets_its_own_lost_task_again_ends_the_old_attempt_first(
    store: SqlTaskStore, db: Database, feed: Feed, media: MemoryMedia
) -> None:
    """Its claim was swept, and it claims the task anew before any heartbeat told it."""
    maker, at_work, begun = ScriptedMaker(), [0], asyncio.Event()

    async def script(task: Task, journal: Journal) -> VideoResult:
        at_work[0] += 1
        try:
            assert at_work[0] == 1, "two attempts at once"
            if not begun.is_set():
                await journal.begin("submit", {})
                begun.set()
                await asyncio.Event().wait()
            return result_of(task)
        finally:
            await asyncio.sleep(0.05)  # letting go of the site takes a moment
            at_work[0] -= 1

    maker.script = script
    async with an_engine(store, maker, media) as engine:
        async with engine._leases._turn:
            task, _ = await store.insert(a_task())
            await begun.wait()
            async with db.write() as connection:
                await connection.execute(update(tasks).values(lease_until=in_s(-1)))
            await store.sweep()
            await until(feed, task.id, timeout_s=20)
        again, _ = await store.insert(a_task())
        await until(feed, again.id, timeout_s=20)  # and it works on
    assert (await store.get(task.id)).state is State.SUCCEEDED
    assert [attempt.outcome for attempt in await store.attempts(task.id)] == ["rescued", "succeeded"]


async def test_two_nodes_work_side_by_side_without_overlap(database_url: str, media: MemoryMedia) -> None:
    async with Database.open(database_url) as one, Database.open(database_url) as two:
        stores = SqlTaskStore(one), SqlTaskStore(two)
        makers = ScriptedMaker(), ScriptedMaker()
        engines = [
            Engine(store, maker, ScriptedCapacity(Offer(f"p{i}", f"a{i}", 2)), settings(lease_s=30), media, f"node-{i}")
            for i, (store, maker) in enumerate(zip(stores, makers, strict=True))
        ]
        feed = Feed(stores[0], one.changes)
        async with engines[0], engines[1]:
            for maker in makers:
                maker.go.clear()
            made = [(await stores[0].insert(a_task()))[0] for _ in range(16)]
            for maker in makers:
                await maker.at_work.get()
            for maker in makers:
                maker.go.set()
            await asyncio.gather(*(until(feed, task.id, timeout_s=30) for task in made))
        done = makers[0].ledger.submits + makers[1].ledger.submits
        assert done == {task.id: 1 for task in made}
        assert all(maker.ledger.submits for maker in makers)


async def test_a_makers_own_group_of_errors_is_told_by_what_is_in_it(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    async def script(task: Task, journal: Journal) -> VideoResult:
        raise ExceptionGroup("in a TaskGroup", [ValueError("x"), StorageFull("full")])

    async with an_engine(store, ScriptedMaker(script), media):
        task, _ = await store.insert(a_task())
        events = await until(feed, task.id, "waiting", "failed")
    assert events[-1].data["code"] == "storage_full"


async def test_pruning_takes_files_first_and_comes_back_for_what_it_could_not(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    async with an_engine(store, ScriptedMaker(), media, retention_s=-1) as engine:
        task, _ = await store.insert(a_task())
        await until(feed, task.id)
        media.fail_with = OSError("busy")
        assert await engine._pruner.prune_media() == 0
        assert [one.id for one in await store.expired()] == [task.id]
        media.fail_with = None
        assert await engine._pruner.prune_media() == 1
        assert media.removed >= {f"{task.id}.v", f"{task.id}.t"}
        kept = await store.get(task.id)
        assert kept.result is not None
        assert (kept.state, kept.result.asset_id) == (State.SUCCEEDED, None)


async def test_a_feed_resumes_where_it_was_left(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(store, maker, media):
        task, _ = await store.insert(a_task())
        first = await until(feed, task.id, "progress")
        maker.go.set()
        rest = await until(feed, task.id, after=first[-1].seq)
    assert [event.seq for event in [*first, *rest]] == list(range(1, len(first) + len(rest) + 1))
    assert await until(feed, task.id, after=rest[-1].seq) == []


async def test_a_feed_ends_with_its_task(store: SqlTaskStore, feed: Feed) -> None:
    assert await until(feed, "no such") == []
    task, _ = await store.insert(a_task())
    async with asyncio.timeout(60), aclosing(feed.follow(task.id)) as events:
        seen = []
        async for event in events:
            seen.append(event.type)
            await store.delete(Filter(), ids=[task.id])
    assert seen == ["accepted", "cancelled"]
