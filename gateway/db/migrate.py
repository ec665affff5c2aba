"""Bringing the tables up to date at start, under a lock, so that any number of processes may start at once.

`REVISIONS` names the migrations in order: a start on an up-to-date database (nearly every one) then needs no alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, inspect, select, text

from gateway.db.tables import meta
from gateway.errors import StartRefused

if TYPE_CHECKING:
    from gateway.db.connect import Database

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
HEAD = REVISIONS[-1]
#: Programs that know this revision still work on the newest tables. Raised by the migration that takes something away, at
#: least one release after the last program that needs it.
OLDEST = "0001"
OLDEST_KEY = "schema_oldest"
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('gateway migrations'))"


async def current(db: Database) -> str | None:
    """Return the revision the database is at, None when it is empty."""
    async with db.read() as connection:
        return await connection.run_sync(_revision)


async def serves(db: Database) -> str:
    """Return the revision if this program works on it: its own, or a newer one that only added to it. Raises StartRefused."""
    async with db.read() as connection:
        revision, oldest = await connection.run_sync(_standing)
    if revision != HEAD and not _is_newer(revision, oldest):
        raise StartRefused(f"The database is at schema {revision}, this gateway needs {HEAD}: restart it.")
    return str(revision)


async def upgrade(db: Database) -> None:
    """Make or bring up to date every table. One that a newer program brought further is used as it is, unless that program
    took away what this one needs: then StartRefused is raised."""
    async with db.read() as connection:
        if _is_done(*await connection.run_sync(_standing), db):
            return
    async with db.write() as connection:
        if db.dialect == "postgresql":
            await connection.execute(text(_LOCK))
        await connection.run_sync(_upgrade, db)


def _is_done(revision: str | None, oldest: str | None, db: Database) -> bool:
    if revision is None or revision in REVISIONS:
        return revision == HEAD
    if not _is_newer(revision, oldest):
        raise StartRefused(
            f"The database {db.shown} was made by a newer gateway (schema {revision}, this one knows {HEAD}): update this one."
        )
    return True


def _is_newer(revision: str | None, oldest: str | None) -> bool:
    """Whether the tables were only added to since this program's own."""
    return revision is not None and revision not in REVISIONS and oldest is not None and oldest <= HEAD


def _standing(connection: Connection) -> tuple[str | None, str | None]:
    """The revision, and the oldest one whose programs still work with it."""
    revision = _revision(connection)
    if revision is None or not inspect(connection).has_table(meta.name):
        return revision, None
    oldest = connection.execute(select(meta.c.value).where(meta.c.key == OLDEST_KEY)).scalar_one_or_none()
    return revision, None if oldest is None else str(oldest)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def _upgrade(connection: Connection, db: Database) -> None:
    if _is_done(*_standing(connection), db):
        return  # another process was first
    from alembic import command  # noqa: PLC0415 - slow to import, and nearly never needed

    command.upgrade(alembic_config(connection), "head")
    connection.execute(delete(meta).where(meta.c.key == OLDEST_KEY))
    connection.execute(insert(meta).values(key=OLDEST_KEY, value=OLDEST))


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration for our migrations, run through *connection*."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    return config
