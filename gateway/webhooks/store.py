"""The deliveries in the gateway's database, the same statements on SQLite and PostgreSQL. Every method is one transaction.

A claim is short: taking a delivery moves its ``due_at`` to the end of the claim, so that one whose sender died is due again
by itself. The number of the attempt fences the sender's word about it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import tasks, webhook_attempts, webhook_deliveries
from gateway.errors import NotFound, VideoNotReady
from gateway.webhooks import outbox_sql
from gateway.webhooks.model import GIVE_UP_AFTER_S, TOPIC, Attempt, Channel, Delivery, Outcome, State, next_try_at

#: A sender has half of this for one try (`sending.TIMEOUT_S`).
CLAIM_S = 40.0
#: Deliveries looked at for one round of claims, so that one busy key does not hide the others.
SEEN = 200
#: Ends of tasks that a node of an older version did not tell of are found by looking.
BATCH = 200

_row = webhook_deliveries.c
# What a later version tells in a way, or of a state, that this one does not know is left to its nodes.
_KNOWN = and_(_row.channel.in_([one.value for one in Channel]), _row.state.in_([one.value for one in State]))
PENDING = and_(_row.state == State.PENDING.value, _row.channel.in_([one.value for one in Channel]))


class Deliveries:
    """Reads and writes deliveries."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # -- looking -------------------------------------------------------------------------------------------------
    async def of_task(self, task_id: str) -> Sequence[Delivery]:
        """Return a task's deliveries with their attempts, oldest first."""
        return await self._with_history(_row.task_id == task_id, oldest_first=True)

    async def recent(
        self, *, limit: int = 50, before: Delivery | None = None, operator: bool | None = None
    ) -> Sequence[Delivery]:
        """Return deliveries that are under way or over, newest first, with their attempts; those after *before*.

        operator: only the operator's own (True) or only callers' (False).
        """
        where: list[ColumnElement[bool]] = [_row.occurred_at.is_not(None)]
        if operator is not None:
            # By the task, which has an index: the operator's few must not be looked for among a million of callers'.
            where.append(_row.task_id.is_(None) if operator else _row.task_id.is_not(None))
        if before is not None:
            where.append(tuple_(_row.occurred_at, _row.id) < tuple_(before.occurred_at, before.id))
        return await self._with_history(*where, limit=limit)

    async def get(self, delivery_id: str, *, task_id: str | None = None) -> Delivery:
        """Return one delivery with its attempts. Raises NotFound (also when it is not of that task)."""
        where = [_row.id == delivery_id, *([] if task_id is None else [_row.task_id == task_id])]
        found = await self._with_history(*where)
        if not found:
            raise NotFound(f"There is no delivery {delivery_id!r}.")
        return found[0]

    async def pending(self) -> int:
        """How many are to be sent."""
        async with self._db.read() as connection:
            counted = select(func.count()).select_from(webhook_deliveries).where(PENDING)
            return int((await connection.execute(counted)).scalar_one())

    # -- asking --------------------------------------------------------------------------------------------------
    async def redeliver(self, delivery_id: str, *, task_id: str | None = None) -> Delivery:
        """Send it again, now and for another day of tries. Raises NotFound, VideoNotReady while its task goes on."""
        this = (_row.id == delivery_id, *([] if task_id is None else [_row.task_id == task_id]))
        again = {
            "state": State.PENDING.value,
            "due_at": self._db.clock.now(),
            "give_up_at": self._db.clock.now(GIVE_UP_AFTER_S),
            "tries": 0,
            "ended_at": None,
        }
        async with self._db.write(TOPIC) as connection:
            changed = await connection.execute(
                update(webhook_deliveries).where(*this, _row.state != State.WAITING.value).values(again)
            )
        found = await self.get(delivery_id, task_id=task_id)
        if not changed.rowcount:
            raise VideoNotReady("There is nothing to deliver yet: the task is still being worked on.")
        return found

    async def post(self, channel: Channel, url: str, event: str, data: dict[str, Any]) -> str:
        """Have an operator told. Returns the message's id."""
        async with self._db.write() as connection:
            return await outbox_sql.post(self._db, connection, channel, url, event=event, data=data)

    # -- sending -------------------------------------------------------------------------------------------------
    async def claim(
        self, *, limit: int, per_key: int, busy: Collection[str] = (), only: str | None = None
    ) -> Sequence[Delivery]:
        """Take up to *limit* that are due, at most *per_key* of one key and none of *busy* keys; longest due first."""
        due = [PENDING, _row.due_at <= self._db.clock.now()]
        if only is not None:
            due.append(_row.id == only)
        free = [or_(_row.key_id.is_(None), _row.key_id.not_in(busy))] if busy else []
        seen = select(_row.id, _row.key_id).where(*due, *free).order_by(_row.due_at).limit(SEEN)
        async with self._db.read() as connection:  # mostly there is nothing
            chosen = _spread((await connection.execute(seen)).all(), limit=limit, per_key=per_key)
        if not chosen:
            return []
        async with self._db.write() as connection:
            locked = select(_row.id).where(*due, _row.id.in_(chosen)).with_for_update(skip_locked=True)
            ids = list((await connection.execute(locked)).scalars())
            return [await self._take(connection, delivery_id) for delivery_id in ids]

    async def _take(self, connection: AsyncConnection, delivery_id: str) -> Delivery:
        taken = {"due_at": self._db.clock.now(CLAIM_S), "tries": _row.tries + 1, "attempts": _row.attempts + 1}
        changed = update(webhook_deliveries).where(_row.id == delivery_id).values(taken)
        row = (await connection.execute(changed.returning(webhook_deliveries))).one()
        begun = {"delivery_id": row.id, "number": row.attempts, "at": self._db.clock.now()}
        await connection.execute(insert(webhook_attempts).values(begun))
        return _delivery_of(row)

    async def next_due_in_s(self) -> float | None:
        """Seconds until the earliest is due (0 or less: now), None when there is none."""
        async with self._db.read() as connection:
            earliest = (await connection.execute(select(func.min(_row.due_at)).where(PENDING))).scalar_one_or_none()
            if earliest is None:
                return None
            return float((earliest - await self._db.now(connection)).total_seconds())

    async def record(self, sent: Delivery, outcome: Outcome) -> State:
        """Write down how the attempt that `claim` gave out ended; returns what becomes of the delivery."""
        async with self._db.write(TOPIC) as connection:
            now = await self._db.now(connection)
            number = sent.attempts
            tried = and_(webhook_attempts.c.delivery_id == sent.id, webhook_attempts.c.number == number)
            told = {
                "status": outcome.status,
                "error": outcome.error or None,
                "answer": outcome.answer or None,
                "duration_s": outcome.duration_s,
            }
            await connection.execute(update(webhook_attempts).where(tried).values(told))
            state, values = _after(sent, outcome, now)
            this: list[ColumnElement[bool]] = [_row.id == sent.id, _row.attempts == number, PENDING]
            if state is not State.DELIVERED:  # somebody may have asked for it again meanwhile: then it stays due
                this.append(_row.tries == sent.tries)
            await connection.execute(update(webhook_deliveries).where(*this).values(values))
            return state

    async def drop(self, delivery_id: str) -> None:
        """Forget a delivery: what it would tell of is gone."""
        async with self._db.write() as connection:
            await connection.execute(delete(webhook_deliveries).where(_row.id == delivery_id))

    # -- keeping house -------------------------------------------------------------------------------------------
    async def catch_up(self) -> int:
        """Send what a node of a version without webhooks left waiting at a task's end; returns how many."""
        over = (
            select(_row.id, tasks.c.dialect, tasks.c.state)
            .join(tasks, tasks.c.id == _row.task_id)
            .where(_row.state == State.WAITING.value, tasks.c.state.in_(outbox_sql.ENDS))
            .limit(BATCH)
        )
        async with self._db.read() as connection:
            found = (await connection.execute(over)).all()
        if not found:
            return 0
        async with self._db.write(TOPIC) as connection:
            for row in found:
                begun = outbox_sql.due(self._db, outbox_sql.event(row.dialect, row.state))
                this = (_row.id == row.id, _row.state == State.WAITING.value)
                await connection.execute(update(webhook_deliveries).where(*this).values(begun))
        return len(found)

    async def prune(self, *, older_than_s: float) -> None:
        """Forget the operator's messages of long ago. Those of tasks go with their tasks."""
        old = (_row.task_id.is_(None), _row.created_at < self._db.clock.now(-older_than_s))
        async with self._db.read() as connection:
            if (await connection.execute(select(_row.id).where(*old).limit(1))).first() is None:
                return
        async with self._db.write() as connection:
            await connection.execute(delete(webhook_deliveries).where(*old))

    # -- inside --------------------------------------------------------------------------------------------------
    async def _with_history(
        self, *where: ColumnElement[bool], limit: int = 100, oldest_first: bool = False
    ) -> list[Delivery]:
        order = (_row.created_at, _row.id) if oldest_first else (_row.occurred_at.desc(), _row.id.desc())
        async with self._db.read() as connection:
            rows = (
                await connection.execute(select(webhook_deliveries).where(_KNOWN, *where).order_by(*order).limit(limit))
            ).all()
            tried = (
                select(webhook_attempts)
                .where(webhook_attempts.c.delivery_id.in_([row.id for row in rows]))
                .order_by(webhook_attempts.c.number)
            )
            attempts: dict[str, list[Attempt]] = {row.id: [] for row in rows}
            for found in await connection.execute(tried) if rows else ():
                attempts[found.delivery_id].append(_attempt_of(found))
        return [_delivery_of(row, attempts[row.id]) for row in rows]


def _after(sent: Delivery, outcome: Outcome, now: datetime) -> tuple[State, dict[str, Any]]:
    """What becomes of a delivery after a try."""
    if outcome.delivered:
        state = State.DELIVERED
    elif outcome.gone:
        state = State.GONE
    else:
        give_up_at = sent.give_up_at or now
        due_at = next_try_at(now, sent.tries, give_up_at=give_up_at, retry_after_s=outcome.retry_after_s)
        if due_at is not None:
            return State.PENDING, {"due_at": due_at}
        state = State.FAILED
    return state, {"state": state.value, "ended_at": now, "due_at": None}


def _spread(rows: Sequence[Row[Any, Any]], *, limit: int, per_key: int) -> list[str]:
    """The first *limit* ids, at most *per_key* of one key."""
    chosen: list[str] = []
    of_key: dict[str | None, int] = {}
    for row in rows:
        if of_key.get(row.key_id, 0) < per_key and len(chosen) < limit:
            of_key[row.key_id] = of_key.get(row.key_id, 0) + 1
            chosen.append(row.id)
    return chosen


def _delivery_of(row: Row[Any], history: Sequence[Attempt] = ()) -> Delivery:
    said = {name: getattr(row, name) for name in Delivery.__slots__ if name != "history"}
    said |= {"channel": Channel(row.channel), "state": State(row.state), "data": row.data or {}}
    return Delivery(**said, history=tuple(history))


def _attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(**{name: getattr(row, name) for name in Attempt.__slots__})
