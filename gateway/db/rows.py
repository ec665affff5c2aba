"""Whole tables, row by row, the same on both databases: what copies and backups are made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Integer, Table, func, insert, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import one_host
from gateway.db.connect import Database
from gateway.db.migrate import OLDEST_KEY
from gateway.db.tables import meta, metadata, nodes

BATCH = 500
#: Lines of ``meta`` that each database keeps for itself.
ITS_OWN = (one_host.KEY, OLDEST_KEY)
Row = Mapping[str, Any]


def tables(*, with_nodes: bool = False) -> Sequence[Table]:
    """Every table that is carried over, in an order in which rows may be inserted. with_nodes: also who was there, for the
    same machines on another database; elsewhere nodes say themselves who is there."""
    return [table for table in metadata.sorted_tables if with_nodes or table is not nodes]


async def count(connection: AsyncConnection, table: Table) -> int:
    """How many rows are carried over."""
    wanted = select(func.count()).select_from(table)
    if table is meta:
        wanted = wanted.where(meta.c.key.not_in(ITS_OWN))
    return int((await connection.execute(wanted)).scalar_one())


async def read(connection: AsyncConnection, table: Table) -> AsyncIterator[Sequence[Row]]:
    """Yield the table's rows in batches, by primary key; *connection* is a snapshot."""
    key = tuple(table.primary_key.columns)
    last: tuple[Any, ...] | None = None
    while True:
        wanted = select(table).order_by(*key).limit(BATCH)
        if table is meta:
            wanted = wanted.where(meta.c.key.not_in(ITS_OWN))
        if last is not None:
            wanted = wanted.where(tuple_(*key) > tuple_(*last) if len(key) > 1 else key[0] > last[0])
        rows = (await connection.execute(wanted)).mappings().all()
        if not rows:
            return
        yield [dict(row) for row in rows]
        last = tuple(rows[-1][column.name] for column in key)


async def write(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert *rows*; columns that they do not have get their defaults."""
    names = {name for row in rows for name in row if name in table.c}
    await connection.execute(insert(table), [{name: row.get(name) for name in names} for row in rows])


async def settle(db: Database, connection: AsyncConnection) -> None:
    """Let counted columns go on behind what was inserted. SQLite does so by itself."""
    if db.dialect != "postgresql":
        return
    for table in tables():
        column = table.autoincrement_column
        if column is not None and isinstance(column.type, Integer) and column.autoincrement is not False:
            await _set_sequence(connection, table, column)


async def _set_sequence(connection: AsyncConnection, table: Table, column: Column[Any]) -> None:
    name = (
        await connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        )
    ).scalar_one_or_none()
    if name is None:
        return
    highest = (await connection.execute(select(func.max(column)))).scalar_one()
    if highest is not None:
        await connection.execute(
            text("SELECT setval(CAST(:name AS regclass), :value)"), {"name": name, "value": highest}
        )
