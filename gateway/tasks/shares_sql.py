"""What each API key has had of the slots (`fairness`), kept in ``queue_shares`` so that restarts and nodes agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, func, null, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import api_keys, queue_shares, tasks
from gateway.tasks.fairness import Share
from gateway.tasks.rows import IS_RUNNING

CLOCK = ""


_FINISHES = select(
    queue_shares.c.key_id, queue_shares.c.finish, null().label("weight"), null().label("max_running")
).where(queue_shares.c.kind == bindparam("kind"), queue_shares.c.key_id.in_(bindparam("shared", expanding=True)))
_LIMITS = select(api_keys.c.id, null(), api_keys.c.weight, api_keys.c.max_running).where(
    api_keys.c.id.in_(bindparam("named", expanding=True))
)
_SHARES = union_all(_FINISHES, _LIMITS)
_AT_WORK = select(tasks.c.key_id, func.count().label("n")).where(IS_RUNNING).group_by(tasks.c.key_id)


async def read_shares(connection: AsyncConnection, kind: str, keys: Collection[str]) -> tuple[dict[str, Share], float]:
    """Return the share of each of *keys*, and the virtual time."""
    named = sorted(keys)
    rows = await connection.execute(_SHARES, {"kind": kind, "shared": [CLOCK, *named], "named": named})
    shares = {key: Share() for key in named}
    clock = 0.0
    for row in rows:
        if row.key_id == CLOCK:
            clock = row.finish
        elif row.finish is not None:
            shares[row.key_id].finish = row.finish
        else:
            shares[row.key_id].weight, shares[row.key_id].max_running = row.weight, row.max_running
    if any(share.max_running is not None for share in shares.values()):
        for row in await connection.execute(_AT_WORK):
            if row.key_id in shares:
                shares[row.key_id].running = row.n
    return shares, clock


async def write_shares(
    db: Database, connection: AsyncConnection, kind: str, served: Mapping[str, Share], *, clock: float
) -> None:
    """Keep the finish times of the keys that were served, and the virtual time."""
    rows = [{"kind": kind, "key_id": key, "finish": share.finish} for key, share in sorted(served.items())]
    rows.append({"kind": kind, "key_id": CLOCK, "finish": clock})
    await connection.execute(_KEEP[db.dialect], rows)


def _keep(insert: Any) -> Any:
    statement = insert(queue_shares)
    return statement.on_conflict_do_update(
        index_elements=["kind", "key_id"], set_={"finish": statement.excluded.finish}
    )


_KEEP = {"postgresql": _keep(postgresql_insert), "sqlite": _keep(sqlite_insert)}
