"""Carrying everything from one database to another, for a gateway that is stopped: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import rows
from gateway.db.connect import Database
from gateway.db.migrate import HEAD, REVISIONS, current
from gateway.db.tables import nodes
from gateway.errors import InvalidRequest

#: A node that was heard of within this is at work, as far as a copy may risk it.
HEARD_WITHIN_S = 30.0

#: (table, rows so far, rows in all)
Progress = Callable[[str, int, int], None]


class NotCopied(InvalidRequest):
    """What stands in the way; nothing was changed."""

    code = "not_copied"


async def copy(source: Database, target: Database, *, progress: Progress) -> Mapping[str, int]:
    """Copy every table in one transaction and return the rows of each, counted again in the target.

    Raises NotCopied when a gateway works on either, the source is of another version, or the target is not empty.
    """
    await refuse_source(source)
    await refuse_running(target)
    await refuse_filled(target)
    copied: dict[str, int] = {}
    async with source.snapshot() as reading:
        carried = rows.tables(with_nodes=True)
        counts = {table.name: await rows.count(reading, table) for table in carried}
        async with target.write() as writing:
            for table in carried:
                done = 0
                async for batch in rows.read(reading, table):
                    await rows.write(writing, table, batch)
                    done += len(batch)
                    progress(table.name, done, counts[table.name])
                copied[table.name] = await rows.count(writing, table)
            if copied != counts:
                differ = [f"{name} {copied[name]} of {counts[name]}" for name in counts if copied[name] != counts[name]]
                raise NotCopied(f"rows are missing ({', '.join(differ)}); nothing was copied")
            await rows.settle(target, writing)
    return copied


async def refuse_source(db: Database) -> None:
    """Raise NotCopied when *db* has not this program's tables, or a gateway works on it."""
    revision = await current(db)
    if revision is None:
        raise NotCopied(f"{db.shown} has no gateway's tables in it: check --from")
    if revision not in REVISIONS:
        raise NotCopied(
            f"{db.shown} is of a newer gateway (schema {revision}, this one knows {HEAD}): copy it with that one"
        )
    if revision != HEAD:
        raise NotCopied(
            f"{db.shown} is at schema {revision}, this gateway works with {HEAD}: bring it up to date first, with gateway db "
            "upgrade --url"
        )
    await refuse_running(db)


async def refuse_running(db: Database) -> None:
    """Raise NotCopied when a node was heard of lately."""
    async with db.read() as connection:
        wanted = select(nodes.c.id, nodes.c.hostname).where(
            nodes.c.left_at.is_(None), nodes.c.heartbeat_at > db.clock.now(-HEARD_WITHIN_S)
        )
        found = (await connection.execute(wanted)).first()
    if found is not None:
        raise NotCopied(
            f"node {found.id} on {found.hostname} works on {db.shown}: stop it first (after a crash, wait {HEARD_WITHIN_S:.0f} s)"
        )


async def refuse_filled(db: Database) -> None:
    """Raise NotCopied when the database holds anything already."""
    async with db.read() as connection:
        filled = await filled_tables(connection)
    if filled:
        raise NotCopied(f"{db.shown} is not empty ({', '.join(filled)}): give an empty database")


async def filled_tables(connection: AsyncConnection) -> list[str]:
    return [table.name for table in rows.tables() if await rows.count(connection, table)]
