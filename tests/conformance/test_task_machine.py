"""The store against a model of the task machine: any order of calls, by right and by lost claims, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, update

from gateway.db.connect import Database
from gateway.db.tables import queue_shares, tasks, used_idempotency_keys
from gateway.errors import IdempotencyConflict, TaskNotFound
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import FINAL, TRANSITIONS, Stage, State
from gateway.tasks.store import Filter, LeaseLost
from tests.conformance.samples import a_failure, a_result, a_task, claim, in_s, offer

T = TypeVar("T")
WORKERS = ("node-a/1", "node-a/2", "node-b/1")
some_worker = some.sampled_from(WORKERS)


@dataclass
class Model:
    """What a task must look like."""

    max_attempts: int
    state: State = State.QUEUED
    token: int = 0
    attempt: int = 0
    claims: int = 0
    owner: str | None = None
    unwanted: bool = False
    hidden: bool = False
    progress: int = 0
    steps: dict[str, bool] = field(default_factory=dict)
    past: list[State] = field(default_factory=lambda: [State.QUEUED])
    files: bool = False  # some of its files may be there still, or half of one

    def to(self, state: State) -> None:
        assert (self.state, state) in {(source, target) for (source, _), target in TRANSITIONS.items()}
        self.state = state
        self.past.append(state)
        if state is State.QUEUED:
            self.token += 1
        if state is not State.RUNNING:
            self.owner = None
        if state in FINAL:
            self.files = self.claims > 0


class TaskMachine(RuleBasedStateMachine):
    url = ""
    held = Bundle("held")  # (task id, token): claims, in force or long lost

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.model: dict[str, Model] = {}
        self.repeatable: dict[tuple[str, str], tuple[str, str]] = {}  # (API key, Idempotency-Key) → (task, request)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.do(self.stack.aclose())
        self.runner.close()

    @initialize()
    def open(self) -> None:
        async def begin() -> None:
            self.db = await self.stack.enter_async_context(Database.open(self.url))
            self.store = SqlTaskStore(self.db)
            async with self.db.write() as connection:
                await connection.execute(delete(tasks))
                await connection.execute(delete(queue_shares))
                await connection.execute(delete(used_idempotency_keys))

        self.do(begin())

    # -- what clients do -----------------------------------------------------------------------------------------
    @rule(key=some.sampled_from(["a", "b"]), max_attempts=some.integers(1, 3), priority=some.integers(-1, 1))
    def insert(self, key: str, max_attempts: int, priority: int) -> None:
        task, _ = self.do(self.store.insert(a_task(key=key, max_attempts=max_attempts, priority=priority)))
        self.model[task.id] = Model(max_attempts)

    @rule(
        key=some.sampled_from(["a", "b"]),
        word=some.sampled_from(["x", "y"]),
        request=some.sampled_from(["this", "that"]),
    )
    def insert_with_an_idempotency_key(self, key: str, word: str, request: str) -> None:
        new = a_task(key=key, max_attempts=2, idempotency_key=word, request_hash=request)
        known = self.repeatable.get((key, word))
        made = None if known is None else self.model.get(known[0])
        if known is not None and (known[1] != request or made is None or made.hidden):
            with pytest.raises(IdempotencyConflict):
                self.do(self.store.insert(new))
            return
        task, created = self.do(self.store.insert(new))
        assert (task.id, created) == ((new.id, True) if known is None else (known[0], False))
        if created:
            self.model[task.id] = Model(2)
            self.repeatable[key, word] = task.id, request

    @rule(pick=some.integers(0, 9))
    def cancel(self, pick: int) -> None:
        for task_id in [name for name, one in self.model.items() if not one.hidden][pick : pick + 1]:
            one = self.model[task_id]
            self.do(self.store.cancel(task_id))
            if one.state is State.QUEUED:
                one.to(State.CANCELLED)
            elif one.state is State.RUNNING:
                one.unwanted = True

    @rule(pick=some.integers(0, 9))
    def delete(self, pick: int) -> None:
        for task_id in [name for name, one in self.model.items() if not one.hidden][pick : pick + 1]:
            one = self.model[task_id]
            (gone,) = self.do(self.store.delete(Filter(), ids=[task_id]))
            assert gone.id == task_id
            one.hidden = one.files = True
            one.unwanted = True
            if one.state is State.QUEUED:
                one.to(State.CANCELLED)
                one.files = True

    # -- what workers do -----------------------------------------------------------------------------------------
    @rule(target=held, worker=some_worker, free=some.integers(1, 3))
    def claim(self, worker: str, free: int) -> Any:
        claimed = self.do(claim(self.store, offer(free=free), worker=worker))
        queued = sum(one.state is State.QUEUED for one in self.model.values())
        assert len(claimed) == min(free, queued)
        for got in claimed:
            one = self.model[got.id]
            one.to(State.RUNNING)
            one.token, one.attempt, one.claims = one.token + 1, one.attempt + 1, one.claims + 1
            one.owner = worker
            assert (got.token, got.task.attempt, set(got.steps)) == (one.token, one.attempt, set(one.steps))
        return multiple(*((got.id, got.token) for got in claimed))

    def ours(self, claim: tuple[str, int]) -> Model | None:
        one = self.model.get(claim[0])
        return one if one is not None and one.state is State.RUNNING and one.token == claim[1] else None

    def write(self, claim: tuple[str, int], work: Coroutine[Any, Any, T]) -> T | None:
        """Do it; a lost claim must be refused, and only such."""
        if self.ours(claim) is not None:
            return self.do(work)
        with pytest.raises(LeaseLost):
            self.do(work)
        return None

    @rule(claim=held, percent=some.integers(1, 99))
    def progress(self, claim: tuple[str, int], percent: int) -> None:
        self.write(claim, self.store.set_progress(*claim, percent))
        if one := self.ours(claim):
            one.progress = max(one.progress, percent)

    @rule(claim=held, stage=some.sampled_from(list(Stage)))
    def stage(self, claim: tuple[str, int], stage: Stage) -> None:
        self.write(claim, self.store.set_stage(*claim, stage))

    @rule(claim=held, name=some.sampled_from(["upload", "submit"]), what=some.sampled_from(["begin", "note", "finish"]))
    def step(self, claim: tuple[str, int], name: str, what: str) -> None:
        write = getattr(self.store, f"{what}_step")
        step = self.write(claim, write(*claim, name, {"by": claim[1]}))
        if one := self.ours(claim):
            one.steps[name] = one.steps.get(name, False) or what == "finish"
            assert step is not None
            assert step.done == one.steps[name]

    @rule(claim=consumes(held), how=some.sampled_from(["succeed", "fail", "finish_cancel", "retry", "wait"]))
    def end(self, claim: tuple[str, int], how: str) -> None:
        task_id, token = claim
        one = self.ours(claim)
        match how:
            case "succeed":
                self.write(claim, self.store.succeed(task_id, token, a_result(task_id), expires_at=in_s(60)))
                after = State.SUCCEEDED
            case "fail":
                self.write(claim, self.store.fail(task_id, token, a_failure()))
                after = State.CANCELLED if one and one.unwanted else State.FAILED
            case "finish_cancel":
                self.write(claim, self.store.finish_cancel(task_id, token))
                after = State.CANCELLED
            case _:
                charged = how == "retry"
                self.write(claim, self.store.retry(task_id, token, a_failure(), after_s=-1, charged=charged))
                after = State.CANCELLED if one and one.unwanted else State.QUEUED
                if one and not charged and after is State.QUEUED:
                    one.attempt -= 1
        if one:
            one.progress = 100 if after is State.SUCCEEDED else one.progress
            one.to(after)

    @rule(worker=some_worker)
    def heartbeat(self, worker: str) -> None:
        claims = {(name, one.token) for name, one in self.model.items()}
        answer = self.do(self.store.heartbeat(worker, claims, lease_s=30))
        mine = {(name, one.token): one for name, one in self.model.items() if one.owner == worker}
        assert answer.alive == set(mine)
        assert answer.cancel == {name for (name, _), one in mine.items() if one.unwanted}

    # -- what goes wrong -----------------------------------------------------------------------------------------
    @rule(worker=some_worker)
    def worker_dies_and_is_swept(self, worker: str) -> None:
        async def lose() -> None:
            async with self.db.write() as connection:
                await connection.execute(update(tasks).where(tasks.c.owner == worker).values(lease_until=in_s(-1)))
            swept = await self.store.sweep()
            assert {task.id for task in swept} == {name for name, one in self.model.items() if one.owner == worker}

        self.do(lose())
        self.taken_away(lambda one: one.owner == worker, charged=True)

    @rule(worker=some_worker)
    def worker_restarts(self, worker: str) -> None:
        self.do(self.store.take_back(worker))
        node = worker.partition("/")[0]
        self.taken_away(
            lambda one: one.owner is not None and one.owner.startswith(node) and one.owner != worker, charged=True
        )

    @rule(worker=some_worker)
    def worker_hands_over(self, worker: str) -> None:
        self.do(self.store.release(worker))
        self.taken_away(lambda one: one.owner == worker, charged=False)

    def taken_away(self, which: Any, *, charged: bool) -> None:
        for one in filter(which, list(self.model.values())):
            if one.unwanted:
                one.to(State.CANCELLED)
            elif charged and one.attempt >= one.max_attempts:
                one.to(State.FAILED)
            else:
                one.attempt -= not charged
                one.to(State.QUEUED)

    # -- what time does ------------------------------------------------------------------------------------------
    @rule()
    def a_day_passes(self) -> None:
        async def age() -> None:
            async with self.db.write() as connection:
                keyed = update(tasks).where(tasks.c.idempotency_key.is_not(None))
                await connection.execute(keyed.values(created_at=in_s(-25 * 3600)))
                await connection.execute(update(used_idempotency_keys).values(created_at=in_s(-25 * 3600)))

        self.do(age())
        self.repeatable.clear()

    @rule(kept_too_long=some.booleans())
    def files_have_had_their_time(self, kept_too_long: bool) -> None:
        async def prune() -> set[str]:
            async with self.db.write() as connection:
                if kept_too_long:
                    held = tasks.c.prune_at.is_not(None)
                    await connection.execute(update(tasks).where(held).values(prune_at=in_s(-1)))
            due = {task.id for task in await self.store.expired()}
            for task_id in due:
                await self.store.drop_media(task_id)
            return due

        due = self.do(prune())
        over = {name for name, one in self.model.items() if one.state in FINAL and one.files}
        not_yet = {name for name in over if self.model[name].state is State.SUCCEEDED and not self.model[name].hidden}
        assert due == (over if kept_too_long else over - not_yet)
        for task_id in due:
            self.model[task_id].files = False
            if self.model[task_id].hidden:
                del self.model[task_id]

    @rule()
    def records_have_had_their_time(self) -> None:
        async def forget() -> int:
            async with self.db.write() as connection:
                await connection.execute(
                    update(tasks).where(tasks.c.finished_at.is_not(None)).values(finished_at=in_s(-99))
                )
            return await self.store.forget(older_than_s=60)

        gone = {name for name, one in self.model.items() if one.state in FINAL and not one.files}
        assert self.do(forget()) == len(gone)
        for task_id in gone:
            del self.model[task_id]

    # -- what must hold ------------------------------------------------------------------------------------------
    @invariant()
    def the_store_agrees(self) -> None:
        if self.model:
            self.do(self.compare())

    async def compare(self) -> None:
        shown = {task.id: task for task in (await self.store.find(Filter(), limit=200)).tasks}
        assert set(shown) == {name for name, one in self.model.items() if not one.hidden}
        counts = (await self.store.counts()).by_state
        for state in (State.QUEUED, State.RUNNING):
            assert counts[state] == sum(one.state is state and not one.hidden for one in self.model.values())
        for name, one in self.model.items():
            await self.compare_history(name, one)
            if one.hidden:
                with pytest.raises(TaskNotFound):
                    await self.store.get(name)
                continue
            task = shown[name]
            assert (task.state, task.token, task.attempt, task.claims, task.owner, task.progress) == (
                one.state, one.token, one.attempt, one.claims, one.owner, one.progress,
            )  # fmt: skip
            assert (task.finished_at is not None) == (one.state in FINAL)
            assert (task.lease_until is not None) == (one.state is State.RUNNING)
            assert {step.name: step.done for step in (await self.store.steps(name)).values()} == one.steps

    async def compare_history(self, name: str, one: Model) -> None:
        events = await self.store.events(name)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        moves = {
            "accepted": State.QUEUED, "claimed": State.RUNNING, "waiting": State.QUEUED, "retrying": State.QUEUED,
            "rescued": State.QUEUED, **{state.value: state for state in FINAL},
        }  # fmt: skip
        assert [moves[event.type] for event in events if event.type in moves] == one.past
        attempts = await self.store.attempts(name)
        assert [attempt.number for attempt in attempts] == list(range(1, one.claims + 1))
        assert [a.number for a in attempts if a.ended_at is None] == (
            [one.claims] if one.state is State.RUNNING else []
        )


def follow(database_url: str, *, examples: int, steps: int) -> None:
    machine = type("Machine", (TaskMachine,), {"url": database_url})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_store_follows_the_machine(database_url: str) -> None:
    follow(database_url, examples=12, steps=30)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_the_store_follows_the_machine_for_long(database_url: str) -> None:
    follow(database_url, examples=60, steps=50)
