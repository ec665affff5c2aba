"""Taking claims away whose worker is gone, and giving up what waited too long. Any node may do it at any time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import task_attempts, tasks
from gateway.errors import DeadlineExceeded, Internal
from gateway.tasks.model import Failure, Task
from gateway.tasks.moves import QUEUE, end_attempt, move
from gateway.tasks.outcome_sql import NOT_WANTED, WANTED, cancel, fail
from gateway.tasks.rows import IS_QUEUED, IS_RUNNING, task_of
from gateway.tasks.states import Event, State

BATCH = 500


class Rescuing:
    """See `store.TaskStore` for the contract."""

    _db: Database

    async def release(self, worker: str) -> Sequence[Task]:
        return await self._take_away(tasks.c.owner == worker, reason="handed over", charged=False)

    async def take_back(self, worker: str) -> Sequence[Task]:
        node = worker.partition("/")[0]
        earlier = tasks.c.owner.startswith(f"{node}/", autoescape=True)
        return await self._take_away(earlier, tasks.c.owner != worker, reason="restarted", charged=True)

    async def sweep(self) -> Sequence[Task]:
        await self._bring_forward()
        expired = tasks.c.lease_until < self._db.clock.now()
        taken = await self._take_away(expired, reason="worker lost", charged=True)
        return [*taken, *await self._give_up_late_ones()]

    # -- inside --------------------------------------------------------------------------------------------------
    async def _take_away(self, *where: ColumnElement[bool], reason: str, charged: bool) -> list[Task]:
        wanted = select(tasks.c.id).where(IS_RUNNING, *where)
        async with self._db.read() as connection:  # mostly there are none
            if (await connection.execute(wanted.limit(1))).first() is None:
                return []
        async with self._db.write(QUEUE) as connection:
            rows = await connection.execute(wanted.order_by(tasks.c.id).limit(BATCH).with_for_update(skip_locked=True))
            moved = [
                await self._take_one(connection, task_id, *where, reason=reason, charged=charged)
                for task_id in rows.scalars().all()
            ]
            return [task_of(row) for row in moved if row is not None]

    async def _take_one(
        self, connection: AsyncConnection, task_id: str, *where: ColumnElement[bool], reason: str, charged: bool
    ) -> Row[Any] | None:
        this = (tasks.c.id == task_id, *where)
        if row := await cancel(self._db, connection, *this, NOT_WANTED):
            await end_attempt(self._db, connection, row, "cancelled")
            return row
        used_up = tasks.c.attempt >= tasks.c.max_attempts
        lost = Failure(
            Internal.code, "The gateway stopped each time this task was tried; its log says why.", retryable=True
        )
        if charged and (row := await fail(self._db, connection, State.RUNNING, lost, *this, WANTED, used_up)):
            await end_attempt(self._db, connection, row, "rescued", lost)
            return row
        uncharged = {} if charged else {"attempt": tasks.c.attempt - 1}
        row = await move(
            self._db, connection, State.RUNNING, Event.RESCUE, *this, WANTED, note="rescued", data={"reason": reason},
            run_at=self._db.clock.now(), **uncharged,
        )  # fmt: skip
        if row is not None:
            await end_attempt(self._db, connection, row, "rescued")
        return row

    async def _bring_forward(self) -> None:
        """Let run what was put into the queue later than now: by a clock that has been set back since."""
        now = self._db.clock.now()
        put_back_at = (
            select(func.max(task_attempts.c.ended_at)).where(task_attempts.c.task_id == tasks.c.id).scalar_subquery()
        )
        ahead = and_(IS_QUEUED, tasks.c.run_at > now, or_(tasks.c.created_at > now, put_back_at > now))
        if not await self._db.rows(select(tasks.c.id).where(ahead).limit(1)):
            return
        async with self._db.write(QUEUE) as connection:
            await connection.execute(update(tasks).where(ahead).values(run_at=now))

    async def _give_up_late_ones(self) -> list[Task]:
        late = tasks.c.deadline_at < self._db.clock.now()
        wanted = select(tasks.c.id, tasks.c.wait_reason, tasks.c.stage).where(IS_QUEUED, late)
        async with self._db.read() as connection:
            if (await connection.execute(wanted.limit(1))).first() is None:
                return []
        given_up = []
        async with self._db.write(QUEUE) as connection:
            rows = (
                await connection.execute(wanted.order_by(tasks.c.id).limit(BATCH).with_for_update(skip_locked=True))
            ).all()
            for row in rows:
                why = f" It waited because: {row.wait_reason}" if row.wait_reason else ""
                message = f"The task was not finished within the time it may take.{why}"
                failure = Failure(DeadlineExceeded.code, message, stage=row.stage, retryable=True)
                moved = await fail(self._db, connection, State.QUEUED, failure, tasks.c.id == row.id, late)
                given_up += [task_of(moved)] if moved is not None else []
        return given_up
