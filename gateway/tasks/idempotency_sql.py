"""The memory of Idempotency-Keys: a day from the task's making, also when the task is deleted or forgotten before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import tasks, used_idempotency_keys
from gateway.errors import IdempotencyConflict
from gateway.tasks.model import Task
from gateway.tasks.rows import COLUMNS, task_of

KEPT = timedelta(hours=24)


async def made_before(
    db: Database,
    connection: AsyncConnection,
    key_id: str,
    idempotency_key: str | None,
    request_hash: str,
    *,
    looking: bool = False,
) -> Task | None:
    """Return the task that this Idempotency-Key made, None when it is free (now).

    looking: only look; the key of yesterday is freed by whoever uses it. Raises IdempotencyConflict when the request
    differs, or when the task it made was deleted: making another one now might spend what was spent already.
    """
    if idempotency_key is None:
        return None
    same = (tasks.c.key_id == key_id, tasks.c.idempotency_key == idempotency_key)
    wanted: Select[Any] = select(*COLUMNS, tasks.c.deleted_at).where(*same)
    row = (await connection.execute(wanted if looking else wanted.with_for_update())).one_or_none()
    since = await db.now(connection) - KEPT
    if row is None:
        used = used_idempotency_keys.c
        this = (used.key_id == key_id, used.idempotency_key == idempotency_key)
        gone = (await connection.execute(select(used.task_id, used.created_at).where(*this))).one_or_none()
        if gone is not None and gone.created_at >= since:
            raise _deleted(gone.task_id)
        return None
    if row.created_at < since:
        if not looking:
            await connection.execute(update(tasks).where(tasks.c.id == row.id).values(idempotency_key=None))
        return None
    if row.request_hash != request_hash:
        raise IdempotencyConflict("This Idempotency-Key was used before, with another request.")
    if row.deleted_at is not None:
        raise _deleted(row.id)
    return task_of(row)


async def remember(db: Database, connection: AsyncConnection, *where: ColumnElement[bool]) -> None:
    """Keep the Idempotency-Keys of the tasks that match, whose rows are about to go, and drop those of yesterday."""
    insert = postgresql_insert if db.dialect == "postgresql" else sqlite_insert
    since = await db.now(connection) - KEPT
    used = select(tasks.c.key_id, tasks.c.idempotency_key, tasks.c.id, tasks.c.created_at).where(
        *where, tasks.c.idempotency_key.is_not(None), tasks.c.created_at >= since
    )
    names = ["key_id", "idempotency_key", "task_id", "created_at"]
    await connection.execute(delete(used_idempotency_keys).where(used_idempotency_keys.c.created_at < since))
    await connection.execute(insert(used_idempotency_keys).from_select(names, used).on_conflict_do_nothing())


def _deleted(task_id: str) -> IdempotencyConflict:
    return IdempotencyConflict(
        f"This Idempotency-Key made the task {task_id}, which was deleted since; to make another one, send another key."
    )
