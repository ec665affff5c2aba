"""What clients change: new tasks, cancellation, deletion."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import api_keys, tasks
from gateway.errors import QueueFull
from gateway.tasks.idempotency_sql import made_before
from gateway.tasks.listing_sql import matching, not_found
from gateway.tasks.model import NewTask, Task
from gateway.tasks.moves import CANCEL, QUEUE, RETURNED, append, move, topic
from gateway.tasks.rows import COLUMNS, IS_FINAL, IS_QUEUED, IS_RUNNING, IS_SHOWN, spec_to_json, task_of
from gateway.tasks.states import Event, State
from gateway.tasks.store import Filter
from gateway.tasks.versions import needs_of
from gateway.webhooks import outbox_sql

BATCH = 500
#: What a video takes, roughly: the base of Retry-After when the queue is full.
USUAL_S = 45.0
#: More creates than this are never under way at once, over all nodes (each has some twenty connections).
NEAR = 500
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('gateway intake'))")


class Intake:
    """The front's writes. See `store.TaskStore` for the contract."""

    _db: Database

    async def insert(self, new: NewTask, *, max_queued: int | None = None) -> tuple[Task, bool]:
        async with self._db.write() as connection:
            if known := await made_before(self._db, connection, new.key_id, new.idempotency_key, new.request_hash):
                return known, False
            try:
                await self._check_room(connection, new, max_queued)
            except QueueFull:  # perhaps by this very request, sent twice at once
                if known := await made_before(self._db, connection, new.key_id, new.idempotency_key, new.request_hash):
                    return known, False
                raise
            row = await self._insert(connection, new)
            if row is None:  # another node was faster with the same Idempotency-Key
                known = await made_before(self._db, connection, new.key_id, new.idempotency_key, new.request_hash)
                assert known is not None
                return known, False
            if new.callback is not None:
                await outbox_sql.promise(
                    self._db, connection, task_id=new.id, key_id=new.key_id,
                    url=new.callback.url, base_url=new.callback.base_url,
                )  # fmt: skip
            await append(self._db, connection, row, "accepted", {})
            self._db.hint(connection, QUEUE)
            return task_of(row), True

    async def made_before(self, key_id: str, idempotency_key: str, request_hash: str) -> Task | None:
        async with self._db.read() as connection:
            return await made_before(self._db, connection, key_id, idempotency_key, request_hash, looking=True)

    async def cancel(self, task_id: str, *, key_id: str | None = None) -> Task:
        mine = [tasks.c.id == task_id, IS_SHOWN, *([] if key_id is None else [tasks.c.key_id == key_id])]
        now = self._db.clock.now()
        async with self._db.write() as connection:
            row = (await connection.execute(select(*COLUMNS).where(*mine).with_for_update())).one_or_none()
            if row is None:
                raise not_found(task_id)
            if row.state == State.QUEUED:
                prune: dict[str, Any] = {"prune_at": now} if row.claims else {}
                moved = await move(
                    self._db, connection, State.QUEUED, Event.CANCEL, *mine, note="cancelled",
                    cancel_requested_at=now, **prune,
                )  # fmt: skip
                row = moved or row
            elif row.state == State.RUNNING and row.cancel_requested_at is None:
                row = await self._ask_to_stop(connection, *mine) or row
            return task_of(row)

    async def delete(self, where: Filter, *, ids: Collection[str] | None = None) -> Sequence[Task]:
        """Done in batches, each a transaction of its own. A deleted task is hidden at once; its row goes when `expired`
        and `drop_media` have seen to its files, so that a crash in between leaves none behind."""
        gone: list[Task] = []
        chosen = None if ids is None else list(ids)
        while True:
            batch = chosen if chosen is None else chosen[:BATCH]
            if batch is not None and not batch:
                return gone
            async with self._db.write() as connection:
                removed = await self._delete_some(connection, where, batch)
            gone += removed
            if chosen is not None:
                chosen = chosen[BATCH:]
            elif len(removed) < BATCH:
                return gone

    # -- inside --------------------------------------------------------------------------------------------------
    async def _check_room(self, connection: AsyncConnection, new: NewTask, max_queued: int | None) -> None:
        # The key's row is locked, so that a burst over several nodes cannot pass its limit.
        own_limit = (
            await connection.execute(select(api_keys.c.max_queued).where(api_keys.c.id == new.key_id).with_for_update())
        ).scalar_one_or_none()
        if own_limit is not None:
            count = select(func.count()).select_from(tasks).where(IS_QUEUED, tasks.c.kind == new.kind)
            waiting = (await connection.execute(count.where(tasks.c.key_id == new.key_id))).scalar_one()
            if waiting >= own_limit:
                raise QueueFull(
                    f"{waiting} tasks of this API key wait already, which is its limit; try again when some are done.",
                    retry_after_s=await self._room_in(connection),
                )
        if max_queued is not None:
            count = select(func.count()).select_from(tasks).where(IS_QUEUED, tasks.c.kind == new.kind)
            waiting = (await connection.execute(count)).scalar_one()
            if self._db.dialect == "postgresql" and waiting < max_queued <= waiting + NEAR:
                # What others are inserting at this moment is not counted yet: near the limit creates take turns.
                await connection.execute(_TURN)
                waiting = (await connection.execute(count)).scalar_one()
            if waiting >= max_queued:
                raise QueueFull(
                    f"{waiting} tasks wait already, which is this gateway's limit; try again when some are done.",
                    retry_after_s=await self._room_in(connection),
                )

    async def _room_in(self, connection: AsyncConnection) -> float:
        """Seconds after which a place should be free, from how many tasks are at work."""
        running = (await connection.execute(select(func.count()).select_from(tasks).where(IS_RUNNING))).scalar_one()
        return min(60.0, max(1.0, USUAL_S / max(1, running)))

    async def _insert(self, connection: AsyncConnection, new: NewTask) -> Row[Any] | None:
        now = self._db.clock.now()
        row = {
            "id": new.id,
            "key_id": new.key_id,
            "dialect": new.dialect,
            "model": new.model,
            "kind": new.kind,
            "state": State.QUEUED.value,
            "priority": new.priority,
            "requires": " ".join(sorted(new.requires | needs_of(new.spec))),
            "prompt": new.spec.prompt,
            "spec": spec_to_json(new.spec),
            "run_at": now,
            "attempt": 0,
            "max_attempts": new.max_attempts,
            "claims": 0,
            "token": 0,
            "bound": new.account_id is not None,
            "account_id": new.account_id,
            "profile": new.profile if new.account_id is not None else None,
            "progress": 0,
            "last_seq": 1,
            "deadline_at": self._by_our_clock(new.deadline_at),
            "created_at": now,
            "idempotency_key": new.idempotency_key,
            "request_hash": new.request_hash,
            "dialect_data": dict(new.dialect_data),
            "trace_parent": new.trace_parent,
            "retry_of": new.retry_of,
        }
        insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
        statement = insert(tasks).values(row).on_conflict_do_nothing(index_elements=["key_id", "idempotency_key"])
        return (await connection.execute(statement.returning(*RETURNED))).one_or_none()

    def _by_our_clock(self, moment: datetime | None) -> ColumnElement[datetime] | None:
        """*moment*, which this machine's clock means, by the database's."""
        return None if moment is None else self._db.clock.now((moment - datetime.now(UTC)).total_seconds())

    async def _ask_to_stop(self, connection: AsyncConnection, *where: Any, **also: Any) -> Row[Any] | None:
        asked = func.coalesce(tasks.c.cancel_requested_at, self._db.clock.now())
        row = (
            await connection.execute(
                update(tasks).where(IS_RUNNING, *where).values(cancel_requested_at=asked, **also).returning(*COLUMNS)
            )
        ).one_or_none()
        if row is not None:
            self._db.hint(connection, CANCEL)
            self._db.hint(connection, topic(row.id))
        return row

    async def _delete_some(self, connection: AsyncConnection, where: Filter, ids: list[str] | None) -> list[Task]:
        now = self._db.clock.now()
        wanted = select(tasks.c.id, tasks.c.state).where(*matching(where))
        if ids is not None:
            wanted = wanted.where(tasks.c.id.in_(ids))
        found = (await connection.execute(wanted.order_by(tasks.c.id).limit(BATCH).with_for_update())).all()
        hidden: dict[str, Any] = {"deleted_at": now}
        gone: list[Task] = []
        for row in found:
            one = tasks.c.id == row.id
            if row.state == State.QUEUED:
                moved = await move(
                    self._db, connection, State.QUEUED, Event.CANCEL, one, note="cancelled",
                    cancel_requested_at=now, prune_at=now, **hidden,
                )  # fmt: skip
                gone += [task_of(moved)] if moved is not None else []
            elif row.state == State.RUNNING:
                asked = await self._ask_to_stop(connection, one, **hidden)
                gone += [task_of(asked)] if asked is not None else []
        finished = [row.id for row in found if row.state not in (State.QUEUED, State.RUNNING)]
        if finished:
            hide = update(tasks).where(tasks.c.id.in_(finished), IS_FINAL).values(prune_at=now, **hidden)
            gone += [task_of(row) for row in await connection.execute(hide.returning(*COLUMNS))]
        await outbox_sql.tasks_deleted(connection, [task.id for task in gone])
        for task in gone:
            self._db.hint(connection, topic(task.id))
        return gone
