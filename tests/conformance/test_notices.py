"""The operator is told once: not for what passes by itself, not twice by two nodes, not again after a restart."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from gateway.db.connect import Database
from gateway.db.tables import notices, profiles
from gateway.nodes.registry import NodeRegistry
from gateway.tasks.sql_store import SqlTaskStore
from gateway.webhooks.model import Channel, Delivery
from gateway.webhooks.notices import GB
from gateway.webhooks.store import Deliveries
from gateway.webhooks.watching import Targets, Watch
from tests.conformance.samples import a_task, in_s

BOTH = {Channel.WEBHOOK: "http://10.0.0.1/hook", Channel.NTFY: "http://10.0.0.1/topic"}
ONE = {Channel.WEBHOOK: "http://10.0.0.1/hook"}


def a_watch(db: Database, targets: Targets = ONE, *, after_s: float = 60, node: str = "n") -> Watch:
    return Watch(db, targets, after_s=after_s, console="https://gw.example/", node=node, data_dir=Path("/"))


async def stands(db: Database, name: str, clearance: str, *, for_s: float = 100, **more: object) -> None:
    row = {
        "name": name, "node_id": "n", "enabled": True, "clearance": clearance, "reason": "it said so",
        "since": in_s(-for_s), "created_at": in_s(0), "updated_at": in_s(0), **more,
    }  # fmt: skip
    async with db.write() as connection:
        await connection.execute(delete(profiles).where(profiles.c.name == name))
        await connection.execute(insert(profiles).values(row))


async def told(db: Database) -> list[Delivery]:
    return list(reversed(await Deliveries(db).recent(operator=True)))


async def test_the_way_from_trouble_to_ready(db: Database, store: SqlTaskStore) -> None:
    watch = a_watch(db)
    await store.insert(a_task())
    await stands(db, "work", "login_required")
    for _ in range(3):
        await watch.look()
    (first,) = await told(db)
    assert first.event == "profile.needs_attention" and first.url == ONE[Channel.WEBHOOK]
    assert first.data["profile"] == "work" and first.data["state"] == "login_required"
    assert first.data["tasks_waiting"] == 1 and first.data["url"] == "https://gw.example/console/live/work"
    for words in ("work", "signed", "it said so", "1 task waits", "https://gw.example/console/live/work"):
        assert words in first.data["message"]
    await stands(db, "work", "held")
    await watch.look()
    await stands(db, "work", "verifying")
    await watch.look()
    assert len(await told(db)) == 1, "somebody is at it: nothing to tell"
    await stands(db, "work", "ready", for_s=0)
    for _ in range(2):
        await watch.look()
    _, second = await told(db)
    assert (second.event, second.data["title"]) == ("profile.ready", "Ready again: work")
    await stands(db, "work", "login_required")
    await watch.look()
    assert len(await told(db)) == 3, "it happened again, weeks later"


@pytest.mark.parametrize("clearance", ["login_required", "challenged", "blocked", "crashed"])
async def test_what_needs_a_human_is_told_after_a_while(db: Database, clearance: str) -> None:
    await stands(db, "work", clearance, for_s=50)
    await a_watch(db).look()
    assert await told(db) == []
    await stands(db, "work", clearance, for_s=61)
    await a_watch(db).look()
    assert [one.data["state"] for one in await told(db)] == [clearance]


async def test_a_challenge_that_a_reload_renews_calls_nobody(db: Database) -> None:
    watch = a_watch(db)
    for clearance in ("challenged", "verifying", "ready", "challenged", "ready"):
        await stands(db, "work", clearance, for_s=5)
        await watch.look()
    assert await told(db) == []


@pytest.mark.parametrize("clearance", ["new", "verifying", "ready", "stale_page", "held", "disabled", "a word of 2031"])
async def test_other_states_are_no_news(db: Database, clearance: str) -> None:
    await stands(db, "work", clearance)
    await a_watch(db).look()
    assert await told(db) == []


async def test_two_nodes_tell_once_and_so_does_one_that_restarts(database_url: str, db: Database) -> None:
    await stands(db, "work", "blocked")
    async with Database.open(database_url) as other:
        await asyncio.gather(*(a_watch(node).look() for node in (db, other, db, other)))
        await a_watch(other).look()
        assert len(await told(db)) == 1
        await stands(db, "work", "ready")
        await asyncio.gather(*(a_watch(node).look() for node in (db, other, db, other)))
        assert [one.event for one in await told(db)] == ["profile.needs_attention", "profile.ready"]


async def test_another_trouble_is_told_too(db: Database) -> None:
    watch = a_watch(db)
    await stands(db, "work", "challenged")
    await watch.look()
    await stands(db, "work", "blocked")
    await watch.look()
    assert [one.data["state"] for one in await told(db)] == ["challenged", "blocked"]


async def test_a_profile_that_is_disabled_or_gone_is_forgotten(db: Database) -> None:
    watch = a_watch(db)
    for name in ("off", "gone"):
        await stands(db, name, "blocked")
    await watch.look()
    async with db.write() as connection:
        await connection.execute(update(profiles).where(profiles.c.name == "off").values(enabled=False))
        await connection.execute(delete(profiles).where(profiles.c.name == "gone"))
    await watch.look()
    assert len(await told(db)) == 2
    async with db.read() as connection:
        assert (await connection.execute(notices.select())).all() == []


async def test_every_address_is_told(db: Database) -> None:
    await stands(db, "work", "crashed")
    await a_watch(db, BOTH).look()
    assert {one.channel for one in await told(db)} == {Channel.WEBHOOK, Channel.NTFY}


async def test_the_disk(db: Database) -> None:
    watch = a_watch(db)
    for free in (5 * GB, GB // 2, GB // 2, GB + GB // 2, GB // 2, 3 * GB, 3 * GB):
        await watch.look_at_disk(free)
    assert [one.event for one in await told(db)] == ["node.disk_low", "node.disk_ok"]
    assert "0.5 GB free" in (await told(db))[0].data["message"]
    await a_watch(db, node="other").look_at_disk(0)
    assert [one.data.get("node") for one in await told(db)] == ["n", "n", "other"]


async def test_it_looks_by_itself(db: Database) -> None:
    """The loop: a profile's row changes, and somebody is told."""
    watch = a_watch(db, after_s=0.1)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.profiles())
        await stands(db, "work", "login_required", for_s=0)
        async with asyncio.timeout(60):
            while not await told(db):
                await asyncio.sleep(0.05)
        running.cancel()
    (one,) = await told(db)
    assert one.occurred_at is not None and one.occurred_at - in_s(0) < timedelta(seconds=15)


async def test_tasks_that_another_profile_takes_do_not_wait_for_this_one(db: Database, store: SqlTaskStore) -> None:
    await store.insert(a_task())
    await stands(db, "other", "ready")
    await stands(db, "work", "login_required")
    await a_watch(db).look()
    (first,) = await told(db)
    assert first.data["tasks_waiting"] == 0


async def test_a_ready_profile_of_a_node_that_is_gone_takes_nothing(db: Database, store: SqlTaskStore) -> None:
    await store.insert(a_task())
    registry = NodeRegistry(db)
    row = {"id": "gone", "hostname": "h", "address": "", "role": "all", "version": "1", "info": {}}
    await registry.join(row, check=lambda _: None)
    await registry.leave("gone")
    await stands(db, "other", "ready", node_id="gone")
    await stands(db, "work", "login_required")
    await a_watch(db).look()
    (first,) = await told(db)
    assert first.data["tasks_waiting"] == 1
