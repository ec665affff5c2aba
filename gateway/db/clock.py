"""One clock for all nodes: the database's. On SQLite all processes share one host, so its clock is that one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, func

from gateway.db.columns import Instant


@dataclass(frozen=True)
class Clock:
    """Times as SQL expressions, for statements on either database. A statement that is kept asks anew at each execution."""

    dialect: str

    def now(self, plus_s: float = 0.0) -> ColumnElement[datetime]:
        """The present, *plus_s* seconds later (or earlier)."""
        if self.dialect != "postgresql":
            plus = timedelta(seconds=plus_s)
            return bindparam(None, callable_=lambda: datetime.now(UTC) + plus, type_=Instant)
        # Of the statement, not of the row: only what is constant within a statement can be looked up in an index.
        now = func.statement_timestamp(type_=Instant)
        if not plus_s:
            return now
        return now.op("+", return_type=Instant())(func.make_interval(0, 0, 0, 0, 0, 0, float(plus_s)))
