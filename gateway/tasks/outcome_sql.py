"""How a claim ends by its worker's word: succeeded, failed, cancelled, or back to the queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, literal
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.columns import Instant
from gateway.db.connect import Database
from gateway.db.tables import tasks
from gateway.tasks.model import Failure, Task, VideoResult
from gateway.tasks.moves import QUEUE, end_attempt, held, move, still_held
from gateway.tasks.rows import failure_to_json, result_to_json, task_of
from gateway.tasks.states import Event, State

WANTED = tasks.c.cancel_requested_at.is_(None)
NOT_WANTED = tasks.c.cancel_requested_at.is_not(None)


class Outcomes:
    """See `store.TaskStore` for the contract. Success stands even when a cancellation was asked for meanwhile: the video is
    there. A failure or retry of a task that nobody wants any more is its cancellation."""

    _db: Database

    async def succeed(self, task_id: str, token: int, result: VideoResult, *, expires_at: datetime) -> Task:
        async with self._db.write() as connection:
            row = await move(
                self._db, connection, State.RUNNING, Event.SUCCEED, *held(task_id, token), note="succeeded",
                result=result_to_json(result), progress=100, failure=None, expires_at=expires_at,
                prune_at=func.coalesce(tasks.c.deleted_at, literal(expires_at, Instant)),
            )  # fmt: skip
            return await self._ended(connection, still_held(row, task_id), "succeeded")

    async def fail(self, task_id: str, token: int, failure: Failure) -> Task:
        async with self._db.write() as connection:
            if row := await fail(self._db, connection, State.RUNNING, failure, *held(task_id, token), WANTED):
                return await self._ended(connection, row, "failed", failure)
            row = await cancel(self._db, connection, *held(task_id, token), NOT_WANTED)
            return await self._ended(connection, still_held(row, task_id), "cancelled", failure)

    async def finish_cancel(self, task_id: str, token: int) -> Task:
        async with self._db.write() as connection:
            row = await cancel(self._db, connection, *held(task_id, token))
            return await self._ended(connection, still_held(row, task_id), "cancelled")

    async def retry(self, task_id: str, token: int, failure: Failure, *, after_s: float, charged: bool) -> Task:
        data = {"code": failure.code, "message": failure.message}
        run_at = self._db.clock.now(after_s)
        waits: dict[str, Any] = {"wait_code": failure.code, "wait_reason": failure.message, "run_at": run_at}
        if not charged:
            waits["attempt"] = tasks.c.attempt - 1
        async with self._db.write(QUEUE) as connection:
            note = "retrying" if charged else "waiting"
            mine = held(task_id, token)
            if row := await move(
                self._db, connection, State.RUNNING, Event.RETRY, *mine, WANTED, note=note, data=data, **waits
            ):
                return await self._ended(connection, row, "retried" if charged else "waiting", failure)
            row = await cancel(self._db, connection, *mine, NOT_WANTED)
            return await self._ended(connection, still_held(row, task_id), "cancelled", failure)

    async def _ended(
        self, connection: AsyncConnection, row: Row[Any], outcome: str, failure: Failure | None = None
    ) -> Task:
        await end_attempt(self._db, connection, row, outcome, failure)
        return task_of(row)


async def fail(
    db: Database, connection: AsyncConnection, source: State, failure: Failure, *where: ColumnElement[bool]
) -> Row[Any] | None:
    """Move to failed; half-made files are removed soon."""
    stored = failure_to_json(failure)
    return await move(
        db, connection, source, Event.FAIL, *where, note="failed", data=stored, failure=stored, prune_at=db.clock.now()
    )


async def cancel(db: Database, connection: AsyncConnection, *where: ColumnElement[bool]) -> Row[Any] | None:
    """Move a running task to cancelled; half-made files are removed soon."""
    asked = func.coalesce(tasks.c.cancel_requested_at, db.clock.now())
    return await move(
        db, connection, State.RUNNING, Event.CANCEL, *where, note="cancelled",
        cancel_requested_at=asked, prune_at=db.clock.now(),
    )  # fmt: skip
