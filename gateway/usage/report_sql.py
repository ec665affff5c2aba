"""What the books say about a stretch of time: sums, by hour or day and by whom and with what."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, ColumnElement, CompoundSelect, Row, Table, literal_column, null, select, union_all

from gateway.db.connect import Database
from gateway.db.tables import usage, usage_log
from gateway.usage.fold_sql import DAY, HOUR, day_of, hour_of
from gateway.usage.totals import Totals

#: What a report is broken down by, besides time.
SIDES = ("key_id", "profile", "model", "dialect", "kind")
#: What took longer than this is remembered, for so many times as long.
QUICK_S, GOOD_FOR = 0.25, 10.0
_known: WeakKeyDictionary[Database, dict[Wanted, tuple[float, Report]]] = WeakKeyDictionary()
#: A moment, and a value for each side.
Cell = tuple[Any, ...]
_COUNTS = ("succeeded", "failed", "cancelled")
_SUMMED = ("times", "codes")
STEP: Mapping[str, timedelta] = {HOUR: timedelta(hours=1), DAY: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the books: from *since* to before *until*, both on the grain; None means all of that side.

    sides: what to break it down by; to go without saves most of the time.
    """

    since: datetime
    until: datetime
    grain: str = DAY
    kind: str | None = None
    key_id: str | None = None
    profile: str | None = None
    model: str | None = None
    dialect: str | None = None
    sides: tuple[str, ...] = SIDES


@dataclass(slots=True)
class Report:
    """Sums of all that was wanted, of each hour or day (none missing), of those by kind of work, and along each side."""

    wanted: Wanted
    all: Totals = field(default_factory=Totals)
    by_time: dict[datetime, Totals] = field(default_factory=dict)
    by_kind: dict[str, dict[datetime, Totals]] = field(default_factory=dict)
    by: dict[str, dict[str, Totals]] = field(default_factory=dict)


async def cells(db: Database, wanted: Wanted) -> dict[Cell, Totals]:
    """Return the sums of each hour or day by all sides at once; also what is not summed up yet."""
    found: dict[Cell, Totals] = defaultdict(Totals)
    floor = hour_of if wanted.grain == HOUR else day_of
    for row in await _rows(db, wanted):
        _add(found[(floor(row.at), *(getattr(row, side) for side in SIDES))], row)
    return found


async def report(db: Database, wanted: Wanted) -> Report:
    """Sum up along time and along each side. Not to be changed by who gets it: it may be another's, too.

    Pages that are live ask again with every task that ends. Where that is slow (a year of many keys), an answer is good for
    a while, so that looking on never takes much of the machine; where it is quick, every answer is fresh.
    """
    known = _known.setdefault(db, {})
    began = time.monotonic()
    for asked in [asked for asked, (good_until, _) in known.items() if good_until < began]:
        del known[asked]
    if wanted in known:
        return known[wanted][1]
    found = await _report(db, wanted)
    now = time.monotonic()
    if now - began > QUICK_S:
        known[wanted] = (now + GOOD_FOR * (now - began), found)
    return found


async def _report(db: Database, wanted: Wanted) -> Report:
    found = Report(wanted, by_time=_each(wanted), by={side: defaultdict(Totals) for side in wanted.sides})
    rows = await _rows(db, wanted)
    await asyncio.to_thread(_sum_up, found, rows)
    return found


def _each(wanted: Wanted) -> dict[datetime, Totals]:
    """Nothing yet, for each hour or day."""
    each, at = {}, wanted.since
    while at < wanted.until:
        each[at] = Totals()
        at += STEP[wanted.grain]
    return each


def _sum_up(found: Report, rows: Sequence[Row[Any]]) -> None:
    # Merging durations is what costs: rows that agree in all sides are merged once, and then along each side.
    floor = hour_of if found.wanted.grain == HOUR else day_of
    together: dict[Cell, Totals] = defaultdict(Totals)
    sides_of = attrgetter(*SIDES)
    for row in rows:
        by_time = found.by_kind.get(row.kind) or found.by_kind.setdefault(row.kind, _each(found.wanted))
        _add(by_time[floor(row.at)], row)
        if found.by:
            _add(together[sides_of(row)], row)
    for values, totals in together.items():
        for side, value in zip(SIDES, values, strict=True):
            if side in found.by:
                found.by[side][value].add_sums(totals)
    for by_time in found.by_kind.values():
        for at, step in by_time.items():
            found.by_time[at].add_sums(step)
            found.all.add_sums(step)


def _add(totals: Totals, row: Row[Any]) -> None:
    if row.outcome is None:
        totals.add_sums(row)
    else:
        totals.add_logged(row)


async def _rows(db: Database, wanted: Wanted) -> Sequence[Row[Any]]:
    """Sums, and lines of the log: in one statement, so that what moves from one to the other meanwhile is there once."""
    async with db.read() as connection:
        rows: Sequence[Row[Any]] = (await connection.execute(_statement(wanted))).all()
    return rows


def _statement(wanted: Wanted) -> CompoundSelect[Any]:
    counts: list[ColumnElement[int]] = [literal_column("0").label(name) for name in _COUNTS]
    known = [usage.c[name] for name in _SUMMED]
    sums = select(
        *_shared(usage), *(usage.c[name] for name in _COUNTS), *known, null().label("outcome"), null().label("code")
    )
    nothing = [null().label(name) for name in _SUMMED]
    log = select(*_shared(usage_log), *counts, *nothing, usage_log.c.outcome, usage_log.c.code)
    sums = sums.where(usage.c.grain == wanted.grain)
    narrowed = []
    for statement, table in ((sums, usage), (log, usage_log)):
        chosen = statement.where(table.c.at >= wanted.since, table.c.at < wanted.until)
        for side in SIDES:
            if (only := getattr(wanted, side)) is not None:
                chosen = chosen.where(table.c[side] == only)
        narrowed.append(chosen)
    return union_all(*narrowed)


def _shared(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in ("at", *SIDES, "made", "size_bytes", "output_s", "took_s", "waited_s")]
