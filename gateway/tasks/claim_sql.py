"""Claims: taking tasks off the queue, and keeping the right to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Executable, Row, and_, bindparam, func, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.clock import Clock
from gateway.db.columns import Instant
from gateway.db.connect import Database
from gateway.db.tables import profiles, task_attempts, task_events, task_steps, tasks
from gateway.tasks.candidates_sql import Candidates, questions
from gateway.tasks.fairness import Waiting, allot
from gateway.tasks.model import Step, Task
from gateway.tasks.moves import RETURNED, topic
from gateway.tasks.rows import IS_QUEUED, IS_RUNNING, STEPS, step_of, task_of
from gateway.tasks.shares_sql import read_shares, write_shares
from gateway.tasks.states import TRANSITIONS, Event, State
from gateway.tasks.store import Claim, Heartbeat
from gateway.tasks.upstream import Offer
from gateway.tasks.versions import ABLE

AFFINITY_S = 120.0
# Claims of all nodes take turns (some milliseconds each): fair shares and limits are then exact, as on SQLite.
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('gateway claim'), hashtext(:kind))")


@lru_cache(maxsize=8)
def _take(clock: Clock, lease_s: float) -> Executable:
    """Make the tasks *ids* ours, of which some may be gone by now."""
    free = select(tasks.c.id).where(tasks.c.id.in_(bindparam("ids", expanding=True)), IS_QUEUED)
    if clock.dialect == "postgresql":  # a task that somebody cancels at this moment is left to them
        free = free.with_for_update(skip_locked=True)
    return (
        update(tasks)
        .where(tasks.c.id.in_(free))
        .values(
            state=TRANSITIONS[State.QUEUED, Event.CLAIM].value,
            owner=bindparam("new_owner"),
            profile=bindparam("new_profile"),
            token=tasks.c.token + 1,
            attempt=tasks.c.attempt + 1,
            claims=tasks.c.claims + 1,
            last_seq=tasks.c.last_seq + 1,
            lease_until=clock.now(lease_s),
            started_at=func.coalesce(tasks.c.started_at, clock.now()),
            wait_code=None,
            wait_reason=None,
        )
        .returning(*RETURNED)
    )


@lru_cache(maxsize=2)
def _later(clock: Clock) -> Executable:
    """When the next task becomes runnable, and what time it is."""
    later = func.min(tasks.c.run_at, type_=Instant).label("run_at")
    waits = (IS_QUEUED, tasks.c.kind == bindparam("kind"), tasks.c.run_at > clock.now())
    return select(later, clock.now().label("now")).where(*waits)


@lru_cache(maxsize=2)
def _tell(clock: Clock) -> Executable:
    return insert(task_events).values(at=clock.now())


@lru_cache(maxsize=2)
def _begin(clock: Clock) -> Executable:
    return insert(task_attempts).values(started_at=clock.now())


class Claiming:
    """See `store.TaskStore` for the contract."""

    _db: Database
    affinity_s: float

    async def claim(self, worker: str, kind: str, offers: Sequence[Offer], *, lease_s: float) -> Sequence[Claim]:
        offers = [replace(offer, allows=offer.allows | ABLE) for offer in offers if offer.free > 0]
        if not offers:
            return []
        candidates = Candidates(questions(self._db.clock, kind, self.affinity_s), offers)
        if not await candidates.any(self._db):  # mostly there is nothing, and then nobody need be kept from writing
            return []
        async with self._db.write() as connection:
            if self._db.dialect == "postgresql":
                await connection.execute(_TURN, {"kind": kind})
            at_work = await self._at_work(connection, offers)
            begun, heads = await candidates.first(connection)
            shares = await read_shares(connection, kind, {task.key_id for task in (*begun, *heads)})
            lines = await candidates.lines(connection, heads, shares.of, clock=shares.clock)
            allotment = allot(
                [*begun, *lines], offers, shares.of, clock=shares.clock, at_work=at_work, passed=shares.passed
            )
            taken = await self._take(connection, worker, allotment.taken, lease_s)
            served = {task.key_id: shares.of[task.key_id] for task in taken}
            if served:
                await write_shares(self._db, connection, kind, served, allotment)
            steps = await self._steps_of(connection, [task.id for task in taken if task.claims > 1])
            return [Claim(task, steps[task.id]) for task in taken]

    async def heartbeat(self, worker: str, held: Collection[tuple[str, int]], *, lease_s: float) -> Heartbeat:
        if not held:
            return Heartbeat(alive=frozenset(), cancel=frozenset())
        ours = and_(tuple_(tasks.c.id, tasks.c.token).in_(sorted(held)), tasks.c.owner == worker, IS_RUNNING)
        async with self._db.write() as connection:
            if self._db.dialect == "postgresql":  # rows are locked in one order by all, so that nobody deadlocks
                in_order = select(tasks.c.id).where(ours).order_by(tasks.c.id).with_for_update()
                await connection.execute(in_order)
            rows = (
                await connection.execute(
                    update(tasks)
                    .where(ours)
                    .values(lease_until=self._db.clock.now(lease_s))
                    .returning(tasks.c.id, tasks.c.token, tasks.c.cancel_requested_at)
                )
            ).all()
        return Heartbeat(
            alive=frozenset((row.id, row.token) for row in rows),
            cancel=frozenset(row.id for row in rows if row.cancel_requested_at is not None),
        )

    async def unwanted(self, task_ids: Collection[str]) -> frozenset[str]:
        asked = tasks.c.cancel_requested_at.is_not(None)
        async with self._db.read() as connection:
            found = await connection.execute(select(tasks.c.id).where(tasks.c.id.in_(task_ids), IS_RUNNING, asked))
            return frozenset(found.scalars())

    async def now(self) -> datetime:
        (row,) = await self._db.rows(select(self._db.clock.now().label("now")))
        found: datetime = row.now
        return found

    async def runnable_in_s(self, kind: str) -> float | None:
        (row,) = await self._db.rows(_later(self._db.clock), {"kind": kind})
        return None if row.run_at is None else max(0.0, (row.run_at - row.now).total_seconds())

    # -- inside --------------------------------------------------------------------------------------------------
    async def _at_work(self, connection: AsyncConnection, offers: Sequence[Offer]) -> dict[str, int]:
        """How many tasks run on each account that has a limit, whichever profile and node works on them."""
        limited = {o.account_id for o in offers if o.account_limit is not None and o.account_id is not None}
        if not limited:
            return {}
        # A task knows its account from its first side effect on; until then the profile that works on it tells.
        account = func.coalesce(tasks.c.account_id, profiles.c.account_id).label("account")
        running = (
            select(account, func.count().label("n"))
            .select_from(tasks.outerjoin(profiles, profiles.c.name == tasks.c.profile))
            .where(IS_RUNNING)
            .group_by(account)
        )
        return {row.account: row.n for row in await connection.execute(running) if row.account in limited}

    async def _take(
        self, connection: AsyncConnection, worker: str, wanted: Sequence[tuple[Waiting, Offer]], lease_s: float
    ) -> list[Task]:
        """Make the tasks ours: all that goes to one profile in one statement."""
        by_profile: dict[str, list[str]] = defaultdict(list)
        for task, offer in wanted:
            by_profile[offer.profile].append(task.id)
        take = _take(self._db.clock, lease_s)
        rows: list[Row[Any]] = []
        for profile, ids in by_profile.items():
            asked = {"ids": ids, "new_owner": worker, "new_profile": profile}
            rows += (await connection.execute(take, asked)).all()
        if not rows:
            return []
        told = [
            {
                "task_id": r.id,
                "seq": r.last_seq,
                "type": "claimed",
                "data": {"profile": r.profile, "attempt": r.attempt},
            }
            for r in rows
        ]
        await connection.execute(_tell(self._db.clock), told)
        begun = [{"task_id": r.id, "number": r.claims, "profile": r.profile, "owner": worker} for r in rows]
        await connection.execute(_begin(self._db.clock), begun)
        for row in rows:
            self._db.hint(connection, topic(row.id))
        order = {task.id: place for place, (task, _) in enumerate(wanted)}
        return sorted(map(task_of, rows), key=lambda task: order[task.id])

    async def _steps_of(self, connection: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Step]]:
        steps: dict[str, dict[str, Step]] = defaultdict(dict)
        if not ids:
            return steps
        wanted = STEPS.add_columns(task_steps.c.task_id).where(task_steps.c.task_id.in_(ids))
        for row in await connection.execute(wanted):
            steps[row.task_id][row.name] = step_of(row)
        return steps
