"""The task store as it grows: claims, listings and polls beside 1,000 and up to 1,000,000 finished tasks, on both databases."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from sqlalchemy import text

from gateway.db.connect import Database
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from tests.bench.figure import Figure
from tests.conformance.samples import a_result, a_task, claim, claim_one, in_s, offer

SIZES, QUICK_SIZES = (1_000, 100_000, 1_000_000), (1_000, 20_000)
QUEUED, KEYS = 3_000, 50
TARGET_MS = 20.0

#: Copies of one finished task, a second apart, spread over the keys.
_COPY = {
    "postgresql": "INSERT INTO tasks ({all}) SELECT 'old_' || n, 'k' || n % 50, {rest}, created_at - n * interval '1 second' "
    "FROM tasks, generate_series({first}, {last}) AS n WHERE id = 'template'",
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "
    "INSERT INTO tasks ({all}) SELECT 'old_' || n, 'k' || n % 50, {rest}, "
    "strftime('%Y-%m-%d %H:%M:%f000', created_at, '-' || n || ' seconds') FROM tasks, s WHERE id = 'template'",
}


async def growing(url: str, sizes: tuple[int, ...]) -> list[Figure]:
    """Figures at each of *sizes*; thousands of tasks of fifty keys wait all the time."""
    figures: list[Figure] = []
    async with Database.open(url) as db:
        store = SqlTaskStore(db)
        await store.insert(a_task(id="template", key="k0"))
        first = await claim_one(store)
        await store.succeed("template", first.token, a_result("template"), expires_at=in_s(3600))
        await store.drop_media("template")
        await _queue(store, QUEUED)
        there = 0
        for size in sizes:
            await _grow(db, there, size)
            there = size
            figures += await _measure(store, f"{'PG' if db.dialect == 'postgresql' else 'SQLite'} {size:,}")
    return figures


async def _queue(store: SqlTaskStore, count: int) -> None:
    for number in range(count):
        await store.insert(a_task(key=f"k{number % KEYS}"))


async def _grow(db: Database, there: int, size: int) -> None:
    names = [row.name for row in await db.rows(text(_COLUMNS[db.dialect]))]
    rest = [name for name in names if name not in {"id", "key_id", "created_at", "idempotency_key"}]
    columns = ", ".join(["id", "key_id", *rest, "created_at"])
    copy = _COPY[db.dialect]
    for first in range(there + 1, size + 1, 50_000):
        last = min(size, first + 49_999)
        async with db.write() as connection:
            await connection.execute(text(copy.format(all=columns, rest=", ".join(rest), first=first, last=last)))
    async with db.write() as connection:
        await connection.execute(text("ANALYZE"))


_COLUMNS = {
    "postgresql": "SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'tasks'",
    "sqlite": "SELECT name FROM pragma_table_info('tasks')",
}


async def _measure(store: SqlTaskStore, where: str) -> list[Figure]:
    cursor = (await store.find(Filter(key_id="k7"), limit=200)).next_cursor

    async def claiming() -> None:
        assert await claim(store, offer(free=2))

    asked: dict[str, Callable[[], Awaitable[object]]] = {
        "claim of two": claiming,
        "list a key's newest": lambda: store.find(Filter(key_id="k7"), limit=50),
        "list on from a cursor": lambda: store.find(Filter(key_id="k7"), limit=50, cursor=cursor),
        "list a key's finished": lambda: store.find(Filter(key_id="k7", states=frozenset({State.SUCCEEDED})), limit=50),
        "poll": lambda: store.get("template"),
    }
    return [await _p95(f"{what}, {where}", ask) for what, ask in asked.items()]


async def _p95(name: str, ask: Callable[[], Awaitable[object]], *, times: int = 120) -> Figure:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    value = sorted(took[20:])[int((times - 20) * 0.95)]  # the first ones warm caches
    return Figure(name, value, "ms p95", None, f"<= {TARGET_MS:.0f}", value <= TARGET_MS)
