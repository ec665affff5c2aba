"""The console's questions to a large database: lists of 100,000 tasks, and usage of a million tasks; then whole pages of it.

Rows are made in the database directly: their number is the point, not how they came to be.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from gateway.console.access import PLAIN_COOKIE
from gateway.console.house import House
from gateway.db.connect import Database
from gateway.db.tables import tasks, usage
from gateway.tasks.model import VideoSpec
from gateway.tasks.rows import spec_to_json
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.usage.ended import bucket_of
from gateway.usage.fold_sql import APART, DAY, HOUR, day_of, hour_of
from gateway.usage.report_sql import Wanted, report
from gateway.usage.totals import Totals
from tests.bench.figure import Figure
from tests.front.scripted import Scripted, film
from tests.front.serving import serving

WORDS = [
    "a",
    "lighthouse",
    "at",
    "dusk",
    "waves",
    "below",
    "gulls",
    "in",
    "the",
    "wind",
    "slow",
    "dolly",
    "over",
    "old",
    "town",
    "rain",
    "neon",
    "boats",
    "snow",
]
KEYS = [f"key_{number}" for number in range(20)]
DIALECTS = ("openai", "xai", "grok2api", "newapi", "dubrify")
MODELS = ("grok-imagine-1.0-video", "grok-imagine-video", "grok-imagine-0.9")
PROFILES = ("work", "home", "third", "fourth")
STATES = ["succeeded"] * 90 + ["failed"] * 7 + ["cancelled"] * 3
TARGET_MS = 20.0


async def listings(quick: bool) -> list[Figure]:
    """Filters of the task list, each the first page and one in the middle."""
    count, usage_count = (20_000, 50_000) if quick else (100_000, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "data"
        place.mkdir()
        url = f"sqlite:///{place / 'gateway.db'}"
        async with Database.open(url) as db:
            await make_tasks(db, count)
            figures = await _lists(SqlTaskStore(db), times=10 if quick else 40)
            await make_usage(db, usage_count)
            figures += await _usage(db, times=5 if quick else 15)
        figures += await _pages(place, times=4 if quick else 12)
    return figures


async def make_tasks(db: Database, count: int) -> None:
    """Finished tasks of the last thirty days, some of which wait."""
    chance, now = random.Random(7), datetime.now(UTC)
    for start in range(0, count, 2000):
        rows = [
            _task(number, chance, now - timedelta(days=30 * number / count)) for number in range(start, start + 2000)
        ]
        async with db.write() as connection:
            await connection.execute(insert(tasks), rows)


def _task(number: int, chance: random.Random, at: datetime) -> dict[str, Any]:
    prompt = " ".join(chance.choices(WORDS, k=chance.randint(8, 60))) + f" number {number}"
    state = "queued" if number % 5000 == 0 else chance.choice(STATES)
    done = None if state == "queued" else at + timedelta(seconds=chance.lognormvariate(3.6, 0.4))
    result = {
        "asset_id": None, "thumbnail_id": None, "size_bytes": 900_000, "width": 1280, "height": 720, "duration_s": 6.0,
        "fingerprint": "f" * 64, "upstream": {"conversation_id": "c" * 36, "video_id": "v" * 36, "prompt": prompt},
    }  # fmt: skip
    return {
        "id": f"task_{number:032x}", "key_id": chance.choice(KEYS), "dialect": chance.choice(DIALECTS),
        "model": chance.choice(MODELS), "kind": "none", "state": state, "priority": 0, "requires": "", "prompt": prompt,
        "spec": spec_to_json(VideoSpec(prompt=prompt)), "run_at": at, "attempt": 1, "max_attempts": 4, "claims": 1,
        "token": 1, "bound": False, "profile": chance.choice(PROFILES), "progress": 100,
        "result": result if state == "succeeded" else None, "last_seq": 5, "created_at": at, "started_at": at,
        "finished_at": done, "request_hash": "", "dialect_data": {},
    }  # fmt: skip


async def make_usage(db: Database, count: int) -> None:
    """The sums of a month of so many ends, as folding them leaves it: days of all of it, hours of the last two days."""
    chance, now = random.Random(7), datetime.now(UTC)
    found: dict[tuple[Any, ...], Totals] = {}
    for number in range(count):
        at = now - timedelta(days=30 * number / count)
        own = chance.randrange(len(KEYS))  # a program speaks one API, and mostly asks for one model
        key, dialect, profile = KEYS[own], DIALECTS[own % len(DIALECTS)], chance.choice(PROFILES)
        model = MODELS[own % len(MODELS)] if chance.random() < 0.9 else chance.choice(MODELS)
        bucket = str(bucket_of(chance.lognormvariate(3.6, 0.4)))
        for grain, floor in ((DAY, day_of), (HOUR, hour_of)):
            if grain == DAY or now - at < timedelta(days=2):
                cell = (grain, floor(at), "video", key, profile, model, dialect)
                totals = found.setdefault(cell, Totals())
                totals.succeeded += 1
                totals.size_bytes += 900_000
                totals.times[bucket] = totals.times.get(bucket, 0) + 1
    rows = [dict(zip(APART, cell, strict=True)) | totals.to_row() for cell, totals in found.items()]
    for start in range(0, len(rows), 2000):
        async with db.write() as connection:
            await connection.execute(insert(usage), rows[start : start + 2000])


async def _lists(store: SqlTaskStore, *, times: int) -> list[Figure]:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=9)
    filters: Mapping[str, Filter] = {
        "everything": Filter(),
        "status": Filter(states=frozenset({State.FAILED})),
        "key": Filter(key_id=KEYS[3]),
        "profile": Filter(profile="home"),
        "API": Filter(dialects=frozenset({"xai"})),
        "model": Filter(model=MODELS[2]),
        "day": Filter(since=day, until=day + timedelta(days=1)),
        "key, status and day": Filter(
            key_id=KEYS[3], states=frozenset({State.FAILED}), since=day, until=day + timedelta(days=1)
        ),
        "status, API and model": Filter(
            states=frozenset({State.CANCELLED}), dialects=frozenset({"xai"}), model=MODELS[2]
        ),
        "search: common words": Filter(search="lighthouse"),
        "search: a rare one": Filter(search="number 4567 "),
        "search: nothing has it": Filter(search="submarine"),
    }
    figures = []
    for name, where in filters.items():
        first = await store.find(where, limit=40)
        middle = (await store.find(where, limit=2000)).next_cursor or first.next_cursor

        async def ask(where: Filter = where, middle: str | None = middle) -> None:
            await store.find(where, limit=40)
            if middle and not where.search:
                await store.find(where, limit=40, cursor=middle)

        pages = 2 if middle and not where.search else 1
        value = await _p95(ask, times) / pages
        figures.append(Figure(f"tasks: {name}", value, "ms p95", None, f"<= {TARGET_MS:g}", value <= TARGET_MS))
    return figures


async def _usage(db: Database, *, times: int) -> list[Figure]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wanted = {
        "24 hours": Wanted(hour - timedelta(days=1), hour, HOUR),
        "7 days": Wanted(today - timedelta(days=7), today, DAY),
        "30 days": Wanted(today - timedelta(days=30), today, DAY),
    }
    figures = []
    for name, one in wanted.items():

        async def ask(one: Wanted = one) -> None:
            await report(db, one)

        value = await _p95(ask, times)
        figures.append(Figure(f"usage: {name}", value, "ms p95", None, "<= 500", value <= 500))
    return figures


async def _pages(data_dir: Path, *, times: int) -> list[Figure]:
    """Whole pages over HTTP, as a browser asks for them."""
    figures = []
    async with serving(data_dir, Scripted(film(data_dir)), log_level="error") as front:
        house: House = front.app.state.console
        _, secret = await house.sessions.begin(address="127.0.0.1", user_agent="bench")
        front.http.cookies.set(PLAIN_COOKIE, secret)
        newest = (await house.services.store.find(Filter(), limit=1)).tasks[0].id
        paths = {
            "overview": "/console", "tasks": "/console/tasks", "a task": f"/console/tasks/{newest}",
            "studio": "/console/studio", "chat": "/console/studio/chat", "gallery": "/console/studio/gallery",
            "usage": "/console/usage", "usage, 30 days": "/console/usage?period=month",
        }  # fmt: skip
        for name, path in paths.items():

            async def ask(path: str = path) -> None:
                answer = await front.http.get(path)
                assert answer.status_code == 200, (path, answer.status_code)

            value = await _p95(ask, times)
            limit = 600 if "usage" in name else 300 if name == "overview" else 150  # those that sum up the books
            figures.append(Figure(f"page: {name}", value, "ms p95", None, f"<= {limit}", value <= limit))
    return figures


async def _p95(ask: Callable[[], Awaitable[None]], times: int) -> float:
    took = []
    await ask()
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[min(len(took) - 1, int(len(took) * 0.95))]
