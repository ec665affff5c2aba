"""The store port: what the engine and the front need of durable state. SQLite and PostgreSQL adapters pass one suite.

Every method is one transaction (`delete` of many: one per batch). Writes by a worker carry (task id, token) and raise
LeaseLost when the row has moved on. Times in rows come from the database's clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway.tasks.estimate import Usual
from gateway.tasks.model import Attempt, Failure, NewTask, Step, Task, TaskEvent, VideoResult
from gateway.tasks.states import Stage, State
from gateway.tasks.upstream import Offer


class LeaseLost(Exception):
    """The claim this write was made under is gone: stop the work, write nothing more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to run one task until the lease ends, proven by the token."""

    task: Task
    steps: Mapping[str, Step]

    @property
    def id(self) -> str:
        return self.task.id

    @property
    def token(self) -> int:
        return self.task.token


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Answer to a heartbeat: claims still ours, and those of them whose cancellation was asked for."""

    alive: frozenset[tuple[str, int]]
    cancel: frozenset[str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing, and the keyset cursor of the next one (None at the end).

    looked_back_to: a search stopped at tasks of that time without filling its page; the cursor goes on from there.
    """

    tasks: Sequence[Task]
    next_cursor: str | None = None
    looked_back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tasks to list; None means any. *dialects* empty means any.

    since, until: accepted from then on, and before then. search: words in the prompt, however written.
    """

    key_id: str | None = None
    states: frozenset[State] = frozenset()
    dialects: frozenset[str] = frozenset()
    profile: str | None = None
    search: str | None = None
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tasks are in each state, and the age in seconds of the oldest one that could run now."""

    by_state: Mapping[State, int] = field(default_factory=dict)
    oldest_queued_age_s: float | None = None


class TaskStore(Protocol):
    """Durable tasks."""

    # -- front -------------------------------------------------------------------------------------------------
    async def insert(self, new: NewTask, *, max_queued: int | None = None) -> tuple[Task, bool]:
        """Store a task, durable when this returns; (task, created). A known Idempotency-Key of the same key returns the
        task made before (created False), or raises IdempotencyConflict when the request differs. Raises QueueFull."""
        ...

    async def made_before(self, key_id: str, idempotency_key: str, request_hash: str) -> Task | None:
        """Return the task that this Idempotency-Key made within a day, None when it is free. Raises IdempotencyConflict."""
        ...

    async def get(self, task_id: str, *, key_id: str | None = None) -> Task:
        """Return the task, or raise TaskNotFound (also when it belongs to another key)."""
        ...

    async def find(
        self, where: Filter, *, limit: int = 50, cursor: str | None = None, oldest_first: bool = False
    ) -> Page: ...

    async def repeated_by(self, task_id: str) -> Sequence[str]:
        """The ids of tasks that were made to repeat this one, oldest first."""
        ...

    async def steps(self, task_id: str) -> Mapping[str, Step]: ...

    async def attempts(self, task_id: str) -> Sequence[Attempt]: ...

    async def events(self, task_id: str, *, after: int = 0, limit: int = 500) -> Sequence[TaskEvent]: ...

    async def queue_position(self, task_id: str) -> int | None:
        """How many tasks would be claimed before this one, plus one; None when it is not queued."""
        ...

    async def usual(self) -> Usual:
        """How long the last finished tasks took."""
        ...

    async def cancel(self, task_id: str, *, key_id: str | None = None) -> Task:
        """Queued: cancelled in this transaction. Running: asked for; the worker finishes it. Final: unchanged."""
        ...

    async def delete(self, where: Filter, *, ids: Collection[str] | None = None) -> Sequence[Task]:
        """Remove final tasks that match and return them (their media are the caller's to remove). Tasks not yet final are
        cancelled first and removed when their worker has let go; those are returned too."""
        ...

    async def counts(self) -> Counts: ...

    async def awaiting(self, profile: str, account_id: str | None, *, only_one: bool) -> int:
        """How many queued tasks *profile* would bring on: those begun with it or its account, and when it is the *only_one*
        that could work also those that any profile may take."""
        ...

    # -- worker ------------------------------------------------------------------------------------------------
    async def claim(self, worker: str, kind: str, offers: Sequence[Offer], *, lease_s: float) -> Sequence[Claim]:
        """Claim at most ``offer.free`` tasks for each offer: by priority, fair between API keys, then by age. Tasks bound
        to an account are only matched to offers of it."""
        ...

    async def heartbeat(self, worker: str, held: Collection[tuple[str, int]], *, lease_s: float) -> Heartbeat: ...

    async def unwanted(self, task_ids: Collection[str]) -> frozenset[str]:
        """Those of the running tasks whose cancellation was asked for."""
        ...

    async def set_stage(self, task_id: str, token: int, stage: Stage, progress: int | None = None) -> None: ...

    async def set_progress(self, task_id: str, token: int, progress: int) -> None: ...

    async def bind(self, task_id: str, token: int, *, account_id: str | None, profile: str) -> None: ...

    async def begin_step(self, task_id: str, token: int, name: str, intent: Mapping[str, Any]) -> Step: ...

    async def note_step(self, task_id: str, token: int, name: str, external: Mapping[str, Any]) -> Step: ...

    async def finish_step(self, task_id: str, token: int, name: str, output: Mapping[str, Any]) -> Step: ...

    async def forget_step(self, task_id: str, token: int, name: str) -> None:
        """Remove the step. With no step left the task is tied to no account any more."""
        ...

    async def held_elsewhere(self, task_id: str, ids: Collection[str]) -> frozenset[str]:
        """Those of *ids* that steps of other tasks hold: values of fields named ``…_id`` that were noted or finished."""
        ...

    async def succeed(self, task_id: str, token: int, result: VideoResult, *, expires_at: datetime) -> Task: ...

    async def fail(self, task_id: str, token: int, failure: Failure) -> Task: ...

    async def finish_cancel(self, task_id: str, token: int) -> Task: ...

    async def retry(self, task_id: str, token: int, failure: Failure, *, after_s: float, charged: bool) -> Task:
        """Back to the queue for *after_s*, steps kept. Not *charged*: the attempt does not count (a human, a cooldown)."""
        ...

    async def release(self, worker: str) -> Sequence[Task]:
        """Hand every task this worker still holds back to the queue at once (graceful stop), uncharged."""
        ...

    async def take_back(self, worker: str) -> Sequence[Task]:
        """Put tasks back that an earlier life of this worker held: its name is ``NODE/LIFE``, theirs ``NODE/OTHER``. Called
        at start, so that a restart need not wait for leases to end. They count as attempts, as swept ones do."""
        ...

    # -- anybody -----------------------------------------------------------------------------------------------
    async def now(self) -> datetime:
        """The time by which leases, waits and deadlines are measured: the database's."""
        ...

    async def sweep(self) -> Sequence[Task]:
        """Take expired claims away: back to the queue, cancelled if that was asked for, failed when tried too often; and
        fail queued tasks whose deadline passed. Tasks that a clock, set back since, put into the future may run now.
        Idempotent."""
        ...

    async def runnable_in_s(self, kind: str) -> float | None:
        """After how many seconds the earliest task that is not runnable yet becomes so, by the database's clock."""
        ...

    async def expired(self, *, limit: int = 500) -> Sequence[Task]:
        """Final tasks whose files are to be removed now: past ``expires_at``, or failed, cancelled, deleted."""
        ...

    async def drop_media(self, task_id: str) -> None:
        """Forget the result's asset ids after their files were removed (the task itself stays, unless it was deleted)."""
        ...

    async def forget(self, *, older_than_s: float, limit: int = 500) -> int:
        """Remove final tasks without files that ended longer ago than that; returns how many."""
        ...

    async def seen_fingerprint(self, fingerprint: str, *, prompt: str, task_id: str) -> str | None:
        """The id of an earlier task with another prompt and the same picture, or None. Remembers this one."""
        ...

    # -- wake-ups: only hints, every path also works by polling ---------------------------------------------------
    def subscribe(self, task_id: str | None = None) -> AsyncIterator[None]:
        """Yield at once, and whenever something about the task (or, for None, the queue) may have changed, and every few
        seconds anyway. Look after each."""
        ...
