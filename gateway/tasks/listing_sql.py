"""What anybody may look at: one task, lists of them, and a task's history. A status poll is one statement by primary key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, literal, tuple_

from gateway.db.columns import Instant
from gateway.db.connect import Database
from gateway.db.tables import task_attempts, task_events, task_steps, tasks
from gateway.errors import InvalidRequest, TaskNotFound
from gateway.tasks.model import Attempt, Step, Task, TaskEvent
from gateway.tasks.rows import (
    ATTEMPTS,
    EVENTS,
    IS_SHOWN,
    STEPS,
    TASKS,
    attempt_of,
    event_of,
    is_state,
    step_of,
    task_of,
)
from gateway.tasks.states import State
from gateway.tasks.store import Filter, Page


class Listing:
    """The reads. See `store.TaskStore` for the contract."""

    _db: Database

    async def get(self, task_id: str, *, key_id: str | None = None) -> Task:
        async with self._db.read() as connection:
            row = (await connection.execute(TASKS.where(tasks.c.id == task_id, IS_SHOWN))).one_or_none()
        if row is None or (key_id is not None and row.key_id != key_id):
            raise not_found(task_id)
        return task_of(row)

    async def find(
        self, where: Filter, *, limit: int = 50, cursor: str | None = None, oldest_first: bool = False
    ) -> Page:
        """Each state is asked for by itself and the answers merged: then every question is a walk along one index."""
        created = (tasks.c.created_at, tasks.c.id)
        order = created if oldest_first else tuple(column.desc() for column in created)
        after: list[ColumnElement[bool]] = []
        if cursor is not None:
            at, last_id = read_cursor(cursor)
            here = tuple_(literal(at, Instant), literal(last_id))
            after = [tuple_(*created) > here if oldest_first else tuple_(*created) < here]
        states: list[State | None] = [*sorted(where.states)] or [None]
        found: list[Task] = []
        async with self._db.read() as connection:
            for state in states:
                only = matching(where, state)
                rows = await connection.execute(TASKS.where(*only, *after).order_by(*order).limit(limit + 1))
                found += map(task_of, rows)
        found.sort(key=lambda task: (task.created_at, task.id), reverse=not oldest_first)
        page = found[:limit]
        return Page(tasks=page, next_cursor=write_cursor(page[-1]) if len(found) > limit else None)

    async def steps(self, task_id: str) -> Mapping[str, Step]:
        async with self._db.read() as connection:
            rows = await connection.execute(STEPS.where(task_steps.c.task_id == task_id))
            return {row.name: step_of(row) for row in rows}

    async def attempts(self, task_id: str) -> Sequence[Attempt]:
        wanted = ATTEMPTS.where(task_attempts.c.task_id == task_id).order_by(task_attempts.c.number)
        async with self._db.read() as connection:
            return [attempt_of(row) for row in await connection.execute(wanted)]

    async def events(self, task_id: str, *, after: int = 0, limit: int = 500) -> Sequence[TaskEvent]:
        wanted = EVENTS.where(task_events.c.task_id == task_id, task_events.c.seq > after)
        async with self._db.read() as connection:
            return [event_of(row) for row in await connection.execute(wanted.order_by(task_events.c.seq).limit(limit))]


def matching(where: Filter, state: State | None = None) -> list[ColumnElement[bool]]:
    """The filter as conditions; with *state* that one instead of the filter's states. Deleted tasks match nothing."""
    conditions: list[ColumnElement[bool]] = [IS_SHOWN]
    if state is not None or where.states:
        conditions.append(is_state(*([state] if state is not None else sorted(where.states))))
    if where.key_id is not None:
        conditions.append(tasks.c.key_id == where.key_id)
    if where.dialects:
        conditions.append(tasks.c.dialect.in_(sorted(where.dialects)))
    if where.profile is not None:
        conditions.append(tasks.c.profile == where.profile)
    if where.search:
        conditions.append(tasks.c.prompt.icontains(where.search, autoescape=True))
    return conditions


def not_found(task_id: str) -> TaskNotFound:
    return TaskNotFound(f"There is no task {task_id!r}.")


def write_cursor(last: Task) -> str:
    """Where the next page begins, opaque to clients."""
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, last_id = text.partition(" ")
        when = datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise InvalidRequest("This cursor is not one of ours; start from the first page.", param="cursor") from None
    if when.tzinfo is None:
        raise InvalidRequest("This cursor is not one of ours; start from the first page.", param="cursor")
    return when, last_id
