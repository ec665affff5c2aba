"""What was made for whom, how well and how fast: charts, tables, and the same as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from gateway.auth.callers import CONSOLE_KEY_ID
from gateway.console import charts
from gateway.console.page import Page
from gateway.console.pages.tasks import dialect_names, key_names
from gateway.console.view import TheView, View
from gateway.usage.fold_sql import DAY, HOUR
from gateway.usage.report_sql import SIDES, STEP, Report, Wanted, cells, report
from gateway.usage.totals import Totals

router = APIRouter()
PAGE = Page("usage", router, path="/console/usage", icon="usage", order=6)

#: Steps of each period, by its word.
PERIODS: Mapping[str, tuple[str, int]] = {"day": (HOUR, 24), "week": (DAY, 7), "month": (DAY, 30)}
MOST_BACK = 12
KINDS = ("video", "image", "chat")
ROWS = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """What stands in the address. back: how many periods ago."""

    period: str = "week"
    back: int = 0
    kind: str = ""
    key: str = ""
    profile: str = ""
    model: str = ""
    dialect: str = ""

    def address(self, path: str = "/console/usage", **changed: Any) -> str:
        said = {name: changed.get(name, getattr(self, name)) for name in self.__slots__}
        return f"{path}?{urlencode({name: value for name, value in said.items() if value})}"

    def wanted(self, now: datetime) -> Wanted:
        grain, steps = PERIODS[self.period]
        floor = now.replace(minute=0, second=0, microsecond=0)
        if grain == DAY:
            floor = floor.replace(hour=0)
        until = floor + STEP[grain] - self.back * steps * STEP[grain]
        return Wanted(
            until - steps * STEP[grain], until, grain, self.kind or None, self.key or None, self.profile or None,
            self.model or None, self.dialect or None,
        )  # fmt: skip


@router.get("/console/usage")
async def usage(view: TheView) -> Response:
    """The page; current with every task that ends."""
    choice = _read(view)
    found = await report(view.house.db, choice.wanted(datetime.now(UTC)))
    before = await report(view.house.db, replace(_before(choice).wanted(datetime.now(UTC)), sides=()))
    times = list(found.by_time.values())
    return view.page(
        "usage/usage.html",
        choice=choice,
        report=found,
        before=before.all,
        steps=[(_named(at, found.wanted.grain), totals) for at, totals in found.by_time.items()],
        ended_chart=charts.bars([(one.succeeded, one.failed, one.cancelled) for one in times]),
        success_chart=charts.lines([[None if one.success is None else one.success * 100 for one in times]]),
        times_chart=charts.lines([[one.p50_s for one in times], [one.p95_s for one in times]]),
        bytes_chart=charts.bars([(one.size_bytes,) for one in times]),
        sides=[(side, _rows(found, side, await _names(view, side))) for side in SIDES],
        periods=tuple(PERIODS),
        kinds=KINDS,
        keys=await key_names(view),
        earlier=choice.address(back=choice.back + 1) if choice.back < MOST_BACK else "",
        later=choice.address(back=choice.back - 1) if choice.back else "",
        csv=choice.address("/console/usage.csv"),
    )


@router.get("/console/usage.csv")
async def as_csv(view: TheView) -> Response:
    """One line for each hour or day and each key, profile, model, API and kind."""
    choice = _read(view)
    found = await cells(view.house.db, choice.wanted(datetime.now(UTC)))
    keys = {**await key_names(view), CONSOLE_KEY_ID: "console"}  # what programs read is the same in every language
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(["time", *(_COLUMN.get(side, side) for side in SIDES), "key", *_NUMBERS])
    for cell in sorted(found):
        at, *sides = cell
        named = dict(zip(SIDES, sides, strict=True))
        words = [_harmless(word) for word in (*sides, keys.get(named["key_id"], ""))]
        sheet.writerow([at.isoformat(), *words, *_numbers(found[cell])])
    name = f"usage-{choice.period}-{datetime.now(UTC):%Y-%m-%d}.csv"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


_COLUMN = {"dialect": "api"}
_NUMBERS = (
    "succeeded", "failed", "cancelled", "median_s", "p95_s", "mean_s", "mean_wait_s", "made", "bytes", "video_s",
)  # fmt: skip


def _numbers(totals: Totals) -> Sequence[object]:
    done = totals.succeeded
    return (
        done, totals.failed, totals.cancelled, _round(totals.p50_s), _round(totals.p95_s),
        _round(totals.took_s / done if done else None), _round(totals.waited_s / done if done else None),
        totals.made, totals.size_bytes, _round(totals.output_s),
    )  # fmt: skip


def _round(value: float | None) -> float | str:
    return "" if value is None else round(value, 2)


def _harmless(word: str) -> str:
    """A key may be called ``=1+1``; a spreadsheet must not calculate it."""
    return f"'{word}" if word[:1] in {"=", "+", "-", "@", "\t", "\r"} else word


def _read(view: View) -> Choice:
    params = view.request.query_params
    said = {name: params.get(name, "").strip()[:200] for name in ("kind", "key", "profile", "model", "dialect")}
    period, back = params.get("period", ""), params.get("back", "0")
    return Choice(
        period=period if period in PERIODS else "week",
        back=min(MOST_BACK, int(back)) if back.isascii() and back.isdecimal() and len(back) < 4 else 0,
        **said,
    )


def _before(choice: Choice) -> Choice:
    said = {name: getattr(choice, name) for name in choice.__slots__}
    return Choice(**{**said, "back": choice.back + 1})


def _rows(found: Report, side: str, names: Mapping[str, str]) -> Sequence[tuple[str, str, Totals]]:
    """(value, what it is called, sums), the busiest first."""
    busiest = sorted(found.by[side].items(), key=lambda item: (-item[1].ended, item[0]))[:ROWS]
    return [(value, names.get(value, value), totals) for value, totals in busiest]


async def _names(view: View, side: str) -> Mapping[str, str]:
    match side:
        case "key_id":
            return await key_names(view)
        case "dialect":
            return dialect_names(view)
        case "kind":
            return {kind: view.text(f"usage.kind_{kind}") for kind in KINDS}
    return {}


def _named(at: datetime, grain: str) -> str:
    return f"{at:%H:%M}" if grain == HOUR else f"{at:%m-%d}"
