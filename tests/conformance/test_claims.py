"""Claims: who gets a task, and who may write to it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from gateway.db.connect import Database
from gateway.db.tables import api_keys, nodes, profiles, task_attempts, tasks
from gateway.tasks.fairness import ONE_OF
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from tests.conformance.samples import ME, OTHER, a_failure, a_task, claim, claim_one, in_s, offer


async def key(db: Database, name: str, **limits: int) -> None:
    async with db.write() as connection:
        await connection.execute(
            insert(api_keys).values(id=name, name=name, prefix=name, secret_hash=name, created_at=in_s(0), **limits)
        )


async def test_a_claim_says_who_and_until_when(store: SqlTaskStore) -> None:
    made, _ = await store.insert(a_task())
    claimed = await claim_one(store, profile="one", lease_s=30)
    task = claimed.task
    assert (task.id, task.state, task.owner, task.profile) == (made.id, State.RUNNING, ME, "one")
    assert (task.attempt, task.claims, task.token) == (1, 1, 1)
    assert task.lease_until is not None
    assert 25 < (task.lease_until - in_s(0)).total_seconds() < 31
    assert task.started_at is not None
    assert claimed.steps == {}
    assert await store.get(made.id) == task
    assert await claim(store) == []
    (attempt,) = await store.attempts(made.id)
    assert (attempt.number, attempt.owner, attempt.profile, attempt.ended_at) == (1, ME, "one", None)
    assert [(e.type, dict(e.data)) for e in await store.events(made.id)][1] == (
        "claimed",
        {"profile": "one", "attempt": 1},
    )


async def test_no_offer_gets_more_than_it_has_room_for(store: SqlTaskStore) -> None:
    for _ in range(10):
        await store.insert(a_task())
    claimed = await claim(store, offer("one", free=2), offer("two", account="other", free=3), offer("none", free=0))
    profiles = sorted(str(one.task.profile) for one in claimed)
    assert profiles == ["one", "one", "two", "two", "two"]
    assert await claim(store, offer("none", free=0)) == []


async def test_priority_comes_before_age(store: SqlTaskStore) -> None:
    low, _ = await store.insert(a_task())
    high, _ = await store.insert(a_task(priority=5))
    assert [one.id for one in await claim(store, offer(free=2))] == [high.id, low.id]


async def test_a_lower_class_is_late_but_never_forgotten(store: SqlTaskStore) -> None:
    """Also where it is the same key's, behind its own higher ones; over claims of one place, and of several."""
    low = [(await store.insert(a_task(key=key, priority=-10)))[0].id for key in ("one", "two")]
    for _ in range(2 * ONE_OF):
        await store.insert(a_task(key="one", priority=10))
    foretold = [await store.queue_position(task_id) for task_id in low]
    served = [(await claim_one(store)).id for _ in range(ONE_OF)]
    while claimed := await claim(store, offer(free=4)):
        served += [one.id for one in claimed]
    places = [served.index(task_id) + 1 for task_id in low]
    assert sorted(places) == [ONE_OF, 2 * ONE_OF]
    assert foretold[1] == ONE_OF and foretold[0] in {ONE_OF, 2 * ONE_OF}


async def test_a_key_with_many_tasks_does_not_hold_up_another(store: SqlTaskStore) -> None:
    for _ in range(20):
        await store.insert(a_task(key="busy"))
    await store.insert(a_task(key="quiet"))
    served = [(await claim_one(store)).task.key_id for _ in range(2)]
    assert "quiet" in served


async def test_shares_follow_weights_over_many_claims(store: SqlTaskStore, db: Database) -> None:
    await key(db, "heavy", weight=3)
    for _ in range(24):
        await store.insert(a_task(key="heavy"))
        await store.insert(a_task(key="light"))
    served = [(await claim_one(store)).task.key_id for _ in range(16)]
    assert served.count("heavy") == 12
    assert served.count("light") == 4


async def test_a_key_that_rested_gets_no_arrears(store: SqlTaskStore) -> None:
    for _ in range(12):
        await store.insert(a_task(key="steady"))
    for _ in range(6):
        await claim_one(store)
    for _ in range(12):
        await store.insert(a_task(key="late"))
    served = [(await claim_one(store)).task.key_id for _ in range(6)]
    assert served.count("late") == 3


async def test_a_key_runs_no_more_than_it_may(store: SqlTaskStore, db: Database) -> None:
    await key(db, "limited", max_running=2)
    for _ in range(5):
        await store.insert(a_task(key="limited"))
    await store.insert(a_task(key="free"))
    claimed = await claim(store, offer(free=9))
    assert sorted(one.task.key_id for one in claimed) == ["free", "limited", "limited"]
    limited = next(one for one in claimed if one.task.key_id == "limited")
    assert await claim(store, offer(free=9)) == []
    await store.fail(limited.id, limited.token, a_failure())
    assert len(await claim(store, offer(free=9))) == 1


async def test_workers_that_claim_at_once_share_without_overlap(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        stores = [SqlTaskStore(a), SqlTaskStore(b)]
        for _ in range(40):
            await stores[0].insert(a_task())

        async def work(store: SqlTaskStore, worker: str, profile: str) -> list[str]:
            got: list[str] = []
            while claimed := await claim(store, offer(profile, account=profile, free=3), worker=worker):
                got += [one.id for one in claimed]
            return got

        shares = await asyncio.gather(
            work(stores[0], ME, "one"), work(stores[1], OTHER, "two"), work(stores[1], OTHER, "three")
        )
        everything = [task_id for share in shares for task_id in share]
        assert len(everything) == len(set(everything)) == 40


async def test_a_task_goes_only_where_what_it_needs_is_allowed(store: SqlTaskStore) -> None:
    await store.insert(a_task(requires=frozenset({"15s"})))
    plain, _ = await store.insert(a_task())
    assert (await claim_one(store, free=2)).id == plain.id
    able = offer("paid", allows=frozenset({"15s", "hd"}))
    assert len(await claim(store, able)) == 1


async def test_ordinary_tasks_leave_the_able_profile_to_those_that_need_it(store: SqlTaskStore) -> None:
    ordinary, _ = await store.insert(a_task())
    long, _ = await store.insert(a_task(requires=frozenset({"15s"})))
    claimed = await claim(store, offer("paid", allows=frozenset({"15s"})), offer("plain", account="other"))
    assert {one.id: one.task.profile for one in claimed} == {ordinary.id: "plain", long.id: "paid"}


async def begun(store: SqlTaskStore, *, account: str | None = "acc", profile: str = "main") -> str:
    """A task that has left a trace at the site and is back in the queue."""
    await store.insert(a_task())
    held = await claim_one(store, profile=profile, account=account)
    await store.bind(held.id, held.token, account_id=account, profile=profile)
    await store.begin_step(held.id, held.token, "submit", {})
    await store.retry(held.id, held.token, a_failure(), after_s=-1, charged=True)
    return held.id


async def test_a_begun_task_stays_with_its_account_and_prefers_its_profile(store: SqlTaskStore) -> None:
    await begun(store)
    assert await claim(store, offer("elsewhere", account="other")) == []
    assert await claim(store, offer("second", account="acc")) == []
    claimed = await claim(store, offer("second", account="acc"), offer("main", account="acc"))
    assert [one.task.profile for one in claimed] == ["main"]


async def test_another_profile_of_the_account_goes_on_when_the_first_stays_away(store: SqlTaskStore) -> None:
    task_id = await begun(store)
    store.affinity_s = 0.0
    assert await claim(store, offer("elsewhere", account="other")) == []
    (claimed,) = await claim(store, offer("second", account="acc"))
    assert (claimed.id, claimed.task.profile, claimed.task.account_id) == (task_id, "second", "acc")
    assert set(claimed.steps) == {"submit"}


async def test_a_begun_task_waits_for_no_node_that_is_gone(store: SqlTaskStore, db: Database) -> None:
    task_id = await begun(store)
    now = in_s(0)
    node = {"id": "there", "hostname": "box", "role": "all", "version": "1", "started_at": now, "heartbeat_at": now}
    row = {"name": "main", "node_id": "there", "enabled": True, "clearance": "ready", "revision": 1}
    async with db.write() as connection:
        await connection.execute(insert(nodes).values(node))
        await connection.execute(insert(profiles).values(row | {"created_at": now, "updated_at": now}))
    assert await claim(store, offer("second", account="acc")) == []
    async with db.write() as connection:
        await connection.execute(update(nodes).values(left_at=now))
    assert await claim(store, offer("elsewhere", account="other")) == []
    (claimed,) = await claim(store, offer("second", account="acc"))
    assert (claimed.id, claimed.task.profile) == (task_id, "second")


async def test_a_begun_task_of_an_unknown_account_stays_with_its_profile(store: SqlTaskStore) -> None:
    await begun(store, account=None)
    store.affinity_s = 0.0
    assert await claim(store, offer("second", account="acc")) == []
    assert len(await claim(store, offer("main", account="acc"))) == 1


async def test_a_profile_signed_in_as_somebody_else_gets_nothing_of_the_old_account(store: SqlTaskStore) -> None:
    await begun(store)
    assert await claim(store, offer("main", account="other")) == []


async def test_a_begun_task_is_resumed_before_new_ones(store: SqlTaskStore) -> None:
    for _ in range(3):
        await store.insert(a_task(priority=9))
    held = await claim_one(store)
    task_id = held.id
    await store.bind(task_id, held.token, account_id="acc", profile="main")
    await store.retry(task_id, held.token, a_failure(), after_s=0, charged=True)
    assert (await claim_one(store)).id == task_id


async def test_a_task_without_a_trace_at_the_site_is_tied_to_nobody(store: SqlTaskStore) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.bind(held.id, held.token, account_id="acc", profile="main")
    await store.begin_step(held.id, held.token, "submit", {})
    await store.forget_step(held.id, held.token, "submit")
    await store.retry(held.id, held.token, a_failure(), after_s=0, charged=False)
    assert (await store.get(held.id)).account_id is None
    assert (await claim_one(store, profile="elsewhere", account="other")).id == held.id


async def test_a_task_waits_until_it_may_run_again(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.retry(held.id, held.token, a_failure(), after_s=60, charged=True)
    assert await claim(store) == []
    left_s = await store.runnable_in_s("video")
    assert left_s is not None and 50 < left_s <= 60
    async with db.write() as connection:
        await connection.execute(update(tasks).values(run_at=in_s(-1)))
    assert await store.runnable_in_s("video") is None
    assert (await claim_one(store)).task.attempt == 2


@pytest.mark.parametrize("waits", ["new", "retried"])
async def test_a_clock_set_back_keeps_nothing_waiting(store: SqlTaskStore, db: Database, waits: str) -> None:
    """What was put into the queue by a clock that was an hour ahead may run once that is noticed."""
    await store.insert(a_task())
    ahead = {"run_at": in_s(3600)}
    async with db.write() as connection:
        if waits == "new":
            await connection.execute(update(tasks).values(**ahead, created_at=in_s(3600)))
    if waits == "retried":
        held = await claim_one(store)
        await store.retry(held.id, held.token, a_failure(), after_s=60, charged=True)
        await store.sweep()
        assert await claim(store) == []  # an honest wait is kept
        async with db.write() as connection:
            await connection.execute(update(tasks).values(**ahead))
            await connection.execute(update(task_attempts).values(ended_at=in_s(3540)))
    assert await claim(store) == []
    await store.sweep()
    assert len(await claim(store)) == 1


async def test_an_uncharged_wait_costs_no_attempt(store: SqlTaskStore) -> None:
    await store.insert(a_task(max_attempts=1))
    for number in (1, 2, 3):
        held = await claim_one(store)
        assert (held.task.attempt, held.task.claims) == (1, number)
        waiting = await store.retry(held.id, held.token, a_failure("challenge_required"), after_s=0, charged=False)
        assert (waiting.attempt, waiting.wait_code) == (0, "challenge_required")
    assert [attempt.outcome for attempt in await store.attempts(held.id)] == ["waiting"] * 3
    assert (await claim_one(store)).task.wait_code is None


async def test_the_place_in_the_queue(store: SqlTaskStore, db: Database) -> None:
    await key(db, "heavy", weight=2)
    mine = [(await store.insert(a_task(key="light")))[0].id for _ in range(3)]
    for _ in range(10):
        await store.insert(a_task(key="heavy"))
    urgent, _ = await store.insert(a_task(key="heavy", priority=1))
    assert await store.queue_position(urgent.id) == 1
    places = [await store.queue_position(task_id) for task_id in mine]
    assert places == [2, 5, 8]
    held = await claim_one(store)
    assert await store.queue_position(held.id) is None
    assert await store.queue_position("no such") is None


async def test_an_account_has_a_limit_of_its_own_over_profiles_and_nodes(db: Database, store: SqlTaskStore) -> None:
    """Two profiles on two nodes are signed in to one account, which may make three at once."""
    async with db.write() as connection:
        for name, node in (("one", "node-a"), ("two", "node-b")):
            row = {"name": name, "node_id": node, "enabled": True, "clearance": "ready", "account_id": "acc"}
            await connection.execute(insert(profiles).values(**row, created_at=in_s(0), updated_at=in_s(0)))
    for _ in range(8):
        await store.insert(a_task())
    one, two = (replace(offer(name, free=2), account_limit=3) for name in ("one", "two"))
    other = replace(offer("other", account="elsewhere", free=1), account_limit=3)
    assert len(await claim(store, one)) == 2
    [third] = await claim(store, two, worker=OTHER)
    assert await claim(store, one, two) == [], "the account is full, though both profiles have places"
    assert len(await claim(store, two, other)) == 1, "other accounts go on"
    await store.bind(third.id, third.token, account_id="acc", profile="two")
    assert await claim(store, two) == []
    await store.finish_cancel(third.id, third.token)
    assert len(await claim(store, one, two)) == 1
    assert len(await claim(store, offer("one", free=2))) == 2, "without a limit only places count"
