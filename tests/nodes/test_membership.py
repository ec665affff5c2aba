"""Nodes find each other in the database, and one that cannot work with the others is refused with what to change."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from gateway.db.connect import Database
from gateway.db.tables import nodes, profiles
from gateway.doctor.nodes import nodes as findings
from gateway.errors import StartRefused
from gateway.media.opening import store_of
from gateway.nodes.addresses import leads_home, own_address
from gateway.nodes.membership import Identity, Membership, home_of
from gateway.nodes.model import Node, Places, ProfileOffer
from gateway.nodes.registry import NodeRegistry
from gateway.nodes.signing import HEADER, Signer
from gateway.profiles.node import node_id, take_name
from gateway.profiles.registry import Registry
from gateway.settings import Role, Settings

A = Identity("a", Role.ALL, "http://10.0.0.1:8080", "s3://media/x", "mark", "here")
B = replace(A, id="b", role=Role.WORKER, address="http://10.0.0.2:8080", home="there")


async def until(what, within_s=60):
    async with asyncio.timeout(within_s):
        while not await what():
            await asyncio.sleep(0.02)


async def test_nodes_see_each_other_and_what_their_profiles_can_do(postgresql_url: str) -> None:
    rest = datetime.now(UTC) + timedelta(minutes=5)
    offer = ProfileOffer(
        "p", "ready", "acc", frozenset({"15s"}), {"chat": Places(3, 48), "image": Places(2, 2)}, {"image": rest}
    )
    async with (
        Database.open(postgresql_url) as db,
        Database.open(postgresql_url) as other,
        Membership.join(db, A) as a,
        Membership.join(other, B),
    ):
        a.begin_telling(lambda: [offer], lambda: {"running": 7})
        registry = NodeRegistry(other)

        async def told() -> bool:
            return bool((await registry.everybody())[0].offers)

        await until(told)
        first, second = await registry.everybody()
        assert (first.id, first.role, first.address, first.info["running"]) == ("a", "all", A.address, 7)
        assert list(first.offers) == [offer] and second.offers == ()
        assert first.is_live(registry.stale_s) and first.age_s < 5
        now = datetime.now(UTC)
        assert first.free("chat", "chat:expert", now) == 3
        assert first.free("image", "", now) == 0 and first.free("image", "", rest + timedelta(seconds=1)) == 2
        assert not first.is_able("image", "", now) and not first.is_able("video", "", now)
    async with Database.open(postgresql_url) as db:
        assert [node.state(12.0) for node in await NodeRegistry(db).everybody()] == ["stopped", "stopped"]


async def test_a_node_that_died_is_stale_and_is_in_nobodys_way(postgresql_url: str) -> None:
    async with Database.open(postgresql_url) as db:
        async with Membership.join(db, A):
            pass
        async with db.write() as connection:
            died = {"left_at": None, "heartbeat_at": db.clock.now(-60)}
            await connection.execute(update(nodes).values(**died))
        [node] = await NodeRegistry(db).everybody()
        assert node.state(NodeRegistry(db).stale_s) == "stale"
        async with Membership.join(db, replace(B, secret="other", store="s3://elsewhere")):
            pass


@pytest.mark.parametrize(
    ("newcomer", "told"),
    [
        (replace(B, secret="other"), "another secret key.*GATEWAY_SECRET_KEY"),
        (replace(B, store="file:123"), "GATEWAY_MEDIA_URL=s3://"),
        (replace(B, store="s3://media/y"), "GATEWAY_MEDIA_URL=s3://"),
    ],
)
async def test_a_node_that_does_not_fit_is_refused(postgresql_url: str, newcomer: Identity, told: str) -> None:
    async with Database.open(postgresql_url) as db, Membership.join(db, A):
        with pytest.raises(StartRefused, match=told):
            async with Membership.join(db, newcomer):
                pass
        assert [node.id for node in await NodeRegistry(db).everybody()] == ["a"]


async def test_of_two_that_do_not_fit_exactly_one_comes_in(postgresql_url: str) -> None:
    async def start(identity: Identity, both_tried: asyncio.Barrier) -> str:
        async with Database.open(postgresql_url) as db:
            try:
                async with Membership.join(db, identity):
                    await both_tried.wait()
                    return "in"
            except StartRefused:
                await both_tried.wait()
                return "refused"

    barrier = asyncio.Barrier(2)
    came = await asyncio.gather(start(A, barrier), start(replace(B, store="file:1"), barrier))
    assert sorted(came) == ["in", "refused"]


async def test_a_name_belongs_to_one_data_directory(postgresql_url: str, tmp_path: Path) -> None:
    async with Database.open(postgresql_url) as db, Membership.join(db, A), Membership.join(db, A):
        pass  # it died a moment ago and is started again
    async with Database.open(postgresql_url) as db, Membership.join(db, A):
        with pytest.raises(StartRefused, match="its own GATEWAY_NODE_ID"):
            async with Membership.join(db, replace(A, home="elsewhere")):
                pass
    (tmp_path / "data").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert home_of(tmp_path / "data") == home_of(tmp_path / "link") != home_of(tmp_path / "other")


async def test_nodes_with_wrong_clocks_agree_on_the_time(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their signatures count by the database's clock: ten minutes between two machines keep nothing from being passed on."""

    class Fast(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(minutes=10)

    async with Database.open(postgresql_url) as db, Membership.join(db, A) as right:
        await right.registry.everybody()
        monkeypatch.setattr("gateway.nodes.registry.datetime", Fast)
        monkeypatch.setattr("gateway.nodes.registry.time", SimpleNamespace(time=lambda: time.time() + 600))
        wrong = NodeRegistry(db)
        await wrong.everybody()
        assert wrong.ahead_s < -590
        signed = Signer(b"key", "b", clock=wrong.now).sign("GET", "/x", to="a", body=b"")
        monkeypatch.undo()
        assert Signer(b"key", "a", clock=right.registry.now).check(signed[HEADER], "GET", "/x", body=b"") == "b"


async def test_a_new_name_takes_the_profiles_along(postgresql_url: str, tmp_path: Path) -> None:
    async with Database.open(postgresql_url) as db:
        old = node_id(tmp_path)
        await Registry(db, node=old, proxy_key=b"k" * 32).add("work")
        assert await take_name(db, tmp_path, "") == old
        assert await take_name(db, tmp_path, "node-a") == "node-a" == node_id(tmp_path)
        async with db.read() as connection:
            assert (await connection.execute(profiles.select())).one().node_id == "node-a"
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        node_id(elsewhere)
        with pytest.raises(StartRefused, match="name of another node"):
            await take_name(db, elsewhere, "node-a")


def test_addresses_and_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(**values: object) -> Settings:
        return Settings(data_dir=tmp_path, _env_file=None, **values)

    monkeypatch.setattr("socket.gethostname", lambda: "box")
    assert own_address(said(port=81)) == "http://127.0.0.1:81"
    assert own_address(said(host="0.0.0.0", port=81)) == "http://box:81"
    assert own_address(said(host="::", port=81)) == "http://box:81"
    assert own_address(said(host="fd00::1", port=81)) == "http://[fd00::1]:81"
    assert own_address(said(node_url="https://inner/")) == "https://inner"
    assert leads_home("http://127.0.0.1:81") and leads_home("http://[::1]:81") and leads_home("http://localhost")
    assert not leads_home("http://10.0.0.1:81") and not leads_home("http://box:81")
    for no_address in ("inner", "http://", "10.0.0.7:8080"):
        with pytest.raises(StartRefused, match="GATEWAY_NODE_URL"):
            own_address(said(node_url=no_address))
    (tmp_path / "media").mkdir()
    (tmp_path / "other").mkdir()
    here = store_of(said())
    assert here == store_of(said()) != store_of(said(media_url=f"file://{tmp_path / 'other'}"))
    assert store_of(said(media_url="s3://b/p/", s3_endpoint="http://x")) == "s3://b/p at http://x"


def test_the_diagnosis_names_silent_nodes_and_other_secrets() -> None:
    now = datetime.now(UTC)

    def node(name: str, age_s: float, secret: str = "mark") -> Node:
        info = {"secret": secret}
        return Node(name, f"host-{name}", "", "all", "1", started_at=now, heartbeat_at=now, age_s=age_s, info=info)

    def told(*found: Node) -> list[tuple[str, str]]:
        return [
            (one.level.value, one.message.split(" ")[0]) for one in findings(found, own="a", stale_s=12, secret="mark")
        ]

    assert told(node("a", 900)) == []
    assert told(node("a", 1), node("b", 1)) == [("ok", "a,")]
    assert told(node("a", 1), node("b", 900)) == [("warn", "b")]
    assert told(node("a", 900), node("b", 1, "other")) == [("warn", "b")]
