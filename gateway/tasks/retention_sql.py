"""What goes away with time, and the memory of pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.db.connect import Database
from gateway.db.tables import picture_fingerprints, tasks
from gateway.tasks import idempotency_sql
from gateway.tasks.model import Task
from gateway.tasks.rows import IS_FINAL, TASKS, task_of


class Retention:
    """See `store.TaskStore` for the contract."""

    _db: Database

    async def expired(self, *, limit: int = 500) -> Sequence[Task]:
        """Oldest first; also failed, cancelled and deleted tasks, whose files have no time to live."""
        wanted = TASKS.where(IS_FINAL, tasks.c.prune_at < self._db.clock.now()).order_by(tasks.c.prune_at).limit(limit)
        async with self._db.read() as connection:
            return [task_of(row) for row in await connection.execute(wanted)]

    async def drop_media(self, task_id: str) -> None:
        this = (tasks.c.id == task_id, IS_FINAL)
        async with self._db.write() as connection:
            hidden = (*this, tasks.c.deleted_at.is_not(None))
            await idempotency_sql.remember(self._db, connection, *hidden)
            deleted = await connection.execute(delete(tasks).where(*hidden))
            if deleted.rowcount:
                return
            found = select(tasks.c.result).where(*this).with_for_update()
            result = (await connection.execute(found)).scalar_one_or_none()
            if result is not None:
                result = {**result, "asset_id": None, "thumbnail_id": None}
            await connection.execute(update(tasks).where(*this).values(result=result, prune_at=None))

    async def forget(self, *, older_than_s: float, limit: int = 500) -> int:
        before = self._db.clock.now(-older_than_s)
        old = (
            select(tasks.c.id)
            .where(IS_FINAL, tasks.c.finished_at < before, tasks.c.prune_at.is_(None))
            .order_by(tasks.c.finished_at)
            .limit(limit)
        )
        async with self._db.read() as connection:
            ids = list((await connection.execute(old)).scalars())
        if not ids:
            return 0
        async with self._db.write() as connection:
            await idempotency_sql.remember(self._db, connection, tasks.c.id.in_(ids))
            gone = await connection.execute(delete(tasks).where(tasks.c.id.in_(ids), IS_FINAL))
            await connection.execute(delete(picture_fingerprints).where(picture_fingerprints.c.created_at < before))
            return gone.rowcount

    async def seen_fingerprint(self, fingerprint: str, *, prompt: str, task_id: str) -> str | None:
        """A picture that is another prompt's is not remembered for this one, else the rightful one would be suspect next."""
        words = hashlib.sha256(" ".join(prompt.casefold().split()).encode()).hexdigest()
        seen = picture_fingerprints.c
        others = (
            select(seen.task_id)
            .where(seen.fingerprint == fingerprint, seen.prompt_hash != words, seen.task_id != task_id)
            .order_by(seen.created_at)
            .limit(1)
        )
        row = {"fingerprint": fingerprint, "task_id": task_id, "prompt_hash": words}
        insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
        async with self._db.write() as connection:
            if other := (await connection.execute(others)).scalar_one_or_none():
                return str(other)
            await connection.execute(
                insert(picture_fingerprints).values(**row, created_at=self._db.clock.now()).on_conflict_do_nothing()
            )
        return None
