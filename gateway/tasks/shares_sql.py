"""What each API key has had of the slots (`fairness`), kept in ``queue_shares`` so that restarts and nodes agree."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, func, null, select, union_all
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.tables import api_keys, queue_shares, tasks
from gateway.tasks.fairness import Allotment, Share
from gateway.tasks.rows import IS_RUNNING

CLOCK = ""
#: Rows of classes beside those of keys: how many places went past each.
_CLASS = {1: ":high", 0: ":normal", -1: ":low"}
_OF_CLASS = {row: rank for rank, row in _CLASS.items()}


_FINISHES = select(
    queue_shares.c.key_id, queue_shares.c.finish, null().label("weight"), null().label("max_running")
).where(queue_shares.c.kind == bindparam("kind"), queue_shares.c.key_id.in_(bindparam("shared", expanding=True)))
_LIMITS = select(api_keys.c.id, null(), api_keys.c.weight, api_keys.c.max_running).where(
    api_keys.c.id.in_(bindparam("named", expanding=True))
)
_SHARES = union_all(_FINISHES, _LIMITS)
_AT_WORK = select(tasks.c.key_id, func.count().label("n")).where(IS_RUNNING).group_by(tasks.c.key_id)


@dataclass(slots=True)
class Shares:
    """The share of each key, the virtual time, and how many places went past each class."""

    of: dict[str, Share]
    clock: float = 0.0
    passed: dict[int, int] = field(default_factory=dict)


async def read_shares(connection: AsyncConnection, kind: str, keys: Collection[str]) -> Shares:
    """What *keys* have had."""
    named = sorted(keys)
    rows = await connection.execute(_SHARES, {"kind": kind, "shared": [CLOCK, *_OF_CLASS, *named], "named": named})
    shares = {key: Share() for key in named}
    found = Shares(shares)
    for row in rows:
        if row.key_id == CLOCK:
            found.clock = row.finish
        elif row.key_id in _OF_CLASS:
            found.passed[_OF_CLASS[row.key_id]] = int(row.finish)
        elif row.finish is not None:
            shares[row.key_id].finish = row.finish
        else:
            shares[row.key_id].weight, shares[row.key_id].max_running = row.weight, row.max_running
    if any(share.max_running is not None for share in shares.values()):
        for row in await connection.execute(_AT_WORK):
            if row.key_id in shares:
                shares[row.key_id].running = row.n
    return found


async def write_shares(
    db: Database, connection: AsyncConnection, kind: str, served: Mapping[str, Share], after: Allotment
) -> None:
    """Keep the finish times of the keys that were served, the virtual time, and what went past each class."""
    rows = [{"kind": kind, "key_id": key, "finish": share.finish} for key, share in sorted(served.items())]
    rows.append({"kind": kind, "key_id": CLOCK, "finish": after.clock})
    rows += [{"kind": kind, "key_id": _CLASS[rank], "finish": count} for rank, count in sorted(after.passed.items())]
    await connection.execute(_KEEP[db.dialect], rows)


def _keep(insert: Any) -> Any:
    statement = insert(queue_shares)
    return statement.on_conflict_do_update(
        index_elements=["kind", "key_id"], set_={"finish": statement.excluded.finish}
    )


_KEEP = {"postgresql": _keep(postgresql_insert), "sqlite": _keep(sqlite_insert)}
