"""Every change of a task's state, as one compare-and-set with its event, and its end in the books.
Nothing else writes ``tasks.state``.

Each function works inside the caller's transaction. No row back means that somebody else was first, which is normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import task_attempts, task_events, tasks
from gateway.tasks.model import Failure
from gateway.tasks.rows import COLUMNS, failure_to_json, is_state
from gateway.tasks.states import FINAL, TRANSITIONS, Event, State
from gateway.tasks.store import LeaseLost
from gateway.usage.ended import Ended, Outcome
from gateway.usage.log_sql import write_log
from gateway.webhooks import outbox_sql

RETURNED = (*COLUMNS, tasks.c.last_seq, tasks.c.deleted_at)


def topic(task_id: str) -> str:
    """The hint topic of a task."""
    return f"task:{task_id}"


QUEUE = "queue"
CANCEL = "cancel"


async def move(
    db: Database,
    connection: AsyncConnection,
    source: State,
    event: Event,
    *where: ColumnElement[bool],
    note: str,
    data: Mapping[str, Any] | None = None,
    **values: Any,
) -> Row[Any] | None:
    """Move the task that is in *source* and matches *where*; returns its row as it is now, None when there is none."""
    target = TRANSITIONS[source, event]
    if target in FINAL:
        values |= {"finished_at": db.clock.now(), "owner": None, "lease_until": None}
    elif target is State.QUEUED:
        values |= {"owner": None, "lease_until": None, "token": tasks.c.token + 1}
    moved = await change(db, connection, is_state(source), *where, note=note, data=data, state=target.value, **values)
    if moved is not None and target in FINAL:
        await write_log(connection, [ended_of(moved)])
        await outbox_sql.task_ended(db, connection, moved.id, dialect=moved.dialect, state=target.value)
    return moved


def ended_of(row: Row[Any]) -> Ended:
    """What the books keep of a task that is over."""
    result = row.result if row.state == State.SUCCEEDED else None
    return Ended(
        at=row.finished_at,
        kind=row.kind,
        key_id=row.key_id,
        model=row.model,
        dialect=row.dialect,
        outcome=Outcome(row.state),
        profile=row.profile or "",
        code=(row.failure or {}).get("code", "") if row.state == State.FAILED else "",
        took_s=(row.finished_at - row.created_at).total_seconds(),
        waited_s=((row.started_at or row.finished_at) - row.created_at).total_seconds(),
        made=0 if result is None else 1,
        size_bytes=0 if result is None else result.get("size_bytes", 0),
        output_s=0.0 if result is None else result.get("duration_s", 0.0),
    )


async def change(
    db: Database,
    connection: AsyncConnection,
    *where: ColumnElement[bool],
    note: str,
    data: Mapping[str, Any] | None = None,
    **values: Any,
) -> Row[Any] | None:
    """Change the one task that matches and append the event *note* under the next number."""
    moved = (
        await connection.execute(
            update(tasks).where(*where).values(**values, last_seq=tasks.c.last_seq + 1).returning(*RETURNED)
        )
    ).one_or_none()
    if moved is not None:
        await append(db, connection, moved, note, data or {})
    return moved


async def append(
    db: Database, connection: AsyncConnection, changed: Row[Any], type_: str, data: Mapping[str, Any]
) -> None:
    """Write the event whose number *changed*, the task's row, just got in this transaction: so numbers have no gaps."""
    row = {"task_id": changed.id, "seq": changed.last_seq, "type": type_, "data": dict(data)}
    await connection.execute(insert(task_events).values(**row, at=db.clock.now()))
    db.hint(connection, topic(changed.id))


async def end_attempt(
    db: Database, connection: AsyncConnection, row: Row[Any], outcome: str, failure: Failure | None = None
) -> None:
    """Close the attempt that was open."""
    await connection.execute(
        update(task_attempts)
        .where(
            task_attempts.c.task_id == row.id, task_attempts.c.number == row.claims, task_attempts.c.ended_at.is_(None)
        )
        .values(ended_at=db.clock.now(), outcome=outcome, failure=None if failure is None else failure_to_json(failure))
    )


def held(task_id: str, token: int) -> tuple[ColumnElement[bool], ...]:
    """The fence of every worker's write: its claim still stands."""
    return (tasks.c.id == task_id, tasks.c.token == token)


def still_held(row: Row[Any] | None, task_id: str) -> Row[Any]:
    if row is None:
        raise LeaseLost(f"the claim on {task_id} is gone")
    return row
