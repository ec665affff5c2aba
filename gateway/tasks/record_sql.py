"""What a worker writes down while it works: stage, progress, steps. Every write is fenced by the token."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import task_site_ids, task_steps, tasks
from gateway.tasks.model import Step
from gateway.tasks.moves import change, held, still_held
from gateway.tasks.rows import IS_RUNNING, STEPS, step_of
from gateway.tasks.states import Stage


class Recording:
    """See `store.TaskStore` for the contract."""

    _db: Database

    async def set_stage(self, task_id: str, token: int, stage: Stage, progress: int | None = None) -> None:
        data: dict[str, Any] = {"stage": stage.value}
        values: dict[str, Any] = {"stage": stage.value}
        if progress is not None:
            data["progress"] = progress
            values["progress"] = _no_less(progress)
        async with self._db.write() as connection:
            row = await change(
                self._db, connection, *held(task_id, token), IS_RUNNING, note="stage", data=data, **values
            )
            still_held(row, task_id)

    async def set_progress(self, task_id: str, token: int, progress: int) -> None:
        """Progress that goes back, or stands still, is no event."""
        more = tasks.c.progress < progress
        async with self._db.write() as connection:
            row = await change(
                self._db, connection, *held(task_id, token), IS_RUNNING, more,
                note="progress", data={"progress": progress}, progress=progress,
            )  # fmt: skip
            if row is None:
                await self._hold(connection, task_id, token)

    async def bind(self, task_id: str, token: int, *, account_id: str | None, profile: str) -> None:
        tied = update(tasks).where(*held(task_id, token), IS_RUNNING)
        async with self._db.write() as connection:
            row = await connection.execute(
                tied.values(bound=True, account_id=account_id, profile=profile).returning(tasks.c.id)
            )
            still_held(row.one_or_none(), task_id)

    async def begin_step(self, task_id: str, token: int, name: str, intent: Mapping[str, Any]) -> Step:
        return await self._write_step(task_id, token, name, intent=dict(intent))

    async def note_step(self, task_id: str, token: int, name: str, external: Mapping[str, Any]) -> Step:
        return await self._write_step(task_id, token, name, external=dict(external))

    async def finish_step(self, task_id: str, token: int, name: str, output: Mapping[str, Any]) -> Step:
        return await self._write_step(
            task_id, token, name, output=dict(output), done=True, finished_at=self._db.clock.now()
        )

    async def forget_step(self, task_id: str, token: int, name: str) -> None:
        async with self._db.write() as connection:
            await self._hold(connection, task_id, token)
            of_task = task_steps.c.task_id == task_id
            await connection.execute(delete(task_steps).where(of_task, task_steps.c.name == name))
            if (await connection.execute(select(task_steps.c.name).where(of_task).limit(1))).first() is None:
                free = update(tasks).where(tasks.c.id == task_id).values(bound=False, account_id=None)
                await connection.execute(free)  # it has left no trace at the site, so any account may do it

    async def held_elsewhere(self, task_id: str, ids: Collection[str]) -> frozenset[str]:
        held_ids = select(task_site_ids.c.site_id).where(
            task_site_ids.c.site_id.in_(ids), task_site_ids.c.task_id != task_id
        )
        async with self._db.read() as connection:
            return frozenset((await connection.execute(held_ids)).scalars())

    # -- inside --------------------------------------------------------------------------------------------------
    async def _hold(self, connection: AsyncConnection, task_id: str, token: int) -> None:
        """Make sure that the claim stands until this transaction ends. Raises LeaseLost."""
        mine = select(tasks.c.id).where(*held(task_id, token), IS_RUNNING).with_for_update()
        still_held((await connection.execute(mine)).one_or_none(), task_id)

    async def _write_step(self, task_id: str, token: int, name: str, **values: Any) -> Step:
        """Make or change the step; what the site revealed is merged. A done step stays as it is."""
        this = (task_steps.c.task_id == task_id, task_steps.c.name == name)
        async with self._db.write() as connection:
            await self._hold(connection, task_id, token)
            known = (await connection.execute(STEPS.where(*this))).one_or_none()
            if known is not None and known.done:
                return step_of(known)
            if known is not None and "external" in values:
                values["external"] = {**known.external, **values["external"]}
            insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
            if ids := _site_ids(values) - (set() if known is None else _site_ids({"external": known.external})):
                rows = [{"task_id": task_id, "site_id": found} for found in sorted(ids)]
                await connection.execute(insert(task_site_ids).on_conflict_do_nothing(), rows)
            new = {"done": False, "intent": {}, "external": {}, "output": {}, "started_at": self._db.clock.now()}
            statement = insert(task_steps).values(task_id=task_id, name=name, **{**new, **values, "token": token})
            changed = {**values, "token": token}
            row = await connection.execute(
                statement.on_conflict_do_update(index_elements=["task_id", "name"], set_=changed).returning(
                    *STEPS.selected_columns
                )
            )
            return step_of(row.one())


def _site_ids(values: Mapping[str, Any]) -> set[str]:
    """What the site named: the values of fields called ``…_id`` in what a step holds of it."""
    held_of_site = {**values.get("external", {}), **values.get("output", {})}
    return {value for name, value in held_of_site.items() if name.endswith("_id") and isinstance(value, str) and value}


def _no_less(progress: int) -> Any:
    """*progress*, or what was reached already."""
    return case((tasks.c.progress < progress, progress), else_=tasks.c.progress)
