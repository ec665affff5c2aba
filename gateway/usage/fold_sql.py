"""Sums the log up, by the hour and by the day, and forgets what is old. Any node may do it at any time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import usage, usage_log
from gateway.usage.totals import Totals

BATCH = 2000
HOURS_KEPT = timedelta(days=8)
DAYS_KEPT = timedelta(days=400)
HOUR: Final = "hour"
DAY: Final = "day"
_TURN = "SELECT pg_try_advisory_xact_lock(hashtext('gateway usage'))"

#: What sums are kept apart by, in the order of the table's key.
APART = ("grain", "at", "kind", "key_id", "profile", "model", "dialect")
Cell = tuple[Any, ...]


async def fold(db: Database) -> int:
    """Sum up one batch of the log; returns how many rows that were. On PostgreSQL one node at a time, the others get 0.

    A row is counted exactly once: it leaves the log in the transaction that adds it to the sums.
    """
    async with db.read() as connection:  # mostly there is nothing
        if (await connection.execute(select(usage_log.c.id).limit(1))).first() is None:
            return 0
    async with db.write() as connection:
        if db.dialect == "postgresql" and not (await connection.execute(text(_TURN))).scalar_one():
            return 0
        rows = (await connection.execute(select(usage_log).order_by(usage_log.c.id).limit(BATCH))).all()
        if not rows:  # another was first
            return 0
        more: dict[Cell, Totals] = {}
        for row in rows:
            for grain, at in ((HOUR, hour_of(row.at)), (DAY, day_of(row.at))):
                cell = (grain, at, row.kind, row.key_id, row.profile, row.model, row.dialect)
                more.setdefault(cell, Totals()).add_logged(row)
        await _add(db, connection, more)
        await connection.execute(delete(usage_log).where(usage_log.c.id.in_([row.id for row in rows])))
    return len(rows)


async def forget(db: Database, now: datetime) -> None:
    """Drop sums nobody looks at any more: hours after a week, days after a year."""
    async with db.write() as connection:
        for grain, kept in ((HOUR, HOURS_KEPT), (DAY, DAYS_KEPT)):
            await connection.execute(delete(usage).where(usage.c.grain == grain, usage.c.at < now - kept))


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """The UTC day."""
    return hour_of(at).replace(hour=0)


async def _add(db: Database, connection: AsyncConnection, more: Mapping[Cell, Totals]) -> None:
    for cells in _some(list(more), 100):
        same = tuple_(*(usage.c[name] for name in APART)).in_(cells)
        for row in await connection.execute(select(usage).where(same)):
            more[tuple(getattr(row, name) for name in APART)].add_sums(row)
    insert = postgresql_insert if db.dialect == "postgresql" else sqlite_insert
    statement = insert(usage)
    sums = {name: statement.excluded[name] for name in Totals().to_row()}
    rows = [dict(zip(APART, cell, strict=True)) | totals.to_row() for cell, totals in more.items()]
    await connection.execute(statement.on_conflict_do_update(index_elements=list(APART), set_=sums), rows)


def _some(cells: list[Cell], size: int) -> list[list[Cell]]:
    return [cells[at : at + size] for at in range(0, len(cells), size)]
