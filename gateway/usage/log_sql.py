"""The log of ended work: rows are only added, so that writers never wait for each other. `fold_sql` sums them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables import usage_log
from gateway.usage.ended import Ended


async def write_log(connection: AsyncConnection, ended: Sequence[Ended]) -> None:
    """Add rows, inside the caller's transaction: what it undoes was never logged."""
    if ended:
        await connection.execute(insert(usage_log), [_row(one) for one in ended])


def _row(one: Ended) -> dict[str, Any]:
    return {
        "at": one.at,
        "kind": one.kind,
        "key_id": one.key_id,
        "profile": one.profile,
        "model": one.model,
        "dialect": one.dialect,
        "outcome": one.outcome.value,
        "code": one.code,
        "took_s": max(0.0, one.took_s),
        "waited_s": max(0.0, one.waited_s),
        "made": one.made,
        "size_bytes": one.size_bytes,
        "output_s": one.output_s,
    }
