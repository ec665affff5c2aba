"""What anybody may look at: one task, lists of them, and a task's history. A status poll is one statement by primary key."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Integer, Text, bindparam, literal, select, tuple_

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

#: Prompts a search reads for one page: some 20 ms (measured in `tests/bench`).
LOOKED_FIRST, LOOKED_THROUGH = 500, 10_000


# Made once: building a statement costs more than asking it.
_WANTED = bindparam("wanted", type_=Text)
_ONE = TASKS.where(tasks.c.id == _WANTED, IS_SHOWN)
_ITS_STEPS = STEPS.where(task_steps.c.task_id == _WANTED)
_ITS_ATTEMPTS = ATTEMPTS.where(task_attempts.c.task_id == _WANTED).order_by(task_attempts.c.number)
_ITS_EVENTS = (
    EVENTS.where(task_events.c.task_id == _WANTED, task_events.c.seq > bindparam("after"))
    .order_by(task_events.c.seq)
    .limit(bindparam("most", type_=Integer))
)


class Listing:
    """The reads. See `store.TaskStore` for the contract."""

    _db: Database

    async def get(self, task_id: str, *, key_id: str | None = None) -> Task:
        found = await self._db.rows(_ONE, {"wanted": task_id})
        if not found or (key_id is not None and found[0].key_id != key_id):
            raise not_found(task_id)
        return task_of(found[0])

    async def find(
        self, where: Filter, *, limit: int = 50, cursor: str | None = None, oldest_first: bool = False
    ) -> Page:
        """Each state is asked for by itself and the answers merged: then every question is a walk along one index."""
        if where.search:
            return await self._search(where, limit=limit, cursor=cursor)
        created = (tasks.c.created_at, tasks.c.id)
        order = created if oldest_first else tuple(column.desc() for column in created)
        after: list[ColumnElement[bool]] = []
        if cursor is not None:
            at, last_id = read_cursor(cursor)
            here = tuple_(literal(at, Instant), literal(last_id))
            after = [tuple_(*created) > here if oldest_first else tuple_(*created) < here]
        states: list[State | None] = [*sorted(where.states)] or [None]
        found: list[Task] = []
        for state in states:
            only = matching(where, state)
            rows = await self._db.rows(TASKS.where(*only, *after).order_by(*order).limit(limit + 1))
            found += map(task_of, rows)
        found.sort(key=lambda task: (task.created_at, task.id), reverse=not oldest_first)
        page = found[:limit]
        return Page(tasks=page, next_cursor=write_cursor(page[-1]) if len(found) > limit else None)

    async def _search(self, where: Filter, *, limit: int, cursor: str | None) -> Page:
        """Look through the prompts of the newest LOOKED_THROUGH tasks that match otherwise, then say how far that was: a
        word that nobody wrote costs a bounded time, and the next page looks on from there."""
        order = (tasks.c.created_at.desc(), tasks.c.id.desc())
        only = matching(replace(where, search=None))
        if cursor is not None:
            at, last_id = read_cursor(cursor)
            only.append(tuple_(tasks.c.created_at, tasks.c.id) < tuple_(literal(at, Instant), literal(last_id)))
        words = tasks.c.prompt.icontains(where.search or "", autoescape=True)
        near = select(tasks.c.id, tasks.c.created_at, words.label("fits")).where(*only).order_by(*order)
        edge = select(tasks.c.id, tasks.c.created_at).where(*only).order_by(*order).offset(LOOKED_THROUGH - 1).limit(1)
        looks = sorted(
            {min(LOOKED_FIRST, LOOKED_THROUGH), LOOKED_THROUGH}
        )  # a common word fills its page from the newest
        async with self._db.read() as connection:
            for through in looks:
                near_ones = near.limit(through).subquery()
                ids = select(near_ones.c.id).where(near_ones.c.fits)
                ids = ids.order_by(near_ones.c.created_at.desc(), near_ones.c.id.desc()).limit(limit + 1)
                rows = await connection.execute(TASKS.where(tasks.c.id.in_(ids)).order_by(*order))
                found = [task_of(row) for row in rows]
                if len(found) > limit:
                    return Page(tasks=found[:limit], next_cursor=write_cursor(found[limit - 1]))
            last = (await connection.execute(edge)).one_or_none()
        if last is None:
            return Page(tasks=found)
        return Page(tasks=found, next_cursor=cursor_at(last.created_at, last.id), looked_back_to=last.created_at)

    async def repeated_by(self, task_id: str) -> Sequence[str]:
        again = select(tasks.c.id).where(tasks.c.retry_of == task_id, IS_SHOWN).order_by(tasks.c.created_at)
        async with self._db.read() as connection:
            return list((await connection.execute(again)).scalars())

    async def steps(self, task_id: str) -> Mapping[str, Step]:
        rows = await self._db.rows(_ITS_STEPS, {"wanted": task_id})
        return {row.name: step_of(row) for row in rows}

    async def attempts(self, task_id: str) -> Sequence[Attempt]:
        return [attempt_of(row) for row in await self._db.rows(_ITS_ATTEMPTS, {"wanted": task_id})]

    async def events(self, task_id: str, *, after: int = 0, limit: int = 500) -> Sequence[TaskEvent]:
        asked = {"wanted": task_id, "after": after, "most": limit}
        return [event_of(row) for row in await self._db.rows(_ITS_EVENTS, asked)]


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
    if where.model is not None:
        conditions.append(tasks.c.model == where.model)
    if where.since is not None:
        conditions.append(tasks.c.created_at >= where.since)
    if where.until is not None:
        conditions.append(tasks.c.created_at < where.until)
    if where.search:
        conditions.append(tasks.c.prompt.icontains(where.search, autoescape=True))
    return conditions


def not_found(task_id: str) -> TaskNotFound:
    return TaskNotFound(f"There is no task {task_id!r}.")


def write_cursor(last: Task) -> str:
    """Where the next page begins, opaque to clients."""
    return cursor_at(last.created_at, last.id)


def cursor_at(created_at: datetime, last_id: str) -> str:
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {last_id}".encode()).decode().rstrip("=")


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
