"""The books, on both databases: what ended is counted once, however often and by however many it is summed up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from gateway.db.connect import Database
from gateway.db.tables import usage, usage_log
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.store import Filter
from gateway.usage.book import UsageBook
from gateway.usage.ended import Ended, Outcome
from gateway.usage.fold_sql import DAY, HOUR, fold, forget
from gateway.usage.log_sql import write_log
from gateway.usage.report_sql import Report, Wanted, report
from tests.conformance.samples import a_failure, a_result, a_task, claim_one, in_s

NOON = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)
DONE = Ended(
    NOON, "video", "k1", "m1", "openai", Outcome.SUCCEEDED, profile="work", took_s=40, waited_s=2, made=1, size_bytes=1000,
    output_s=6,
)  # fmt: skip


async def _write(db: Database, *ended: Ended) -> None:
    async with db.write() as connection:
        await write_log(connection, ended)


async def _report(db: Database, **only: str) -> Report:
    midnight = NOON.replace(hour=0, minute=0)
    return await report(db, Wanted(midnight - timedelta(days=2), midnight + timedelta(days=1), **only))


async def test_sums_are_the_same_before_and_after_summing_up(db: Database) -> None:
    await _write(
        db, *[replace(DONE, took_s=seconds) for seconds in (10, 20, 30, 40, 400)],
        replace(DONE, outcome=Outcome.FAILED, code="rate_limited", made=0, size_bytes=0, output_s=0),
        replace(DONE, outcome=Outcome.CANCELLED, at=NOON - timedelta(days=1), key_id="k2", made=0, size_bytes=0, output_s=0),
    )  # fmt: skip
    before = await _report(db)
    assert await fold(db) == 7 and await fold(db) == 0
    after = await _report(db)
    assert before == after
    assert (after.all.succeeded, after.all.failed, after.all.cancelled) == (5, 1, 1)
    assert after.all.size_bytes == 5000 and after.all.codes == {"rate_limited": 1}
    assert after.all.success == pytest.approx(5 / 6)
    assert after.all.p50_s == pytest.approx(30, rel=0.06) and after.all.p95_s == pytest.approx(400, rel=0.06)
    assert [totals.ended for totals in after.by_time.values()] == [0, 1, 6], "days without anything are there"
    assert after.by["key_id"]["k2"].cancelled == 1 and after.by["profile"]["work"].succeeded == 5
    assert (await _report(db, key_id="k2")).all.ended == 1


async def test_summing_up_adds_to_what_is_there(db: Database) -> None:
    for _ in range(3):
        await _write(db, DONE, replace(DONE, took_s=80))
        await fold(db)
    await _write(db, DONE)
    found = await _report(db)
    assert found.all.succeeded == 7 and found.all.took_s == pytest.approx(400)
    async with db.read() as connection:
        grains = (await connection.execute(select(usage.c.grain, func.count()).group_by(usage.c.grain))).all()
    assert sorted(map(tuple, grains)) == [(DAY, 1), (HOUR, 1)], "one row a day, one an hour"


async def test_many_may_sum_up_and_write_at_once(db: Database) -> None:
    async def write() -> None:
        for _ in range(10):
            await _write(db, DONE, replace(DONE, key_id="k2"))

    async def sum_up() -> None:
        for _ in range(10):
            await fold(db)

    await asyncio.gather(write(), write(), sum_up(), sum_up(), sum_up())
    while await fold(db):
        pass
    assert (await _report(db)).all.succeeded == 40


async def test_old_sums_go(db: Database) -> None:
    await _write(db, DONE)
    await fold(db)
    await forget(db, NOON + timedelta(days=9))
    assert (await _report(db)).all.succeeded == 1, "days stay when hours have gone"
    await forget(db, NOON + timedelta(days=500))
    assert (await _report(db)).all.succeeded == 0


async def test_a_video_is_in_the_books_when_it_is_over(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task(id="good"))
    claimed = await claim_one(store)
    await store.succeed("good", claimed.token, a_result("good"), expires_at=in_s(60))
    await store.insert(a_task(id="bad"))
    claimed = await claim_one(store)
    await store.fail("bad", claimed.token, a_failure("rate_limited"))
    await store.insert(a_task(id="unwanted"))
    await store.cancel("unwanted")
    await store.insert(a_task(id="waits"))
    await store.delete(Filter())  # a million deleted tasks stay in the books
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = (await report(db, Wanted(today, today + timedelta(days=1)))).all
    assert (found.succeeded, found.failed, found.cancelled) == (1, 1, 2)
    assert (found.size_bytes, found.output_s, found.codes) == (10, 6.0, {"rate_limited": 1})


async def test_calls_are_written_together_and_at_the_end(db: Database) -> None:
    book = UsageBook(db)
    async with book.kept():
        for _ in range(3):
            book.note(replace(DONE, kind="chat"))
    async with db.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(usage_log))).scalar_one() == 3
