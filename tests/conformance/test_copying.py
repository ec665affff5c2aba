"""Everything is carried from any database to any other, with nothing lost: all tables, all types, sequences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Double, Integer, Table, Text, insert, select

from gateway.db import rows
from gateway.db.columns import Instant
from gateway.db.connect import Database
from gateway.db.copying import NotCopied, copy
from gateway.db.tables import metadata, nodes, profile_events, task_events, tasks
from tests.postgresql import Cluster

MOMENT = datetime(2026, 11, 21, 3, 4, 5, 678901, tzinfo=UTC)


def sample(column: Any, number: int) -> Any:
    """A value of the column that shows whether anything of it was lost."""
    match column.type:
        case Instant():
            return MOMENT + timedelta(microseconds=number)
        case Boolean():
            return bool(number % 2)
        case BigInteger():
            return 2**40 + number
        case Integer():
            return number + 1
        case Double():
            return number + 0.1
        case Text():
            return f"{column.name} {number} é 视频 'quoted\" \\ \n"
    return {"n": number, "x": [1.5, None, True, "é"], "deep": {"a": {}}}


async def fill(db: Database, *, per_table: int = 7) -> None:
    """Rows in every table; every second one has nothing where nothing may stand."""
    async with db.write() as connection:
        for table in metadata.sorted_tables:
            for number in range(per_table):
                row = {c.name: sample(c, number) for c in table.c if number % 2 or not c.nullable or c.primary_key}
                for key in table.foreign_keys:
                    row[key.parent.name] = sample(key.column, number)
                if table is nodes:
                    row["left_at"] = MOMENT  # one at work would be in the way of a copy
                await connection.execute(insert(table).values(row))


async def everything(db: Database) -> dict[str, list[dict[str, Any]]]:
    async with db.snapshot() as connection:
        return {
            table.name: [row async for batch in rows.read(connection, table) for row in batch]
            for table in rows.tables(with_nodes=True)
        }


@pytest.fixture
def another_url(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    def of(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / 'target.db'}"
        cluster: Cluster = request.getfixturevalue("cluster")
        return cluster.new_database()

    return of


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_nothing_is_lost(database_url: str, another_url: Any, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "BATCH", 3)
    told: list[tuple[str, int, int]] = []
    async with Database.open(database_url) as source, Database.open(another_url(kind)) as target:
        await fill(source)
        before = await everything(source)
        assert all(len(found) >= 7 for found in before.values())
        copied = await copy(source, target, progress=lambda *said: told.append(said))
        assert await everything(target) == before == await everything(source)
        assert copied == {name: len(found) for name, found in before.items()}
        assert ("tasks", 7, 7) in told
        async with target.write() as connection:  # counted columns go on behind what was copied
            row = {"profile": "p", "at": MOMENT, "type": "x", "data": {}}
            new = (
                await connection.execute(insert(profile_events).values(row).returning(profile_events.c.id))
            ).scalar_one()
        assert new == max(row["id"] for row in before["profile_events"]) + 1


async def test_a_copy_is_all_or_nothing(database_url: str, another_url: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database.open(database_url) as source, Database.open(another_url("sqlite")) as target:
        await fill(source)

        async def breaks(connection: Any, table: Table, some: Any) -> None:
            if table is task_events:
                raise OSError("pulled the plug")
            await connection.execute(insert(table), list(some))

        with monkeypatch.context() as patched:
            patched.setattr(rows, "write", breaks)
            with pytest.raises(OSError, match="plug"):
                await copy(source, target, progress=lambda *_: None)
        assert not any((await everything(target)).values())
        await copy(source, target, progress=lambda *_: None)
        assert await everything(target) == await everything(source)
        with pytest.raises(NotCopied, match="not empty"):
            await copy(source, target, progress=lambda *_: None)


async def test_a_gateway_at_work_is_not_copied(database_url: str, another_url: Any) -> None:
    async with Database.open(database_url) as source, Database.open(another_url("sqlite")) as target:
        async with source.write() as connection:
            now = source.clock.now()
            row = {"id": "a", "hostname": "box", "role": "all", "version": "1", "started_at": now, "heartbeat_at": now}
            await connection.execute(insert(nodes).values(row))
        with pytest.raises(NotCopied, match=r"node a on box.*stop it first"):
            await copy(source, target, progress=lambda *_: None)
        async with source.write() as connection:
            await connection.execute(nodes.update().values(left_at=source.clock.now()))
        await copy(source, target, progress=lambda *_: None)


async def test_a_snapshot_shows_one_moment(db: Database) -> None:
    await fill(db, per_table=2)
    async with db.snapshot() as looking:
        first = (await looking.execute(select(tasks.c.id))).all()
        async with db.write() as connection:
            await connection.execute(tasks.delete())
        assert (await looking.execute(select(tasks.c.id))).all() == first != []
    async with db.snapshot() as looking:
        assert (await looking.execute(select(tasks.c.id))).all() == []
