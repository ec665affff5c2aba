"""Fences: who may still write to a task, what its steps keep, and what happens to claims whose worker is gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from sqlalchemy import update

from gateway.db.connect import Database
from gateway.db.tables import tasks
from gateway.tasks.attempt import left_s
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import Stage, State
from gateway.tasks.store import Filter, LeaseLost
from tests.conformance.samples import ME, OTHER, a_failure, a_result, a_task, claim, claim_one, in_s, offer


async def test_every_write_under_a_lost_claim_is_refused(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    old = await claim_one(store)
    await store.retry(old.id, old.token, a_failure(), after_s=0, charged=True)
    new = await claim_one(store, worker=OTHER)
    before = await store.get(new.id), await store.events(new.id)
    task_id, token = old.id, old.token
    for write in (
        store.set_stage(task_id, token, Stage.SUBMIT),
        store.set_progress(task_id, token, 50),
        store.bind(task_id, token, account_id="x", profile="x"),
        store.begin_step(task_id, token, "submit", {}),
        store.note_step(task_id, token, "submit", {}),
        store.finish_step(task_id, token, "submit", {}),
        store.forget_step(task_id, token, "submit"),
        store.succeed(task_id, token, a_result(task_id), expires_at=in_s(60)),
        store.fail(task_id, token, a_failure()),
        store.finish_cancel(task_id, token),
        store.retry(task_id, token, a_failure(), after_s=0, charged=True),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert (await store.get(new.id), await store.events(new.id)) == before
    assert await store.steps(new.id) == {}


async def test_nothing_is_written_to_a_task_that_is_over(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    with pytest.raises(LeaseLost):
        await store.fail(held.id, held.token, a_failure())
    with pytest.raises(LeaseLost):
        await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))


async def test_steps_are_checkpoints(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    begun_step = await store.begin_step(held.id, held.token, "submit", {"prompt": "p"})
    assert (begun_step.done, begun_step.intent, begun_step.external) == (False, {"prompt": "p"}, {})
    await store.note_step(held.id, held.token, "submit", {"conversation_id": "c"})
    noted = await store.note_step(held.id, held.token, "submit", {"video_id": "v"})
    assert noted.external == {"conversation_id": "c", "video_id": "v"}
    done = await store.finish_step(held.id, held.token, "submit", {"url": "u"})
    assert (done.done, done.intent, done.output) == (True, {"prompt": "p"}, {"url": "u"})
    assert done.finished_at is not None
    again = await store.begin_step(held.id, held.token, "submit", {"prompt": "other"})
    assert again == done
    assert await store.steps(held.id) == {"submit": done}


async def test_ids_at_the_site_are_known_to_belong_to_their_task(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    await store.insert(a_task())
    first, second = await claim(store, offer(free=2))
    await store.note_step(first.id, first.token, "submit", {"conversation_id": "c1", "note": "n"})
    await store.finish_step(first.id, first.token, "submit", {"video_id": "v1"})
    ids = ["c1", "v1", "n", "unknown"]
    assert await store.held_elsewhere(second.id, ids) == {"c1", "v1"}
    assert await store.held_elsewhere(first.id, ids) == frozenset()


async def test_a_heartbeat_renews_only_what_is_held_under_that_token(store: SqlTaskStore, db: Database) -> None:
    for _ in range(3):
        await store.insert(a_task())
    mine = await claim(store, offer(free=2), lease_s=5)
    (theirs,) = await claim(store, worker=OTHER)
    await store.cancel(mine[0].id)
    held = [(one.id, one.token) for one in mine]
    beat = await store.heartbeat(ME, [*held, (theirs.id, theirs.token), (mine[1].id, mine[1].token + 1)], lease_s=60)
    assert beat.alive == set(held)
    assert beat.cancel == {mine[0].id}
    renewed = await store.get(mine[1].id)
    assert renewed.lease_until is not None
    assert (renewed.lease_until - in_s(0)).total_seconds() > 50
    assert (await store.get(theirs.id)).lease_until == theirs.task.lease_until
    assert (await store.heartbeat(ME, [], lease_s=60)).alive == frozenset()
    assert await store.unwanted([one.id for one in mine]) == {mine[0].id}


async def expire(db: Database, *ids: str) -> None:
    async with db.write() as connection:
        await connection.execute(update(tasks).where(tasks.c.id.in_(ids)).values(lease_until=in_s(-1)))


async def test_a_lost_claim_is_swept_once_and_keeps_its_steps(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.begin_step(held.id, held.token, "submit", {})
    assert await store.sweep() == []
    await expire(db, held.id)
    (swept,) = await store.sweep()
    assert (swept.state, swept.owner, swept.token) == (State.QUEUED, None, held.token + 1)
    assert await store.sweep() == []
    with pytest.raises(LeaseLost):
        await store.note_step(held.id, held.token, "submit", {"late": 1})
    resumed = await claim_one(store, worker=OTHER)
    assert set(resumed.steps) == {"submit"}
    assert resumed.token > held.token
    assert [attempt.outcome for attempt in await store.attempts(held.id)] == ["rescued", None]


async def test_a_task_that_kills_its_workers_fails_in_the_end(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task(max_attempts=2))
    for expected in (State.QUEUED, State.FAILED):
        held = await claim_one(store)
        await expire(db, held.id)
        assert [task.state for task in await store.sweep()] == [expected]
    failed = await store.get(held.id)
    assert failed.failure is not None
    assert failed.failure.retryable


async def test_a_lost_claim_that_nobody_wants_is_cancelled(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.cancel(held.id)
    await expire(db, held.id)
    assert [task.state for task in await store.sweep()] == [State.CANCELLED]


async def test_sweep_and_heartbeat_agree_whoever_is_first(database_url: str) -> None:
    """Sweep racing heartbeat: a claim is either renewed and still there, or swept and told to be lost."""
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        one, two = SqlTaskStore(a), SqlTaskStore(b)
        for _ in range(12):
            await one.insert(a_task())
            held = await claim_one(one)
            await expire(a, held.id)
            beat, swept = await asyncio.gather(one.heartbeat(ME, [(held.id, held.token)], lease_s=30), two.sweep())
            renewed = (held.id, held.token) in beat.alive
            assert renewed != (held.id in {task.id for task in swept})
            task = await one.get(held.id)
            assert task.state is (State.RUNNING if renewed else State.QUEUED)
            await one.delete(Filter())
            if renewed:
                await one.finish_cancel(held.id, held.token)


async def test_tasks_past_their_deadline_fail_while_they_wait(store: SqlTaskStore) -> None:
    late, _ = await store.insert(a_task(deadline_at=in_s(-1)))
    kept, _ = await store.insert(a_task(deadline_at=in_s(60)))
    (failed,) = await store.sweep()
    assert failed.id == late.id
    assert failed.failure is not None
    assert failed.failure.code == "deadline_exceeded"
    assert (await store.get(kept.id)).state is State.QUEUED


async def test_a_graceful_stop_hands_over_at_once_and_uncharged(store: SqlTaskStore) -> None:
    for _ in range(3):
        await store.insert(a_task(max_attempts=1))
    mine = await claim(store, offer(free=2))
    (theirs,) = await claim(store, worker=OTHER)
    await store.cancel(mine[1].id)
    released = {task.id: task.state for task in await store.release(ME)}
    assert released == {mine[0].id: State.QUEUED, mine[1].id: State.CANCELLED}
    assert (await store.get(mine[0].id)).attempt == 0
    assert (await store.get(theirs.id)).state is State.RUNNING
    assert (await claim_one(store, worker=OTHER)).id == mine[0].id


async def test_a_restarted_worker_takes_back_what_its_earlier_life_held(store: SqlTaskStore) -> None:
    for _ in range(3):
        await store.insert(a_task())
    before = await claim_one(store, worker="node-a/first")
    same = await claim_one(store, worker="node-a/second")
    other = await claim_one(store, worker="node-ab/first")
    taken = await store.take_back("node-a/second")
    assert [task.id for task in taken] == [before.id]
    assert {(await store.get(task_id)).state for task_id in (same.id, other.id)} == {State.RUNNING}


async def test_events_are_numbered_without_gaps_whoever_writes(database_url: str) -> None:
    """Many writers at once on one task: numbers from one on, each once."""
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        one, two = SqlTaskStore(a), SqlTaskStore(b)
        await one.insert(a_task())
        held = await claim_one(one)
        writes = [store.set_progress(held.id, held.token, percent) for percent in range(1, 30) for store in (one, two)]
        writes += [store.set_stage(held.id, held.token, Stage.GENERATE) for store in (one, two) for _ in range(5)]
        await asyncio.gather(*writes)
        await one.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
        events = await two.events(held.id)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        percents = [event.data["progress"] for event in events if event.type == "progress"]
        assert percents == sorted(percents)
        assert [event.seq for event in await two.events(held.id, after=3, limit=2)] == [4, 5]


async def test_retention(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(-1))
    waiting, _ = await store.insert(a_task())
    assert await store.forget(older_than_s=-1) == 0  # its files come first
    assert [task.id for task in await store.expired()] == [held.id]
    await store.drop_media(held.id)
    kept = await store.get(held.id)
    assert kept.result is not None
    assert (kept.result.asset_id, kept.result.thumbnail_id, kept.result.upstream) == (None, None, {"video_id": "v"})
    assert await store.expired() == []
    assert await store.forget(older_than_s=60) == 0
    assert await store.forget(older_than_s=-1) == 1
    assert [task.id for task in (await store.find(Filter())).tasks] == [waiting.id]
    assert await store.events(held.id) == []


async def test_a_failed_tasks_half_made_files_are_due_at_once(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.fail(held.id, held.token, a_failure())
    assert [task.id for task in await store.expired()] == [held.id]
    await store.drop_media(held.id)
    assert (await store.get(held.id)).failure == a_failure()


async def test_a_deadline_is_as_far_away_as_it_was_meant_whatever_clock_a_node_has(
    store: SqlTaskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meant on a machine that is ten minutes behind, kept by the database's clock, and measured by it on another machine."""

    class Slow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) - timedelta(minutes=10)

    with monkeypatch.context() as behind:
        behind.setattr("gateway.tasks.intake_sql.datetime", Slow)
        made, _ = await store.insert(a_task(deadline_at=Slow.now(UTC) + timedelta(seconds=60)))
    assert await store.sweep() == []
    claimed = await claim_one(store, lease_s=30)
    assert claimed.id == made.id
    monkeypatch.setattr("gateway.tasks.attempt.datetime", Slow)
    left = left_s(claimed.task, lease_s=30)
    assert left is not None and 30 < left <= 60
