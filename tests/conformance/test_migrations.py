"""Tables and migrations say the same, on both databases."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from gateway.db import migrate
from gateway.db.connect import Database
from gateway.db.tables import metadata
from gateway.errors import StartRefused


async def test_the_migrations_make_exactly_the_tables(db: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, metadata))

    async with db.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_revisions_are_named_in_order(db: Database) -> None:
    def scripts(connection: Connection) -> list[str]:
        return [
            script.revision
            for script in ScriptDirectory.from_config(migrate.alembic_config(connection)).walk_revisions()
        ]

    async with db.read() as connection:
        assert tuple(reversed(await connection.run_sync(scripts))) == migrate.REVISIONS
    assert await migrate.current(db) == migrate.HEAD


async def test_many_may_start_at_once_on_an_empty_database(empty_url: str) -> None:
    async def start() -> str | None:
        async with Database.open(empty_url) as db:
            return await migrate.current(db)

    assert await asyncio.gather(*(start() for _ in range(4))) == [migrate.HEAD] * 4


async def test_the_way_down_and_up_again(empty_url: str) -> None:
    from alembic import command

    async with Database.open(empty_url) as db:
        async with db.write() as connection:
            await connection.run_sync(lambda c: command.downgrade(migrate.alembic_config(c), "base"))
        assert await migrate.current(db) is None
        await migrate.upgrade(db)
        assert await migrate.current(db) == migrate.HEAD


async def test_a_database_of_a_newer_program_is_refused(database_url: str) -> None:
    async with Database.open(database_url) as db, db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartRefused, match=r"newer gateway.*9999"):
        async with Database.open(database_url):
            pass
