"""Deliveries in the database: promised with the task, due with its end, claimed by one, told about by whoever holds the claim."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.db.connect import Database
from gateway.db.tables import webhook_deliveries
from gateway.errors import IdempotencyConflict, NotFound, VideoNotReady
from gateway.tasks.model import Callback
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.store import Filter
from gateway.webhooks.model import Channel, Outcome, State, next_try_at, pause_s
from gateway.webhooks.store import Deliveries
from tests.conformance.samples import a_failure, a_result, a_task, claim_one, in_s

HOOK = Callback("https://there.example/hook", "https://here.example")
REFUSED = Outcome(status=500, error="answered 500", answer="oh", duration_s=0.1)


@pytest.fixture
def deliveries(db: Database) -> Deliveries:
    return Deliveries(db)


async def ended(store: SqlTaskStore, **also: object) -> str:
    """A task with a callback that was made."""
    task, _ = await store.insert(a_task(callback=HOOK, **also))
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    return task.id


async def later(db: Database, delivery_id: str, **values: object) -> None:
    async with db.write() as connection:
        await connection.execute(
            update(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id).values(**values)
        )


async def test_a_task_promises_and_its_end_makes_it_due(store: SqlTaskStore, deliveries: Deliveries) -> None:
    task, _ = await store.insert(a_task(callback=HOOK))
    (promised,) = await deliveries.of_task(task.id)
    assert (promised.state, promised.event, promised.url) == (State.WAITING, None, HOOK.url)
    assert await deliveries.claim(limit=9, per_key=9) == [] and await deliveries.recent() == []
    with pytest.raises(VideoNotReady):
        await deliveries.redeliver(promised.id)
    held = await claim_one(store)
    await store.retry(held.id, held.token, a_failure(), after_s=0, charged=True)
    assert (await deliveries.get(promised.id)).state is State.WAITING
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    (due,) = await deliveries.claim(limit=9, per_key=9)
    assert (due.id, due.event, due.attempts, due.base_url) == (promised.id, "video.task.completed", 1, HOOK.base_url)
    assert await deliveries.record(due, Outcome(status=200, duration_s=0.1)) is State.DELIVERED
    (over,) = await deliveries.recent()
    assert over.state is State.DELIVERED and over.ended_at and [one.status for one in over.history] == [200]
    assert await deliveries.next_due_in_s() is None


async def test_every_end_is_told_in_the_words_of_its_api(store: SqlTaskStore, deliveries: Deliveries) -> None:
    made = [(await store.insert(a_task(callback=HOOK, dialect=name)))[0] for name in ("xai", "openai", "xai", "openai")]
    await store.cancel(made[0].id)
    await store.cancel(made[1].id)
    for _ in made[2:]:
        held = await claim_one(store)
        await store.fail(held.id, held.token, a_failure())
    told = [(await deliveries.of_task(task.id))[0].event for task in made]
    assert told == ["video.task.cancelled", "video.failed", "video.task.failed", "video.failed"]


async def test_a_failure_is_tried_again_and_given_up_after_a_day(
    store: SqlTaskStore, deliveries: Deliveries, db: Database
) -> None:
    await ended(store)
    (sent,) = await deliveries.claim(limit=1, per_key=1)
    assert await deliveries.record(sent, REFUSED) is State.PENDING
    again = await deliveries.get(sent.id)
    assert again.due_at is not None and again.due_at > sent.created_at + timedelta(seconds=3)
    assert await deliveries.claim(limit=1, per_key=1) == [], "not before the pause is over"
    await later(db, sent.id, due_at=in_s(-1), give_up_at=in_s(3))
    (sent,) = await deliveries.claim(limit=1, per_key=1)
    assert (sent.tries, sent.attempts) == (2, 2)
    assert await deliveries.record(sent, REFUSED) is State.FAILED
    over = await deliveries.redeliver(sent.id)
    assert (over.state, over.tries, [one.error for one in over.history]) == (State.PENDING, 0, ["answered 500"] * 2)
    (sent,) = await deliveries.claim(limit=1, per_key=1)
    assert (sent.tries, sent.attempts) == (1, 3)
    assert await deliveries.record(sent, Outcome(status=410, error="gone")) is State.GONE
    assert await deliveries.claim(limit=1, per_key=1) == []


async def test_a_receiver_that_names_a_time_is_left_alone_until_then(
    store: SqlTaskStore, deliveries: Deliveries
) -> None:
    await ended(store)
    (sent,) = await deliveries.claim(limit=1, per_key=1)
    await deliveries.record(sent, Outcome(status=429, error="answered 429", retry_after_s=600))
    due_in_s = await deliveries.next_due_in_s()
    assert due_in_s is not None and 590 < due_in_s <= 600


def test_pauses_grow_to_three_hours_over_a_day() -> None:
    pauses = [pause_s(tries, chance=0.5) for tries in range(1, 16)]
    assert pauses[:4] == [5, 15, 45, 135] and pauses[-1] == 10800
    assert 12 <= next(n for n in range(1, 16) if sum(pauses[:n]) > 86400) <= 16
    assert pause_s(1, chance=0) == 4 and pause_s(1, chance=1) == pytest.approx(6)


def test_the_receivers_wish_is_kept_as_far_as_there_is_time() -> None:
    now, end = in_s(0), in_s(7200)

    def wait_s(tries: int, wish_s: float | None) -> float | None:
        at = next_try_at(now, tries, give_up_at=end, retry_after_s=wish_s)
        return None if at is None else round((at - now).total_seconds())

    assert wait_s(1, 600) == 600 and 4 <= (wait_s(1, 1) or 0) <= 6
    assert 7100 <= (wait_s(1, 10**9) or 0) < 7200, "a last try at the end"
    assert wait_s(15, None) is None, "the next pause is longer than the time there is"


async def test_a_claim_is_one_nodes_until_it_ends(store: SqlTaskStore, database_url: str, db: Database) -> None:
    for _ in range(6):
        await ended(store)
    async with Database.open(database_url) as other:
        nodes = [Deliveries(db), Deliveries(other)]
        rounds = await asyncio.gather(*(node.claim(limit=4, per_key=9) for node in nodes))
        taken = [one.id for got in rounds for one in got]
        taken += [one.id for one in await nodes[0].claim(limit=9, per_key=9)]
        assert len(taken) == len(set(taken)) == 6
        await later(db, taken[0], due_at=in_s(-1))  # its sender died: the claim is over
        (again,) = await nodes[1].claim(limit=9, per_key=9)
        assert again.id == taken[0] and again.attempts == 2
        lost = next(one for got in rounds for one in got if one.id == taken[0])
        await nodes[0].record(lost, REFUSED)
        assert (await nodes[1].get(taken[0])).state is State.PENDING
        assert await nodes[1].record(again, Outcome(status=204)) is State.DELIVERED
        assert (await nodes[1].get(taken[0])).state is State.DELIVERED


async def test_one_key_does_not_take_all_places(store: SqlTaskStore, deliveries: Deliveries) -> None:
    for key in ("slow", "slow", "slow", "quick"):
        await ended(store, key=key)
    taken = await deliveries.claim(limit=9, per_key=2)
    assert sorted(one.key_id or "" for one in taken) == ["quick", "slow", "slow"]
    assert await deliveries.claim(limit=9, per_key=2, busy=["slow"]) == []


async def test_deliveries_go_with_their_task(store: SqlTaskStore, deliveries: Deliveries) -> None:
    kept, gone = await ended(store), await ended(store)
    await store.delete(Filter(), ids=[gone])
    assert await deliveries.of_task(gone) == []
    running, _ = await store.insert(a_task(callback=HOOK))
    held = await claim_one(store)
    await store.delete(Filter(), ids=[running.id])
    await store.finish_cancel(held.id, held.token)
    (left,) = await deliveries.claim(limit=9, per_key=9)
    assert left.task_id == kept, "who deletes a task is told nothing of it"
    await store.drop_media(kept)
    await store.forget(older_than_s=-1)
    with pytest.raises(NotFound):
        await deliveries.get(left.id)


async def test_what_an_older_node_left_waiting_is_found(
    store: SqlTaskStore, deliveries: Deliveries, db: Database
) -> None:
    await ended(store)
    (sent,) = await deliveries.claim(limit=1, per_key=1)
    await later(db, sent.id, state="waiting", event=None, occurred_at=None, due_at=None)
    assert await deliveries.catch_up() == 1
    (again,) = await deliveries.claim(limit=1, per_key=1)
    assert again.event == "video.task.completed"
    assert await deliveries.catch_up() == 0


async def test_listings_go_on_where_they_were_left(store: SqlTaskStore, deliveries: Deliveries) -> None:
    for _ in range(3):
        await ended(store)
    await deliveries.post(Channel.NTFY, "http://phone", "profile.ready", {"message": "x"})
    first = await deliveries.recent(limit=2)
    rest = await deliveries.recent(limit=9, before=first[-1])
    assert len({one.id for one in (*first, *rest)}) == 4
    assert [one.channel for one in await deliveries.recent(operator=True)] == [Channel.NTFY]
    assert len(await deliveries.recent(operator=False)) == 3


async def test_the_operators_messages_are_forgotten_with_time(deliveries: Deliveries, db: Database) -> None:
    old = await deliveries.post(Channel.WEBHOOK, "http://there", "profile.ready", {})
    new = await deliveries.post(Channel.WEBHOOK, "http://there", "profile.ready", {})
    await later(db, old, created_at=in_s(-100))
    await deliveries.prune(older_than_s=50)
    assert [one.id for one in await deliveries.recent()] == [new]


# --- Idempotency-Keys outlive their tasks
async def test_a_key_counts_for_its_day_also_when_the_task_is_deleted(store: SqlTaskStore, db: Database) -> None:
    task, _ = await store.insert(a_task(idempotency_key="i", request_hash="h"))
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    assert (await store.made_before("key", "i", "h")) is not None
    assert (await store.made_before("another", "i", "h")) is None
    await store.delete(Filter(), ids=[task.id])
    for _ in range(2):
        with pytest.raises(IdempotencyConflict, match=f"made the task {task.id}, which was deleted"):
            await store.insert(a_task(idempotency_key="i", request_hash="h"))
        with pytest.raises(IdempotencyConflict):
            await store.made_before("key", "i", "h")
        await store.drop_media(task.id)  # the second time its row is gone
    from gateway.db.tables import used_idempotency_keys

    async with db.write() as connection:
        await connection.execute(update(used_idempotency_keys).values(created_at=in_s(-86401)))
    _, created = await store.insert(a_task(idempotency_key="i", request_hash="other"))
    assert created, "free again after a day"


async def test_a_key_counts_for_its_day_also_when_the_task_is_forgotten(store: SqlTaskStore) -> None:
    await store.insert(a_task(idempotency_key="i", request_hash="h"))
    held = await claim_one(store)
    await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(60))
    await store.drop_media(held.id)
    assert await store.forget(older_than_s=-1) == 1
    with pytest.raises(IdempotencyConflict):
        await store.insert(a_task(idempotency_key="i", request_hash="h"))
