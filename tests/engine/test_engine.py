"""Ordinary life: a task from accepted to final."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import (
    BrowserFailed,
    ChallengeRequired,
    ContentModerated,
    GatewayError,
    OutcomeUnknown,
    RateLimited,
    StorageFull,
)
from gateway.tasks import retry
from gateway.tasks.attempt import OnSuspect, unheard
from gateway.tasks.engine import Engine
from gateway.tasks.feed import Feed
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.upstream import Journal, Offer
from tests.conformance.samples import a_task, in_s
from tests.engine.scripted import (
    MemoryMedia,
    ScriptedCapacity,
    ScriptedMaker,
    SlottedCapacity,
    result_of,
    settings,
)
from tests.engine.waiting import types, until


def an_engine(
    store: SqlTaskStore,
    maker: ScriptedMaker,
    media: MemoryMedia,
    capacity: ScriptedCapacity | None = None,
    on_suspect: OnSuspect = unheard,
    **changed: float,
) -> Engine:
    return Engine(
        store, maker, capacity or ScriptedCapacity(), settings(**changed), media, "node-a", on_suspect=on_suspect
    )


async def test_a_task_runs_to_its_result(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    maker = ScriptedMaker()
    async with an_engine(store, maker, media):
        task, _ = await store.insert(a_task())
        events = await until(feed, task.id)
    assert types(events)[:4] == ["accepted", "claimed", "stage", "stage"]
    assert types(events)[-1] == "succeeded"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    done = await store.get(task.id)
    assert (done.state, done.progress, done.result, done.profile) == (State.SUCCEEDED, 100, result_of(task), "main")
    assert done.expires_at is not None
    assert done.finished_at is not None
    assert 86390 < (done.expires_at - done.finished_at).total_seconds() < 86410
    (attempt,) = await store.attempts(task.id)
    assert (attempt.number, attempt.outcome, attempt.profile) == (1, "succeeded", "main")


async def test_tasks_wait_for_a_slot_and_slots_are_not_oversold(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    capacity = SlottedCapacity(Offer("one", "a", 2), Offer("two", "b", 3))

    async def script(task: Task, journal: Journal) -> VideoResult:
        assert task.profile is not None
        await capacity.take(task.profile)
        await journal.begin("submit", {})
        await capacity.give(task.profile)
        return result_of(task)

    tasks = [(await store.insert(a_task()))[0] for _ in range(20)]
    async with an_engine(store, ScriptedMaker(script), media, capacity):
        await asyncio.gather(*(until(feed, task.id) for task in tasks))
    assert capacity.most["one"] <= 2
    assert capacity.most["two"] <= 3
    assert {(await store.get(task.id)).profile for task in tasks} == {"one", "two"}


async def test_nothing_is_claimed_without_an_offer(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    capacity = ScriptedCapacity(Offer("main", "acc", 0))
    async with an_engine(store, ScriptedMaker(), media, capacity):
        task, _ = await store.insert(a_task())
        assert (await store.get(task.id)).state is State.QUEUED
        await capacity.set(Offer("main", "acc", 1))
        assert types(await until(feed, task.id))[-1] == "succeeded"


async def test_cancelling_a_running_task_reaches_its_maker(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(store, maker, media):
        task, _ = await store.insert(a_task())
        await maker.at_work.get()
        await store.cancel(task.id)
        events = await until(feed, task.id, timeout_s=2)
    assert types(events)[-1] == "cancelled"
    assert maker.ledger.cancelled == [task.id]
    assert (await store.attempts(task.id))[0].outcome == "cancelled"


async def test_a_cancel_that_comes_while_the_outcome_is_written_leaves_one_end(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    """Cancel racing finish, many times over: always exactly one final event, and the row agrees with it."""
    maker = ScriptedMaker()
    capacity = ScriptedCapacity(Offer("main", "acc", 4))
    ends = set()
    async with an_engine(store, maker, media, capacity):
        for pause_s in (0.0, 0.0, 0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03):
            maker.go.clear()
            task, _ = await store.insert(a_task())
            await maker.at_work.get()
            maker.go.set()
            await asyncio.sleep(pause_s)
            await store.cancel(task.id)
            events = await until(feed, task.id)
            final = [name for name in types(events) if name in {"succeeded", "cancelled", "failed"}]
            assert final == [(await store.get(task.id)).state.value]
            ends.add(final[0])
    assert ends <= {"succeeded", "cancelled"}


@pytest.mark.parametrize("error", [ContentModerated("no"), OutcomeUnknown("who knows")])
async def test_a_final_error_fails_the_task(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia, error: GatewayError
) -> None:
    async def script(task: Task, journal: Journal) -> VideoResult:
        raise error

    async with an_engine(store, ScriptedMaker(script), media):
        task, _ = await store.insert(a_task())
        events = await until(feed, task.id)
    failed = await store.get(task.id)
    assert failed.failure is not None
    assert (failed.state, failed.failure.code, failed.failure.retryable) == (State.FAILED, error.code, error.retryable)
    assert events[-1].data["code"] == error.code


async def test_a_retryable_error_is_tried_again_until_used_up(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACKOFF_BASE_S", 0.01)

    async def script(task: Task, journal: Journal) -> VideoResult:
        raise BrowserFailed(f"gone in attempt {task.attempt}")

    async with an_engine(store, ScriptedMaker(script), media):
        task, _ = await store.insert(a_task(max_attempts=3))
        events = await until(feed, task.id)
    assert types(events) == ["accepted", "claimed", "retrying", "claimed", "retrying", "claimed", "failed"]
    failed = await store.get(task.id)
    assert failed.failure is not None
    assert failed.failure.message == "gone in attempt 3"
    assert [attempt.outcome for attempt in await store.attempts(task.id)] == ["retried", "retried", "failed"]


async def test_a_short_wait_is_never_slept_through(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that becomes runnable between two looks at the queue used to wait for the next poll."""
    waits = iter(range(100))
    monkeypatch.setattr(retry, "backoff_s", lambda *_: next(waits) * 0.0007)

    async def script(task: Task, journal: Journal) -> VideoResult:
        raise BrowserFailed("again")

    engine = Engine(store, ScriptedMaker(script), ScriptedCapacity(), settings(), media, "node-a", poll_s=60)
    async with engine:
        task, _ = await store.insert(a_task(max_attempts=30))
        assert types(await until(feed, task.id, timeout_s=8))[-1] == "failed"


async def test_a_bug_is_tried_once_more_and_told_as_internal(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "BACKOFF_BASE_S", 0.01)
    maker = ScriptedMaker()

    async def script(task: Task, journal: Journal) -> VideoResult:
        raise KeyError("secret detail")

    maker.script = script
    async with an_engine(store, maker, media):
        task, _ = await store.insert(a_task(max_attempts=9))
        await until(feed, task.id)
    failed = await store.get(task.id)
    assert len(maker.ledger.started) == 2
    assert failed.failure is not None
    assert failed.failure.code == "internal"
    assert "secret" not in failed.failure.message


async def test_a_task_waits_for_its_person_without_losing_attempts(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    """Challenged: back to the queue with the reason, steps kept; the profile's next offer starts it."""
    capacity = ScriptedCapacity(Offer("main", "acc", 1))
    maker = ScriptedMaker()
    challenged = True

    async def script(task: Task, journal: Journal) -> VideoResult:
        if challenged:
            await journal.bind(account_id="acc", profile="main")
            await journal.finish("upload", {"file": "f"})
            await capacity.set(Offer("main", "acc", 0))
            raise ChallengeRequired("The site wants a click in profile main.")
        assert journal.steps["upload"].done
        return result_of(task)

    maker.script = script
    async with an_engine(store, maker, media, capacity):
        task, _ = await store.insert(a_task(max_attempts=1))
        events = await until(feed, task.id, "waiting")
        waiting = await store.get(task.id)
        assert (waiting.state, waiting.attempt, waiting.wait_code) == (State.QUEUED, 0, "challenge_required")
        assert waiting.wait_reason == "The site wants a click in profile main."
        challenged = False
        await capacity.set(Offer("main", "acc", 1))
        await until(feed, task.id, after=events[-1].seq)
    done = await store.get(task.id)
    assert (done.state, done.attempt, done.claims, done.wait_code) == (State.SUCCEEDED, 1, 2, None)
    assert [attempt.outcome for attempt in await store.attempts(task.id)] == ["waiting", "succeeded"]


@pytest.mark.parametrize("error", [RateLimited("slow down", retry_after_s=0.2), StorageFull("full")])
async def test_limits_and_full_disks_are_waited_out_uncharged(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia, error: GatewayError, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FULL_S", 0.1)
    monkeypatch.setattr(retry, "FULL_SPREAD_S", 0.1)
    failures = [error, error]

    async def script(task: Task, journal: Journal) -> VideoResult:
        if failures:
            raise failures.pop()
        return result_of(task)

    async with an_engine(store, ScriptedMaker(script), media):
        task, _ = await store.insert(a_task(max_attempts=1))
        events = await until(feed, task.id)
    assert types(events) == ["accepted", "claimed", "waiting", "claimed", "waiting", "claimed", "succeeded"]


async def test_the_same_picture_for_another_prompt_is_no_success(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    async def script(task: Task, journal: Journal) -> VideoResult:
        return result_of(task, fingerprint="the decoy")

    told: list[tuple[str, str, str]] = []
    async with an_engine(store, ScriptedMaker(script), media, on_suspect=lambda *facts: told.append(facts)):
        first, _ = await store.insert(a_task(prompt="a fox"))
        await until(feed, first.id)
        second, _ = await store.insert(a_task(prompt="a bear"))
        await until(feed, second.id)
        again, _ = await store.insert(a_task(prompt="A  fox"))
        await until(feed, again.id)
    suspect = await store.get(second.id)
    assert suspect.failure is not None
    assert (suspect.state, suspect.failure.code, suspect.result) == (State.FAILED, "suspect_output", None)
    assert told == [("main", second.id, first.id)], "the profile's history tells it, too"
    assert media.removed >= {f"{second.id}.v", f"{second.id}.t"}
    assert (await store.get(again.id)).state is State.SUCCEEDED


async def test_a_task_whose_time_is_over_fails_in_the_middle(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(store, maker, media):
        for within_s in (0.5, 2.0, 8.0):  # a busy machine may not begin it in time: then it has more of it
            task, _ = await store.insert(a_task(deadline_at=in_s(within_s)))
            await until(feed, task.id, timeout_s=20)
            if maker.ledger.started:
                break
    failed = await store.get(task.id)
    assert failed.failure is not None
    assert failed.failure.code == "deadline_exceeded"
    assert maker.ledger.cancelled == [task.id]


async def test_progress_is_at_most_four_a_second_and_its_last_value_arrives(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    written = asyncio.Event()

    async def script(task: Task, journal: Journal) -> VideoResult:
        for percent in [*range(1, 60), 30]:
            await journal.progress(percent)
            await asyncio.sleep(0.01)
        await written.wait()
        return result_of(task)

    async with an_engine(store, ScriptedMaker(script), media):
        task, _ = await store.insert(a_task())
        seen: list[int] = []
        async with asyncio.timeout(60):
            async for event in feed.follow(task.id):
                if event.type == "progress":
                    seen.append(event.data["progress"])
                if event.type == "progress" and event.data["progress"] == 59:
                    written.set()
    assert seen == sorted(set(seen))
    assert 2 <= len(seen) <= 6


async def test_a_graceful_stop_waits_then_hands_the_rest_over(
    store: SqlTaskStore, feed: Feed, media: MemoryMedia
) -> None:
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(store, maker, media, drain_s=0.1):
        task, _ = await store.insert(a_task(max_attempts=1))
        await until(feed, task.id, "progress")
    handed_over = await store.get(task.id)
    assert (handed_over.state, handed_over.attempt, handed_over.owner) == (State.QUEUED, 0, None)
    assert maker.ledger.cancelled == [task.id]
    maker.go.set()
    async with an_engine(store, maker, media):
        await until(feed, task.id)
    assert maker.ledger.submits[task.id] == 1


async def test_a_graceful_stop_lets_work_finish_that_can(store: SqlTaskStore, feed: Feed, media: MemoryMedia) -> None:
    maker = ScriptedMaker()
    maker.go.clear()
    async with an_engine(store, maker, media, drain_s=5):
        task, _ = await store.insert(a_task())
        await until(feed, task.id, "progress")
        asyncio.get_running_loop().call_later(0.1, maker.go.set)
    assert (await store.get(task.id)).state is State.SUCCEEDED
