"""What clients do to tasks."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, select, update

from gateway.db.connect import Database
from gateway.db.tables import api_keys, tasks
from gateway.errors import IdempotencyConflict, InvalidRequest, QueueFull, TaskNotFound
from gateway.tasks.model import Preset, VideoMode, VideoSpec
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter, LeaseLost
from tests.conformance.samples import a_failure, a_result, a_task, claim, claim_one, in_s, offer


async def test_a_task_comes_back_as_it_was_given(store: SqlTaskStore) -> None:
    spec = VideoSpec(
        prompt="ein Leuchtturm 🗼", seconds=10, resolution="720p", aspect_ratio="16:9", preset=Preset.FUN,
        mode=VideoMode.IMAGE, image_assets=("a", "b"), asked={"seconds": 11},
    )  # fmt: skip
    deadline = in_s(60)
    new = a_task(
        spec=spec, priority=3, max_attempts=7, deadline_at=deadline, idempotency_key="i", request_hash="h",
        dialect_data={"size": "1280x720"}, trace_parent="00-1", requires=frozenset({"15s"}),
    )  # fmt: skip
    made, created = await store.insert(new)
    assert created
    read = await store.get(new.id)
    assert read == made
    assert (read.spec, read.state, read.priority, read.max_attempts) == (spec, State.QUEUED, 3, 7)
    assert read.deadline_at is not None and abs((read.deadline_at - deadline).total_seconds()) < 5  # by another clock
    assert (read.dialect_data, read.trace_parent) == ({"size": "1280x720"}, "00-1")
    assert (read.attempt, read.token, read.progress, read.stage, read.result) == (0, 0, 0, None, None)
    assert abs((read.created_at - in_s(0)).total_seconds()) < 5
    assert [event.type for event in await store.events(new.id)] == ["accepted"]


async def test_an_accepted_task_survives_the_process(database_url: str) -> None:
    async with Database.open(database_url) as db:
        await SqlTaskStore(db).insert(a_task(id="kept"))
    async with Database.open(database_url) as db:
        assert (await SqlTaskStore(db).get("kept")).state is State.QUEUED


async def test_an_idempotency_key_makes_one_task(store: SqlTaskStore) -> None:
    first, created = await store.insert(a_task(idempotency_key="i", request_hash="h"))
    again, created_again = await store.insert(a_task(idempotency_key="i", request_hash="h"))
    assert (created, created_again, again.id) == (True, False, first.id)
    with pytest.raises(IdempotencyConflict):
        await store.insert(a_task(idempotency_key="i", request_hash="other"))
    _, others = await store.insert(a_task(key="another key", idempotency_key="i", request_hash="other"))
    assert others


async def test_a_race_of_one_idempotency_key_makes_one_task(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        stores = [SqlTaskStore(a), SqlTaskStore(b)] * 8
        made = await asyncio.gather(*(store.insert(a_task(idempotency_key="i", request_hash="h")) for store in stores))
        assert len({task.id for task, _ in made}) == 1
        assert sum(created for _, created in made) == 1
        assert len((await stores[0].find(Filter())).tasks) == 1


async def test_an_idempotency_key_is_forgotten_after_a_day(store: SqlTaskStore, db: Database) -> None:
    old, _ = await store.insert(a_task(idempotency_key="i", request_hash="h"))
    async with db.write() as connection:
        await connection.execute(update(tasks).values(created_at=in_s(-25 * 3600)))
    new, created = await store.insert(a_task(idempotency_key="i", request_hash="other"))
    assert created
    assert new.id != old.id


async def test_a_full_queue_refuses_and_says_when_to_come_back(store: SqlTaskStore) -> None:
    for _ in range(3):
        await store.insert(a_task(), max_queued=3)
    with pytest.raises(QueueFull) as refused:
        await store.insert(a_task(), max_queued=3)
    assert refused.value.retry_after_s is not None
    assert 1 <= refused.value.retry_after_s <= 60
    await claim_one(store)
    await store.insert(a_task(), max_queued=3)


async def test_a_key_has_its_own_limit_even_in_a_burst(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        async with a.write() as connection:
            await connection.execute(
                insert(api_keys).values(
                    id="key", name="n", prefix="p", secret_hash="s", max_queued=5, created_at=in_s(0)
                )
            )
        stores = [SqlTaskStore(a), SqlTaskStore(b)] * 6
        answers = await asyncio.gather(*(store.insert(a_task()) for store in stores), return_exceptions=True)
        assert sum(isinstance(answer, QueueFull) for answer in answers) == 7
        await stores[0].insert(a_task(key="without a limit"))


async def test_the_queue_is_bounded_even_in_a_burst_of_many_keys(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        stores = [SqlTaskStore(a), SqlTaskStore(b)] * 8
        asked = (store.insert(a_task(key=f"key {number}"), max_queued=5) for number, store in enumerate(stores))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, QueueFull) for answer in answers) == 11


async def test_the_last_place_asked_for_twice_at_once_is_one_task(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        same = {"idempotency_key": "i", "request_hash": "h"}
        asked = (store.insert(a_task(**same), max_queued=1) for store in [SqlTaskStore(a), SqlTaskStore(b)] * 3)
        answers = await asyncio.gather(*asked)
        assert len({task.id for task, _ in answers}) == 1
        assert sorted(created for _, created in answers) == [False] * 5 + [True]


async def test_a_task_is_its_keys_alone(store: SqlTaskStore) -> None:
    task, _ = await store.insert(a_task(key="mine"))
    assert (await store.get(task.id, key_id="mine")).id == task.id
    with pytest.raises(TaskNotFound):
        await store.get(task.id, key_id="theirs")
    with pytest.raises(TaskNotFound):
        await store.cancel(task.id, key_id="theirs")
    with pytest.raises(TaskNotFound):
        await store.get("no such")
    assert (await store.get(task.id)).state is State.QUEUED


async def test_cancelling_a_queued_task_ends_it(store: SqlTaskStore) -> None:
    task, _ = await store.insert(a_task())
    assert (await store.cancel(task.id)).state is State.CANCELLED
    cancelled = await store.cancel(task.id)
    assert cancelled.state is State.CANCELLED
    assert cancelled.finished_at is not None
    assert await claim(store) == []
    assert [event.type for event in await store.events(task.id)] == ["accepted", "cancelled"]


async def test_cancelling_a_running_task_asks_its_worker(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    asked = await store.cancel(held.id)
    assert asked.state is State.RUNNING
    assert asked.cancel_requested_at is not None
    assert (await store.cancel(held.id)).cancel_requested_at == asked.cancel_requested_at
    done = await store.finish_cancel(held.id, held.token)
    assert (done.state, done.owner, done.lease_until) == (State.CANCELLED, None, None)


async def test_cancelling_a_finished_task_changes_nothing(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    assert (await store.cancel(held.id)).state is State.SUCCEEDED


async def test_deleting_hides_at_once_and_the_row_goes_with_its_files(store: SqlTaskStore, db: Database) -> None:
    task, _ = await store.insert(a_task(idempotency_key="i", request_hash="h"))
    held = await claim_one(store)
    await store.begin_step(held.id, held.token, "submit", {})
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    (gone,) = await store.delete(Filter(key_id="key"), ids=[task.id])
    assert gone.result == a_result(task.id)
    with pytest.raises(TaskNotFound):
        await store.get(task.id)
    assert (await store.find(Filter())).tasks == []
    assert (await store.counts()).by_state[State.SUCCEEDED] == 0
    assert await store.delete(Filter(), ids=[task.id]) == []
    assert [task.id for task in await store.expired()] == [task.id]
    await store.drop_media(task.id)
    async with db.read() as connection:
        assert (await connection.execute(select(tasks.c.id))).all() == []
    assert await store.steps(task.id) == {}


async def test_deleting_tasks_that_wait_or_run_cancels_them(store: SqlTaskStore) -> None:
    running, _ = await store.insert(a_task())
    held = await claim_one(store)
    waiting, _ = await store.insert(a_task())
    gone = await store.delete(Filter())
    assert {task.id: task.state for task in gone} == {running.id: State.RUNNING, waiting.id: State.CANCELLED}
    assert held.id in (await store.heartbeat("node-a/1", [(held.id, held.token)], lease_s=30)).cancel
    assert [task.id for task in await store.expired()] == [waiting.id]
    await store.finish_cancel(held.id, held.token)
    assert {task.id for task in await store.expired()} == {running.id, waiting.id}


async def test_a_deleted_task_that_succeeds_after_all_is_removed(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.delete(Filter())
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(3600))
    assert [task.id for task in await store.expired()] == [held.id]


async def test_deleting_by_state_touches_no_other(store: SqlTaskStore) -> None:
    for _ in range(3):
        await store.insert(a_task())
    failed, kept = await claim(store, offer(free=2))
    await store.fail(failed.id, failed.token, a_failure())
    gone = await store.delete(Filter(states=frozenset({State.FAILED, State.CANCELLED})))
    assert [task.id for task in gone] == [failed.id]
    await store.set_progress(kept.id, kept.token, 5)
    assert len((await store.find(Filter())).tasks) == 2


async def test_a_deleted_running_task_never_returns_to_the_queue(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.delete(Filter())
    task = await store.retry(held.id, held.token, a_failure(), after_s=0, charged=True)
    assert task.state is State.CANCELLED
    with pytest.raises(LeaseLost):
        await store.set_progress(held.id, held.token, 50)


async def test_pages_are_stable_while_tasks_come_in(store: SqlTaskStore) -> None:
    ids = [(await store.insert(a_task()))[0].id for _ in range(9)]
    first = await store.find(Filter(), limit=4)
    await store.insert(a_task())
    second = await store.find(Filter(), limit=4, cursor=first.next_cursor)
    third = await store.find(Filter(), limit=4, cursor=second.next_cursor)
    seen = [task.id for page in (first, second, third) for task in page.tasks]
    assert seen == ids[::-1]
    assert third.next_cursor is None
    upwards = await store.find(Filter(), limit=4, oldest_first=True)
    rest = await store.find(Filter(), limit=40, oldest_first=True, cursor=upwards.next_cursor)
    assert [task.id for task in [*upwards.tasks, *rest.tasks]][:9] == ids
    with pytest.raises(InvalidRequest):
        await store.find(Filter(), cursor="nonsense")


async def test_pages_of_one_instant_lose_nothing(store: SqlTaskStore, db: Database) -> None:
    ids = {(await store.insert(a_task()))[0].id for _ in range(7)}
    async with db.write() as connection:
        await connection.execute(update(tasks).values(created_at=in_s(0)))
    seen, cursor = [], None
    while True:
        page = await store.find(Filter(states=frozenset({State.QUEUED})), limit=2, cursor=cursor)
        seen += [task.id for task in page.tasks]
        if (cursor := page.next_cursor) is None:
            break
    assert len(seen) == 7
    assert set(seen) == ids


async def test_filters(store: SqlTaskStore) -> None:
    await store.insert(a_task(key="a", prompt="A red_fox"))
    await store.insert(a_task(key="a", prompt="a bear", dialect="openai"))
    await store.insert(a_task(key="b", prompt="a redXfox"))
    held = await claim_one(store, profile="one")

    async def found(**where: object) -> list[str]:
        return sorted(task.spec.prompt for task in (await store.find(Filter(**where))).tasks)  # type: ignore[arg-type]

    assert await found() == ["A red_fox", "a bear", "a redXfox"]
    assert await found(key_id="a") == ["A red_fox", "a bear"]
    assert await found(dialects=frozenset({"openai"})) == ["a bear"]
    assert await found(search="RED_fox") == ["A red_fox"]
    assert await found(search="%") == []
    assert await found(profile="one") == [held.task.spec.prompt]
    assert await found(states=frozenset({State.RUNNING, State.QUEUED})) == ["A red_fox", "a bear", "a redXfox"]
    assert await found(states=frozenset({State.QUEUED}), key_id="b") == ["a redXfox"]
    assert await found(states=frozenset({State.FAILED})) == []


async def test_counts_and_the_oldest_that_could_run(store: SqlTaskStore, db: Database) -> None:
    assert (await store.counts()).oldest_queued_age_s is None
    for _ in range(3):
        await store.insert(a_task())
    await claim_one(store)
    async with db.write() as connection:
        await connection.execute(update(tasks).where(tasks.c.state == "queued").values(run_at=in_s(-90)))
    counts = await store.counts()
    assert (counts.by_state[State.QUEUED], counts.by_state[State.RUNNING], counts.by_state[State.FAILED]) == (2, 1, 0)
    assert counts.oldest_queued_age_s is not None
    assert 89 < counts.oldest_queued_age_s < 100


async def test_what_waits_for_a_profile(store: SqlTaskStore, db: Database) -> None:
    for _ in range(4):
        await store.insert(a_task())
    for profile, account in (("one", "account-1"), ("two", "account-2")):
        held = await claim_one(store, profile=profile)
        async with db.write() as connection:
            bound = update(tasks).where(tasks.c.id == held.id)
            await connection.execute(bound.values(state="queued", bound=True, account_id=account, profile=profile))
    await store.delete(Filter(), ids=[(await store.insert(a_task()))[0].id])
    assert await store.awaiting("one", None, only_one=False) == 1
    assert await store.awaiting("one", "account-1", only_one=False) == 1
    assert await store.awaiting("another profile of two's account", "account-2", only_one=False) == 1
    assert await store.awaiting("three", None, only_one=False) == 0
    assert await store.awaiting("three", None, only_one=True) == 2
    assert await store.awaiting("one", "account-1", only_one=True) == 3
