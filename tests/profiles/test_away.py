"""Profiles of a node that is not at work are shown as that, whatever was last known of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from browser.clearance import Clearance
from gateway.cli.profile_view import as_dict, in_words
from gateway.db.connect import Database
from gateway.db.tables import nodes
from gateway.profiles.registry import Registry

KEY = b"k" * 32


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as opened:
        now = opened.clock.now()
        row = {"id": "there", "hostname": "box", "role": "all", "version": "1", "started_at": now, "heartbeat_at": now}
        async with opened.write() as connection:
            await connection.execute(insert(nodes).values(row))
        yield opened


async def ready(registry: Registry, name: str) -> None:
    await registry.record_seen(
        name,
        clearance=Clearance.READY,
        reason="",
        since=datetime.now(UTC),
        account={},
        cooldowns=(),
        last_checkpoint_at=None,
    )


async def test_a_silent_node_takes_its_profiles_out_of_reach(db: Database):
    here, there = (Registry(db, node=node, proxy_key=KEY) for node in ("here", "there"))
    for registry, name in ((here, "mine"), (there, "theirs")):
        await registry.add(name)
        await ready(registry, name)
    assert [row.state(datetime.now(UTC)).name for row in await here.list()] == ["ready", "ready"]

    for gone in ({"heartbeat_at": db.clock.now(-60)}, {"heartbeat_at": db.clock.now(), "left_at": db.clock.now()}):
        async with db.write() as connection:
            await connection.execute(update(nodes).values(gone))
        mine, theirs = await here.list()
        assert mine.state(datetime.now(UTC)).name == "ready", "who asks on its own node knows better"
        told = as_dict(theirs)
        assert (told["state"], told["node"]) == ("away", "there")
        assert told["reason"] == "node there, which has it, is not at work; it was ready"
        assert "gateway profile adopt theirs" in told["next_action"] and told["next_action"] in in_words(theirs)
    await here.disable("theirs")
    assert as_dict(await here.get("theirs"))["state"] == "disabled", "what its owner did comes first"


async def test_a_node_speaks_only_for_what_lives_on_it(db: Database):
    """One that was frozen while its profile was taken over wakes up and tells what it last saw."""
    here, there = (Registry(db, node=node, proxy_key=KEY) for node in ("here", "there"))
    await here.add("moved")
    await ready(there, "moved")
    await there.note_live("moved", {"pss_bytes": 1})
    now = await here.get("moved")
    assert (now.clearance, now.live) == (Clearance.NEW, {})
