"""A browser whose connections to the site hang is started anew; one whose site is silent is not, nor one that still hears."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

import pytest

from browser.clearance import Clearance, Verdict
from browser.errors import SlotLost, TransportTimeout
from browser.launch import LaunchSettings
from browser.line import DOUBTFUL, Line
from browser.pool import Pool
from browser.profiles import ProfileSpec
from browser.settings import PoolSettings
from browser.site import Site
from browser.status import ProfileEvent
from browser.transport import Transport
from tests.browser.fake_browser import FakeContext, World, fake_pool, stands, until
from tests.browser.real_pool import KEY, QUIET
from tests.simulator.client import Simulator

SILENT = TransportTimeout("the site did not answer the verification within 30 s")


def told(world: World) -> list[str]:
    return [event.what for event in world.events]


def in_vain(context: FakeContext, calls: int = DOUBTFUL) -> None:
    for _ in range(calls):
        context.line.waited_in_vain()


async def test_calls_in_vain_and_a_question_in_vain_start_the_browser_anew(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            context = world.contexts["work"]
            context.line.heard()
            context.transport.stuck = True
            waiting = asyncio.ensure_future(lease.transport.fetch("GET", "/"))
            await asyncio.sleep(0)
            world.verdicts["work"] = SILENT
            in_vain(context)
            with pytest.raises(SlotLost, match="answers nothing"):
                await waiting
            del world.verdicts["work"]
        async with pool.lease("chat", profile="work", timeout_s=5) as lease:
            assert (await lease.transport.fetch("GET", "/")).status == 200
        assert world.count("launch work") == 2 and world.count("close work") == 1
        assert "connections hang" in told(world)
        assert stands(pool, "work") is Clearance.READY
        assert pool.status()[0].recycles == 0, "it is no crash"


async def test_a_site_that_answers_our_own_question_is_left_alone(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5):
            asked = world.count("verify work")
            context = world.contexts["work"]
            context.line.heard()
            in_vain(context)
            await until(lambda: world.count("verify work") == asked + 1)
        async with pool.lease("chat", timeout_s=5):
            assert world.count("launch work") == 1


async def test_never_while_something_still_comes(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            asked = world.count("verify work")
            context, world.verdicts["work"] = world.contexts["work"], SILENT
            in_vain(context)
            context.line.heard()  # a piece of a stream
            await until(lambda: world.count("verify work") == asked + 1)
            await asyncio.sleep(0.05)
            assert (await lease.transport.fetch("GET", "/")).status == 200
        assert world.count("launch work") == 1 and "connections hang" not in told(world)


async def test_one_call_in_vain_is_nothing(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world), pool.lease("chat", timeout_s=5):
        asked = world.count("verify work")
        in_vain(world.contexts["work"], 1)
        world.contexts["work"].line.heard()
        in_vain(world.contexts["work"], 1)
        await asyncio.sleep(0.05)
        assert world.count("verify work") == asked


def test_who_leaves_after_long_without_an_answer_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients give up before our own deadlines pass."""
    asked: list[int] = []
    line = Line(lambda: asked.append(line.in_vain))

    def give_up() -> None:
        with pytest.raises(asyncio.CancelledError), line.asking():
            raise asyncio.CancelledError

    give_up()
    assert line.in_vain == 0
    monkeypatch.setattr("browser.line.LONG_S", 0.0)
    for _ in range(DOUBTFUL):
        give_up()
    assert asked == [DOUBTFUL]


async def test_a_new_browser_that_hears_nothing_either_is_not_started_again_and_again(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5):
            context = world.contexts["work"]
            context.line.heard()
            world.verdicts["work"] = SILENT
            in_vain(context)
            await until(lambda: world.count("launch work") == 2)
        await until(lambda: world.contexts["work"] is not context)
        for _ in range(3):
            asked = world.count("verify work")
            in_vain(world.contexts["work"])
            await until(lambda before=asked: world.count("verify work") > before)
        assert world.count("launch work") == 2, "the site is silent, not the connection"


# -- a real Chromium, and a site whose connections hang


def site_of(asked: list[int]) -> Site:
    async def verify(transport: Transport) -> Verdict:
        asked.append((await transport.fetch("GET", "/api/auth/session", timeout_s=1)).status)
        return Verdict(Clearance.READY, account={"id": "ann"})

    return Site(
        home_url="https://grok.com/", asset_url="https://grok.com/__gw", verify=verify, judge_page=lambda _: None,
        session_cookies=frozenset({"sso"}),
    )  # fmt: skip


@pytest.mark.browser
async def test_a_connection_that_hangs_is_replaced_and_calls_go_on(tmp_path: Path):
    events: list[ProfileEvent] = []
    async with Simulator(clearance="off") as sim:
        pool = Pool(
            site_of([]),
            launch=LaunchSettings(args=(*QUIET, *shlex.split(sim.browser_args))),
            profiles_dir=tmp_path,
            slots={"chat": 4},
            checkpoint_key=KEY,
            settings=PoolSettings(lease_grace_s=0.5),
            on_event=events.append,
        )
        async with pool:
            await pool.add(ProfileSpec("work"), clearance=Clearance.READY)
            async with pool.lease("chat", timeout_s=30) as lease:
                assert (await lease.transport.fetch("GET", "/api/auth/session")).status == 200
                assert await sim.wedge() > 0
                for _ in range(DOUBTFUL):
                    with pytest.raises((TransportTimeout, SlotLost)):
                        await lease.transport.fetch("GET", "/api/auth/session", timeout_s=0.5)
                await until(lambda: lease.revoked, within_s=20)
            async with pool.lease("chat", profile="work", timeout_s=30) as lease:
                assert (await lease.transport.fetch("GET", "/api/auth/session")).status == 200
        (hanging,) = [event for event in events if event.what == "connections hang"]
        assert "started anew" in hanging.reason
