"""What each API key has had of the slots (`fairness`), kept in ``queue_shares`` so that restarts and nodes agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import api_keys, queue_shares, tasks
from gateway.tasks.fairness import Share
from gateway.tasks.rows import IS_RUNNING

CLOCK = ""


async def read_shares(connection: AsyncConnection, kind: str, keys: Collection[str]) -> tuple[dict[str, Share], float]:
    """Return the share of each of *keys*, and the virtual time."""
    named = sorted(keys)
    finishes = (
        await connection.execute(
            select(queue_shares.c.key_id, queue_shares.c.finish).where(
                queue_shares.c.kind == kind, queue_shares.c.key_id.in_([CLOCK, *named])
            )
        )
    ).all()
    finish = {row.key_id: row.finish for row in finishes}
    shares = {key: Share(finish=finish.get(key, 0.0)) for key in named}
    limits = select(api_keys.c.id, api_keys.c.weight, api_keys.c.max_running).where(api_keys.c.id.in_(named))
    for row in await connection.execute(limits):
        shares[row.id].weight = row.weight
        shares[row.id].max_running = row.max_running
    if any(share.max_running is not None for share in shares.values()):
        running = select(tasks.c.key_id, func.count().label("n")).where(IS_RUNNING).group_by(tasks.c.key_id)
        for row in await connection.execute(running):
            if row.key_id in shares:
                shares[row.key_id].running = row.n
    return shares, finish.get(CLOCK, 0.0)


async def write_shares(
    db: Database, connection: AsyncConnection, kind: str, served: Mapping[str, Share], *, clock: float
) -> None:
    """Keep the finish times of the keys that were served, and the virtual time."""
    rows = [{"kind": kind, "key_id": key, "finish": share.finish} for key, share in sorted(served.items())]
    rows.append({"kind": kind, "key_id": CLOCK, "finish": clock})
    insert = postgresql_insert if db.dialect == "postgresql" else sqlite_insert
    statement = insert(queue_shares)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["kind", "key_id"], set_={"finish": statement.excluded.finish}),
        rows,
    )
