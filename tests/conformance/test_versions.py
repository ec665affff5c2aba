"""While nodes are replaced one by one, each meets rows of the version after and before its own."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from browser.clearance import Clearance
from gateway.auth.callers import Priority
from gateway.auth.keys import ApiKeys
from gateway.db.connect import Database
from gateway.db.tables import api_keys, assets, profiles, task_events, tasks, webhook_deliveries
from gateway.media.assets import AssetKind
from gateway.media.disk import DiskMedia
from gateway.media.shelf import Shelf, Wanted
from gateway.profiles.registry import Registry
from gateway.tasks import claim_sql
from gateway.tasks.feed import Feed
from gateway.tasks.model import Callback, VideoMode, VideoSpec
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.webhooks.model import Channel
from gateway.webhooks.store import Deliveries
from tests.conformance.samples import OTHER, a_failure, a_result, a_task, claim, claim_one, in_s, offer

FIRST_MODES = {"text", "image", "references", "extend"}

#: What a later version may write into a task that waits, each by itself.
UNKNOWN: dict[str, dict[str, Any]] = {
    "mode": {"spec": {"prompt": "p", "seconds": 6, "mode": "hologram", "preset": "normal", "image_assets": []}},
    "exact mode": {"spec": {"prompt": "p", "mode": "extend", "exact_mode": "hologram", "preset": "normal"}},
    "preset": {"spec": {"prompt": "p", "mode": "text", "preset": "noir", "image_assets": []}},
    "kind": {"kind": "song", "spec": {"tune": "la"}, "requires": "song"},
    "state": {"state": "paused"},
    "stage": {"stage": "colouring", "requires": "hologram"},
}


async def plant(db: Database, task_id: str, **values: Any) -> None:
    async with db.write() as connection:
        await connection.execute(update(tasks).where(tasks.c.id == task_id).values(**values))


async def test_waiting_tasks_of_a_later_version_are_shown_and_left_to_its_nodes(
    store: SqlTaskStore, db: Database
) -> None:
    later = {}
    for what, values in UNKNOWN.items():
        made, _ = await store.insert(a_task(key="one", callback=Callback("https://caller.test/x", "https://me.test")))
        await plant(db, made.id, **values)
        later[made.id] = what
    mine, _ = await store.insert(a_task(key="one"))
    assert [one.id for one in await claim(store, offer(free=9))] == [mine.id], "they stand in nobody's way"
    assert await claim(store, offer(free=9)) == []
    for task_id, what in later.items():
        shown = await store.get(task_id)
        assert shown.state is State.QUEUED and shown.stage is None
        assert (shown.spec.mode is VideoMode.LATER) is (what in {"mode", "exact mode", "preset", "kind"}), what
        await store.queue_position(task_id)
        assert [one.state for one in await Deliveries(db).of_task(task_id)] == ["waiting"]
    everything = {*later, mine.id}
    assert {task.id for task in (await store.find(Filter())).tasks} == everything
    assert {task.id for task in (await store.find(Filter(key_id="one", search="lighthouse"))).tasks} == everything
    assert await store.sweep() == [] and await store.take_back(OTHER) == []
    await store.counts(), await store.runnable_in_s("video"), await store.usual()
    await store.awaiting("main", "acc", only_one=True)


async def test_lost_tasks_of_a_later_version_go_back_to_the_queue_for_its_nodes(
    store: SqlTaskStore, db: Database
) -> None:
    lost = set()
    for what in ("mode", "preset", "kind", "stage"):
        await store.insert(a_task())
        held = await claim_one(store, worker=OTHER, lease_s=-1)
        await plant(db, held.id, **UNKNOWN[what])
        lost.add(held.id)
    assert {task.id for task in await store.sweep()} == lost
    assert await claim(store, offer(free=9)) == []
    async with db.write() as connection:  # begun at the site
        begun = {"bound": True, "account_id": "acc", "profile": "main"}
        await connection.execute(update(tasks).values(begun))
    assert await claim(store, offer(free=9)) == []
    for task_id in lost:
        assert (await store.get(task_id)).state is State.QUEUED
        assert (await store.cancel(task_id)).state is State.CANCELLED


async def test_finished_tasks_of_a_later_version_are_followed_counted_and_removed(
    store: SqlTaskStore, db: Database
) -> None:
    done = set()
    for what in ("mode", "preset", "kind"):
        await store.insert(a_task())
        held = await claim_one(store)
        done.add(held.id)
        await plant(db, held.id, **UNKNOWN[what])
        async with db.write() as connection:
            second = (task_events.c.task_id == held.id, task_events.c.seq == 2)
            await connection.execute(update(task_events).where(*second).values(type="dreaming"))
        await store.succeed(held.id, held.token, a_result(held.id), expires_at=in_s(-1))
        await plant(db, held.id, result={"asset_id": "song.mp3", "beats": 120})
        shown = await store.get(held.id)
        assert shown.result is not None and (shown.result.asset_id, shown.result.duration_s) == ("song.mp3", 0.0)
        seen = [event.type async for event in Feed(store, db.changes).follow(held.id)]
        assert seen == ["accepted", "dreaming", "succeeded"]
    assert (await store.counts()).by_state[State.SUCCEEDED] == len(done)
    await store.usual()
    assert {task.id for task in await store.expired()} == done
    for task_id in done:
        await store.drop_media(task_id)
    assert {task.id for task in await store.delete(Filter())} == done


async def test_states_of_a_later_version_are_shown_as_the_nearest_and_not_touched(
    store: SqlTaskStore, db: Database
) -> None:
    seen_as: dict[State, dict[str, Any]] = {
        State.RUNNING: {"owner": OTHER, "lease_until": in_s(60)},
        State.SUCCEEDED: {"finished_at": in_s(0), "result": {"asset_id": "a"}},
        State.FAILED: {"finished_at": in_s(0), "failure": {"code": "c", "message": "m"}},
        State.CANCELLED: {"finished_at": in_s(0)},
    }
    for state, values in seen_as.items():
        made, _ = await store.insert(a_task())
        await plant(db, made.id, state="paused", **values)
        assert (await store.get(made.id)).state is state
        assert (await store.cancel(made.id)).state is state
    await store.sweep()
    await store.delete(Filter())
    async with db.read() as connection:
        assert set((await connection.execute(select(tasks.c.state))).scalars()) == {"paused"}


async def test_the_version_before_can_read_what_this_one_adds_and_leaves_it_alone(
    store: SqlTaskStore, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails on a mode it does not know, and claims what asks for nothing that it does not offer."""
    made, _ = await store.insert(a_task(spec=VideoSpec("", mode=VideoMode.UPSCALE, source_task_id="s")))
    assert made.spec.mode is VideoMode.UPSCALE and (await store.get(made.id)).spec == made.spec
    async with db.read() as connection:
        row = (await connection.execute(select(tasks.c.spec, tasks.c.requires))).one()
    assert row.spec["mode"] in FIRST_MODES and row.requires == "upscale"
    with monkeypatch.context() as before:
        before.setattr(claim_sql, "ABLE", frozenset())
        assert await claim(store) == []
    assert [one.id for one in await claim(store)] == [made.id]


async def test_an_upscale_that_was_stored_before_modes_had_words_is_made(store: SqlTaskStore, db: Database) -> None:
    made, _ = await store.insert(a_task())
    await plant(db, made.id, spec={"prompt": "", "mode": "upscale", "preset": "normal", "source_task_id": "s"})
    assert (await claim_one(store)).task.spec.mode is VideoMode.UPSCALE


async def test_messages_of_a_later_version_wait_for_its_nodes(store: SqlTaskStore, db: Database) -> None:
    deliveries = Deliveries(db)
    for _ in range(2):
        await deliveries.post(Channel.WEBHOOK, "https://operator.test", "profile.ready", {})
    first, second = await deliveries.recent()
    async with db.write() as connection:
        for one, word in ((first, {"channel": "pigeon"}), (second, {"state": "napping"})):
            await connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == one.id).values(word))
    assert await deliveries.recent() == [] and await deliveries.claim(limit=9, per_key=9) == []
    assert await deliveries.next_due_in_s() is None, "nobody looks again and again for what he cannot send"
    assert await deliveries.pending() == 0


async def test_other_words_of_a_later_version_mean_the_least(db: Database, tmp_path) -> None:
    keys = ApiKeys(db, b"pepper")
    _, secret = await keys.create("k", priority=Priority.HIGH)
    registry = Registry(db, node="here", proxy_key=b"k" * 32)
    await registry.add("main")
    media = DiskMedia(tmp_path, db)
    await media.add(b"x", kind=AssetKind.VIDEO, suffix=".bin", media_type="x/y", id="file")
    async with db.write() as connection:
        await connection.execute(update(api_keys).values(priority=5))
        await connection.execute(update(profiles).values(clearance="dreaming"))
        await connection.execute(update(assets).values(kind="hologram"))
    caller = await keys.authenticate(secret)
    assert caller.priority is Priority.NORMAL
    (profile,) = await registry.list()
    assert profile.clearance is Clearance.VERIFYING
    assert (await media.get("file")).kind is AssetKind.INPUT
    assert (await Shelf(db).newest(Wanted(), limit=9))[0] == []


async def test_a_failure_of_a_later_version_is_read(store: SqlTaskStore, db: Database) -> None:
    await store.insert(a_task())
    held = await claim_one(store)
    await store.fail(held.id, held.token, a_failure())
    await plant(db, held.id, failure={"code": "c", "message": "m", "advice": "later"})
    failure = (await store.get(held.id)).failure
    assert failure is not None and failure.code == "c"
