"""Messages written in the transaction of what they tell of: a crash keeps both or neither."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import webhook_deliveries
from gateway.webhooks.model import GIVE_UP_AFTER_S, TOPIC, Channel, State

#: What a task's end is called, by its state; OpenAI's clients know names of their own.
ENDS: Mapping[str, str] = {
    "succeeded": "video.task.completed",
    "failed": "video.task.failed",
    "cancelled": "video.task.cancelled",
}
ENDS_IN: Mapping[str, Mapping[str, str]] = {
    "openai": {"succeeded": "video.completed", "failed": "video.failed", "cancelled": "video.failed"}
}


def new_id() -> str:
    return f"evt_{uuid.uuid4().hex}"


async def promise(
    db: Database, connection: AsyncConnection, *, task_id: str, key_id: str, url: str, base_url: str
) -> None:
    """Keep, with a new task, where its end is to be told."""
    row = {
        "id": new_id(),
        "channel": Channel.TASK.value,
        "state": State.WAITING.value,
        "task_id": task_id,
        "key_id": key_id,
        "url": url,
        "base_url": base_url,
        "tries": 0,
        "attempts": 0,
    }
    await connection.execute(insert(webhook_deliveries).values(**row, created_at=db.clock.now()))


async def task_ended(db: Database, connection: AsyncConnection, task_id: str, *, dialect: str, state: str) -> None:
    """Have told what was promised, if anything was."""
    this = (webhook_deliveries.c.task_id == task_id, webhook_deliveries.c.state == State.WAITING.value)
    changed = await connection.execute(update(webhook_deliveries).where(*this).values(due(db, event(dialect, state))))
    if changed.rowcount:
        db.hint(connection, TOPIC)


async def tasks_deleted(connection: AsyncConnection, task_ids: Collection[str]) -> None:
    """Tell nothing of tasks that their owner wants forgotten."""
    if task_ids:
        await connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.task_id.in_(task_ids)))


async def post(
    db: Database, connection: AsyncConnection, channel: Channel, url: str, *, event: str, data: Mapping[str, Any]
) -> str:
    """Have an operator told. Returns the message's id."""
    row = {
        "id": new_id(),
        "channel": channel.value,
        "state": State.PENDING.value,
        "url": url,
        "data": dict(data),
        "attempts": 0,
        "created_at": db.clock.now(),
        **due(db, event),
    }
    await connection.execute(insert(webhook_deliveries).values(row))
    db.hint(connection, TOPIC)
    return str(row["id"])


def event(dialect: str, state: str) -> str:
    """What the end of a task made in *dialect* is called."""
    return ENDS_IN.get(dialect, ENDS)[state]


def due(db: Database, event: str) -> dict[str, Any | ColumnElement[Any]]:
    """The values of a delivery that begins now."""
    return {
        "state": State.PENDING.value,
        "event": event,
        "occurred_at": db.clock.now(),
        "due_at": db.clock.now(),
        "give_up_at": db.clock.now(GIVE_UP_AFTER_S),
        "tries": 0,
    }
