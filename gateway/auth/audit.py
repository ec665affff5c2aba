"""Who did what, on what, when and from where. Lines are only ever added; old ones are pruned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select

from gateway.db.connect import Database
from gateway.db.tables import audit

TOPIC = "audit"
KEPT_S = 365 * 86400.0


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing done. action: ``area.verb`` (``key.created``); target: a name or id; data: flat, never a secret."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    address: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Audit:
    """The log."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(self, actor: str, action: str, target: str = "", *, address: str = "", **data: Any) -> None:
        """Add a line. actor: ``admin``, ``command line``, ``key NAME``."""
        row = {
            "at": datetime.now(UTC),
            "actor": actor,
            "action": action,
            "target": target,
            "address": address,
            "data": data or None,
        }
        async with self._db.write(TOPIC) as connection:
            await connection.execute(insert(audit).values(row))

    async def newest(self, *, limit: int = 50, before: int | None = None, prefix: str = "") -> Sequence[AuditLine]:
        """Return lines, newest first; with *before* those older than that id, with *prefix* actions that begin so."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(audit.c.id < before)
        if prefix:
            wanted = wanted.where(audit.c.action.startswith(prefix, autoescape=True))
        async with self._db.read() as connection:
            rows = await connection.execute(wanted)
            return [AuditLine(r.id, r.at, r.actor, r.action, r.target, r.address, r.data or {}) for r in rows]

    async def prune(self, *, older_than_s: float = KEPT_S) -> None:
        """Drop what is older than a year."""
        async with self._db.write() as connection:
            await connection.execute(
                delete(audit).where(audit.c.at < datetime.now(UTC) - timedelta(seconds=older_than_s))
            )
