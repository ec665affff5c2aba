"""How the queue stands: counts, and a task's place in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from gateway.db.connect import Database
from gateway.db.tables import tasks
from gateway.tasks.awaiting_sql import count_awaiting
from gateway.tasks.estimate import Usual, usual
from gateway.tasks.fairness import ahead_of, others_before, rank_of, start_of
from gateway.tasks.rows import IS_FINAL, IS_QUEUED, IS_RUNNING, IS_SHOWN, is_state
from gateway.tasks.shares_sql import Shares, read_shares
from gateway.tasks.states import State
from gateway.tasks.store import Counts

#: Finished tasks may be a million, and their number is for a chart: an answer is good for this long, and for longer where it
#: took long to get, so that counting never costs more than half a percent of the time.
FINISHED_COUNT_S, FINISHED_COUNT_SHARE = 15.0, 200.0
#: How long a look at the whole queue serves all who ask for their place in it.
QUEUE_VIEW_S = 1.0
#: How many finished tasks tell how long one takes, and how long that is believed.
RECENT, USUAL_S = 60, 10.0


@dataclass(frozen=True, slots=True)
class _Lines:
    """How many tasks wait, by key and priority, and what decides between the keys."""

    at: float
    waiting: Mapping[tuple[str, int], int]
    shares: Shares


class Overview:
    """See `store.TaskStore` for the contract."""

    _db: Database
    _finished_counts: tuple[float, Mapping[State, int]] | None = None
    _lines: Mapping[str, _Lines] = {}
    _usual: tuple[float, Usual] | None = None

    async def counts(self) -> Counts:
        count = select(tasks.c.state, func.count().label("n")).group_by(tasks.c.state)
        oldest = select(func.min(tasks.c.run_at).label("run_at"), self._db.clock.now().label("now")).where(IS_QUEUED)
        async with self._db.read() as connection:
            active: dict[State, int] = {}
            for only in (IS_QUEUED, IS_RUNNING):
                active |= {State(row.state): row.n for row in await connection.execute(count.where(only, IS_SHOWN))}
            queue = (await connection.execute(oldest)).one()
            known = self._finished_counts
            began = time.monotonic()
            if known is None or began > known[0]:
                rows = await connection.execute(count.where(IS_FINAL, IS_SHOWN))
                now = time.monotonic()
                good_until = now + max(FINISHED_COUNT_S, FINISHED_COUNT_SHARE * (now - began))
                known = self._finished_counts = (good_until, {State(row.state): row.n for row in rows})
        runnable = queue.run_at is not None and queue.run_at <= queue.now
        return Counts(
            by_state=dict.fromkeys(State, 0) | dict(known[1]) | active,
            oldest_queued_age_s=(queue.now - queue.run_at).total_seconds() if runnable else None,
        )

    async def awaiting(self, profile: str, account_id: str | None, *, only_one: bool) -> int:
        async with self._db.read() as connection:
            return await count_awaiting(connection, profile, account_id, only_one=only_one)

    async def usual(self) -> Usual:
        """At most USUAL_S old."""
        known = self._usual
        if known is None or time.monotonic() > known[0]:
            recent = (
                select(tasks.c.spec, tasks.c.started_at, tasks.c.finished_at)
                .where(is_state(State.SUCCEEDED), IS_SHOWN)
                .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
                .limit(RECENT)
            )
            async with self._db.read() as connection:
                rows = (await connection.execute(recent)).all()
            took = [
                (
                    int(row.spec["seconds"]),
                    str(row.spec["resolution"]),
                    (row.finished_at - row.started_at).total_seconds(),
                )
                for row in rows
                if row.started_at is not None
                and row.finished_at is not None
                and {"seconds", "resolution"} <= row.spec.keys()  # what a later version makes may have neither
            ]
            known = self._usual = (time.monotonic() + USUAL_S, usual(took))
        return known[1]

    async def queue_position(self, task_id: str) -> int | None:
        """As `fairness` would serve if nothing came in between; at most QUEUE_VIEW_S old."""
        mine = select(tasks.c.key_id, tasks.c.kind, tasks.c.priority, tasks.c.created_at, tasks.c.bound)
        async with self._db.read() as connection:
            task = (await connection.execute(mine.where(tasks.c.id == task_id, IS_QUEUED, IS_SHOWN))).one_or_none()
            if task is None:
                return None
            if task.bound:
                return 1
            of_key = (IS_QUEUED, tasks.c.kind == task.kind, tasks.c.key_id == task.key_id)
            older = or_(
                tasks.c.created_at < task.created_at, and_(tasks.c.created_at == task.created_at, tasks.c.id < task_id)
            )
            earlier = select(func.count()).where(*of_key, tasks.c.priority == task.priority, older)
            rank = 1 + (await connection.execute(earlier)).scalar_one()
            view = self._lines.get(task.kind)
            if view is None or time.monotonic() - view.at > QUEUE_VIEW_S or task.key_id not in view.shares.of:
                lines = (
                    select(tasks.c.key_id, tasks.c.priority, func.count().label("n"))
                    .where(IS_QUEUED, tasks.c.kind == task.kind)
                    .group_by(tasks.c.key_id, tasks.c.priority)
                )
                waiting = {(row.key_id, row.priority): row.n for row in await connection.execute(lines)}
                keys = {key for key, _ in waiting} | {task.key_id}
                view = _Lines(time.monotonic(), waiting, await read_shares(connection, task.kind, keys))
                self._lines = {**self._lines, task.kind: view}
        place = rank + _before_in_class(view, task.key_id, task.priority, rank)
        of_class: Counter[int] = Counter()
        for (_, level), count in view.waiting.items():
            of_class[rank_of(level)] += count
        return place + others_before(place, rank_of(task.priority), of_class, view.shares.passed)


def _before_in_class(view: _Lines, key_id: str, priority: int, rank: int) -> int:
    """How many of the task's own class come before it."""
    shares, clock = view.shares.of, view.shares.clock
    start = start_of(rank, shares[key_id], clock=clock)
    before = 0
    for (key, level), count in view.waiting.items():
        if rank_of(level) != rank_of(priority):
            continue
        if level > priority:
            before += count
        elif level == priority and key != key_id:
            before += ahead_of(start, count, shares[key], clock=clock)
    return before
