"""The rows: what is kept, what is sealed, who may ask for what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from browser.clearance import Clearance, Cooldown
from gateway.cli.quota_view import quota, quota_in_words
from gateway.db.connect import Database
from gateway.profiles.errors import BadProfile, ProfileExists, ProxyUnreadable, UnknownProfile
from gateway.profiles.node import node_id
from gateway.profiles.registry import TOPIC, Registry
from gateway.profiles.sealing import masked, seal, unseal

KEY = b"k" * 32
PROXY = "http://me:s3cret@proxy.example:3128"


@pytest.fixture
async def registry(database_url: str) -> AsyncIterator[Registry]:
    async with Database.open(database_url) as db:
        yield Registry(db, node="here", proxy_key=KEY)


async def seen(registry: Registry, clearance: Clearance, *, since: datetime | None = None, **also: object) -> None:
    facts = {"reason": "", "account": {}, "cooldowns": (), "last_checkpoint_at": None, **also}
    await registry.record_seen("work", clearance=clearance, since=since or datetime.now(UTC), **facts)  # type: ignore[arg-type]


async def test_a_proxy_comes_back_as_it_was_and_is_shown_without_its_password(registry: Registry):
    made = await registry.add("work", proxy=PROXY)
    assert registry.proxy_of(made) == PROXY
    assert made.shown_proxy == "http://me:***@proxy.example:3128"
    assert made.sealed_proxy
    assert "proxy.example" not in made.sealed_proxy


async def test_a_proxy_sealed_with_another_key_is_not_gone_without(registry: Registry):
    made = await registry.add("work", proxy=PROXY)
    other = Registry(registry._db, node="here", proxy_key=b"x" * 32)
    row = await other.get("work")
    assert row.proxy_unreadable
    assert "gateway profile proxy work" in row.next_action
    with pytest.raises(ProxyUnreadable):
        other.proxy_of(made)


def test_a_sealed_proxy_cannot_be_moved_to_another_profile():
    with pytest.raises(ProxyUnreadable):
        unseal(seal(PROXY, KEY, bound_to="work"), KEY, bound_to="play")


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        (None, None),
        ("http://h:1", "http://h:1"),
        ("http://u:p@h:1", "http://u:***@h:1"),
        ("https://u@[::1]:1", "https://u:***@[::1]:1"),
    ],
)
def test_masking(proxy: str | None, shown: str | None):
    assert masked(proxy) == shown


async def test_names_and_proxies_are_checked(registry: Registry):
    for name, proxy in (("../up", None), ("", None), ("work", "ftp://h:1"), ("work", "socks5://u:p@h:1")):
        with pytest.raises(BadProfile):
            await registry.add(name, proxy=proxy)
    await registry.add("work")
    with pytest.raises(ProfileExists):
        await registry.add("work")
    for refused in (registry.get("none"), registry.enable("none"), registry.set_proxy("none", None)):
        with pytest.raises(UnknownProfile):
            await refused


async def test_what_is_changed_raises_the_revision_and_is_told(registry: Registry):
    await registry.add("work")
    with registry._db.changes.listen(TOPIC) as hint:
        await hint.wait(0)
        before = (await registry.get("work")).revision
        await registry.disable("work")
        assert await hint.wait(1)
    assert (await registry.get("work")).revision > before


async def test_since_is_kept_while_the_clearance_stays(registry: Registry):
    await registry.add("work")
    began = datetime.now(UTC) - timedelta(hours=3)
    await seen(registry, Clearance.READY, since=began, account={"id": "u1", "name": "n…"})
    await seen(registry, Clearance.READY)
    row = await registry.get("work")
    assert row.since == began
    assert (row.account_id, row.account["name"]) == ("u1", "n…")
    await seen(registry, Clearance.CHALLENGED)
    row = await registry.get("work")
    assert row.since is not None
    assert row.since > began
    assert row.account_id == "u1"


async def test_a_disabled_profile_keeps_what_the_site_last_said(registry: Registry):
    await registry.add("work")
    await seen(registry, Clearance.READY)
    await registry.disable("work")
    await seen(registry, Clearance.DISABLED)
    row = await registry.get("work")
    assert (row.enabled, row.clearance) == (False, Clearance.READY)
    assert "enable" in row.next_action


async def test_cooldowns_survive(registry: Registry):
    await registry.add("work")
    until = datetime.now(UTC) + timedelta(minutes=5)
    await seen(registry, Clearance.READY, cooldowns=(Cooldown("video", until, "limit reached"),))
    assert (await registry.get("work")).cooldowns == (Cooldown("video", until, "limit reached"),)


async def test_requests_are_answered_and_lapse(registry: Registry):
    await registry.add("work")
    asked_at = await registry.request_check("work")
    assert (await registry.get("work")).check_wanted
    await registry.answer_check("work", asked_at)
    row = await registry.get("work")
    assert not row.check_wanted
    assert row.checked_at is not None
    assert row.checked_at >= asked_at
    await registry.request_release("work", by="test", for_s=0.05)
    assert (await registry.get("work")).release_wanted(datetime.now(UTC))
    await asyncio.sleep(0.06)
    assert not (await registry.get("work")).release_wanted(datetime.now(UTC))


async def test_a_refusal_is_not_held_against_another_proxy(registry: Registry):
    await registry.add("work")
    await seen(registry, Clearance.BLOCKED)
    await registry.set_proxy("work", PROXY)
    assert (await registry.get("work")).clearance is Clearance.NEW


async def test_nodes_see_all_profiles_and_list_their_own(registry: Registry):
    there = Registry(registry._db, node="there", proxy_key=KEY)
    await registry.add("one")
    await there.add("two")
    assert [row.name for row in await registry.list()] == ["one", "two"]
    assert [row.name for row in await there.list(node="there")] == ["two"]
    with pytest.raises(ProfileExists):
        await there.add("one")


async def test_the_history_goes_with_the_profile(registry: Registry):
    await registry.add("work")
    await registry.log("work", "browser lost", {"reason": "crash"})
    assert [note.type for note in await registry.notes("work")] == ["browser lost", "added"]
    await registry.remove("work")
    await registry.add("work")
    assert [note.type for note in await registry.notes("work")] == ["added"]


async def test_a_long_history_loses_its_oldest_lines(registry: Registry):
    for name in ("work", "play"):
        await registry.add(name)
    for number in range(5):
        await registry.log("work", f"event {number}", {})
    await registry.prune_notes(keep=3)
    assert [note.type for note in await registry.notes("work")] == ["event 4", "event 3", "event 2"]
    assert [note.type for note in await registry.notes("play")] == ["added"]


def test_a_node_keeps_its_name(tmp_path: Path):
    name = node_id(tmp_path)
    assert node_id(tmp_path) == name
    assert [entry.name for entry in tmp_path.iterdir()] == ["node"]


async def test_quota_hints_are_kept_and_shown_with_their_age(registry: Registry):
    await registry.add("work")
    now = datetime.now(UTC)
    assert quota(await registry.get("work"), now) == []
    told_at = (now - timedelta(minutes=5)).isoformat()
    again = (now + timedelta(hours=2, minutes=1)).isoformat()
    await registry.note_quota(
        "work",
        {
            "video720p": {"remaining": 0, "window_s": 86400, "next_at": again, "told_at": told_at},
            "auto": {"remaining": 46, "total": 50, "told_at": told_at},
            "image": {"told_at": told_at},
        },
    )
    lines = quota(await registry.get("work"), now)
    assert [(line["kind"], line["remaining"], line["age_s"]) for line in lines] == [
        ("auto", 46, 300),
        ("image", None, 300),
        ("video720p", 0, 300),
    ]
    assert quota_in_words(lines, now) == (
        "auto 46 of 50; image not told; video720p 0 left per 1 d, again in 2 h (the site said so 5 min ago; only a hint)"
    )
    await registry.note_quota("gone", {})  # no row, no error
