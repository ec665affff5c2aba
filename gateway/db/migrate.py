"""Bringing the tables up to date at start, under a lock, so that any number of processes may start at once.

`REVISIONS` names the migrations in order: a start on an up-to-date database (nearly every one) then needs no alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from gateway.errors import StartRefused

if TYPE_CHECKING:
    from gateway.db.connect import Database

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
HEAD = REVISIONS[-1]
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('gateway migrations'))"


async def current(db: Database) -> str | None:
    """Return the revision the database is at, None when it is empty."""
    async with db.read() as connection:
        return await connection.run_sync(_revision)


async def upgrade(db: Database) -> None:
    """Make or bring up to date every table. Raises StartRefused when a newer program made them."""
    if _known(await current(db), db) == HEAD:
        return
    async with db.write() as connection:
        if db.dialect == "postgresql":
            await connection.execute(text(_LOCK))
        await connection.run_sync(_upgrade, db)


def _known(revision: str | None, db: Database) -> str | None:
    if revision is not None and revision not in REVISIONS:
        raise StartRefused(
            f"The database {db.shown} was made by a newer gateway (schema {revision}, this one knows {HEAD}): update this one."
        )
    return revision


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _upgrade(connection: Connection, db: Database) -> None:
    if _known(_revision(connection), db) == HEAD:
        return  # another process was first
    from alembic import command  # noqa: PLC0415 - slow to import, and nearly never needed

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration for our migrations, run through *connection*."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
