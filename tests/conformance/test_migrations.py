"""Tables and migrations say the same, on both databases."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text, update

from gateway.db import migrate
from gateway.db.connect import Database
from gateway.db.tables import meta, metadata
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


async def _brought_further(url: str, *, oldest: str) -> None:
    """What a newer program leaves behind. oldest: the oldest revision whose programs it still works with."""
    async with Database.open(url) as db, db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(update(meta).where(meta.c.key == "schema_oldest").values(value=oldest))


async def test_a_database_of_a_newer_program_is_refused_when_something_was_taken_away(database_url: str) -> None:
    await _brought_further(database_url, oldest="9000")
    with pytest.raises(StartRefused, match=r"newer gateway.*9999"):
        async with Database.open(database_url):
            pass


async def test_a_database_that_a_newer_program_only_added_to_is_used_as_it_is(database_url: str) -> None:
    """While nodes are replaced one by one, those of the version before go on, and may be started again."""
    await _brought_further(database_url, oldest=migrate.HEAD)
    async with Database.open(database_url) as db:
        assert await migrate.serves(db) == "9999"
        assert await migrate.current(db) == "9999"


def test_migrations_only_add() -> None:
    """Nodes of the version before work on the tables meanwhile: nothing they use may go, and nothing new may be demanded of
    them. Whoever takes something away raises `migrate.OLDEST` and names it here."""
    folder = Path(migrate.__file__).with_name("migrations") / "versions"
    taking = {"drop_table", "drop_column", "alter_column", "rename_table", "drop_constraint", "drop_index", "execute"}
    for file in sorted(folder.glob("[0-9]*.py"))[1:]:
        [up] = [
            node
            for node in ast.parse(file.read_text("utf-8")).body
            if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
        ]
        made_here: set[str] = set()
        for call in (node for node in ast.walk(up) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            assert name not in taking, f"{file.name}: op.{name} takes something away from the version before"
            if name == "create_table":
                made_here.add(ast.unparse(call.args[0]))
        for call in (node for node in ast.walk(up) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "add_column":
                said = ast.unparse(call)
                assert "nullable=True" in said or "server_default" in said or ast.unparse(call.args[0]) in made_here, (
                    f"{file.name}: a new column must be nullable or have a default: {said}"
                )
