"""Borrowing slots: who gets one, who waits, who is sent away, and that none is lost or given twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from browser.clearance import Clearance
from browser.context import Gone
from browser.errors import (
    BrowserError,
    LaunchFailed,
    LeaseTimeout,
    PoolClosed,
    PoolSaturated,
    ProfileNotCleared,
    ProfileUnknown,
    SlotLost,
)
from browser.pool import Pool
from browser.profiles import ProfileSpec
from browser.slot import Slot
from tests.browser.fake_browser import CHALLENGED, READY, SIGNED_OUT, World, fake_pool, stands, until


async def test_a_lease_starts_the_browser_of_a_ready_profile_and_works_through_it(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        assert world.done == []
        async with pool.lease("chat", timeout_s=5) as lease:
            assert (await lease.transport.fetch("GET", "/")).text == "work"
            assert lease.profile == "work"
            assert lease.account == {"id": "ann"}
            assert "chat 1/2" in repr(pool)
        assert "chat 0/2" in repr(pool)
        assert world.count("launch work") == 1


async def test_a_profile_is_chosen_by_free_slots_then_by_rest(tmp_path: Path):
    async with fake_pool(tmp_path, "a", "b", "c", slots={"chat": 2}) as (pool, _):
        async with pool.lease("chat", timeout_s=5) as first, pool.lease("chat", timeout_s=5) as second:
            assert [first.profile, second.profile] == ["a", "b"]
            async with pool.lease("chat", timeout_s=5) as third:
                assert third.profile == "c"
        assert pool.free("chat") == ["a", "b", "c"]
        async with pool.lease("chat", profile="a", timeout_s=5):
            assert pool.free("chat") == ["b", "c", "a"]
        assert pool.free("chat") == ["b", "c", "a"]


async def test_waiters_of_a_kind_are_served_in_order(tmp_path: Path):
    served = []

    async def borrow(pool: Pool, number: int) -> None:
        async with pool.lease("video", timeout_s=5):
            served.append(number)
            await asyncio.sleep(0)

    async with fake_pool(tmp_path, "work") as (pool, _), asyncio.TaskGroup() as group, pool.lease("video", timeout_s=5):
        for number in range(8):
            group.create_task(borrow(pool, number))
            await asyncio.sleep(0)
        assert "video 8" in repr(pool)
    assert served == list(range(8))


async def test_one_who_waits_for_a_busy_profile_does_not_hold_up_the_others(tmp_path: Path):
    async with (
        fake_pool(tmp_path, "a", "b", slots={"video": 1}) as (pool, _),
        pool.lease("video", profile="a", timeout_s=5),
        asyncio.TaskGroup() as group,
    ):
        sticky = group.create_task(_profile_of(pool, "video", profile="a"))
        await asyncio.sleep(0)
        assert await _profile_of(pool, "video") == "b"
        sticky.cancel()


async def test_nobody_overtakes_those_who_wait(tmp_path: Path):
    async with fake_pool(tmp_path, "work", slots={"video": 1}) as (pool, _), asyncio.TaskGroup() as group:
        got: list[str] = []
        async with pool.lease("video", timeout_s=5):
            waiting = group.create_task(_note(pool, got, "waited"))
            await asyncio.sleep(0)
        # The slot is handed to the waiter in the tick it is given back; a newcomer comes after it.
        late = group.create_task(_note(pool, got, "late"))
        await asyncio.gather(waiting, late)
        assert got == ["waited", "late"]


async def test_a_full_queue_refuses(tmp_path: Path):
    async with (
        fake_pool(tmp_path, "work", slots={"video": 1}, max_waiting=1) as (pool, _),
        pool.lease("video", timeout_s=5),
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(_profile_of(pool, "video"))
        await asyncio.sleep(0)
        with pytest.raises(PoolSaturated):
            await _profile_of(pool, "video")
        waiting.cancel()


async def test_a_timeout_says_what_each_profile_does_instead(tmp_path: Path):
    world = World(verdicts={"out": SIGNED_OUT})
    async with fake_pool(tmp_path, "busy", world=world, slots={"video": 1}) as (pool, _):
        await pool.add(ProfileSpec("out"), clearance=Clearance.LOGIN_REQUIRED, reason="signed out")
        async with pool.lease("video", timeout_s=5):
            with pytest.raises(LeaseTimeout, match=r"busy is fully used; profile out is login_required: signed out"):
                await _profile_of(pool, "video", timeout_s=0.05)
        pool_cooled = datetime.now(UTC) + timedelta(hours=1)
        async with pool.lease("video", timeout_s=5) as lease:
            lease.cool("video", pool_cooled, "20 of 20 used")
        with pytest.raises(LeaseTimeout, match=r"busy rests until .*: 20 of 20 used"):
            await _profile_of(pool, "video", timeout_s=0.05)


async def test_a_profile_asked_for_by_name_is_refused_at_once_unless_it_is_ready(tmp_path: Path):
    world = World(verdicts={"out": SIGNED_OUT})
    async with fake_pool(tmp_path, "work", world=world) as (pool, _):
        await pool.add(ProfileSpec("out"), clearance=Clearance.LOGIN_REQUIRED, reason="signed out")
        with pytest.raises(ProfileNotCleared, match="profile out is login_required: signed out"):
            await _profile_of(pool, "chat", profile="out", timeout_s=60)
        with pytest.raises(ProfileUnknown):
            await _profile_of(pool, "chat", profile="nobody", timeout_s=60)


async def test_one_who_waits_for_a_profile_is_sent_away_when_it_leaves_ready(tmp_path: Path):
    async with (
        fake_pool(tmp_path, "work", slots={"video": 1}) as (pool, world),
        pool.lease("video", timeout_s=5) as lease,
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(_failure(pool, "video", profile="work"))
        await asyncio.sleep(0)
        world.verdicts["work"] = SIGNED_OUT
        lease.report(SIGNED_OUT)
        assert isinstance(await waiting, ProfileNotCleared)


async def test_a_cooling_kind_rests_while_the_others_work(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("video", timeout_s=5) as lease:
            lease.cool("video", datetime.now(UTC) + timedelta(seconds=0.15), "20 of 20 used")
        assert pool.free("video") == []
        assert pool.free("chat") == ["work"]
        seen = await pool.wait_changed(0)
        assert await _profile_of(pool, "video", timeout_s=5) == "work"  # waits for the end of the cooldown
        assert await pool.wait_changed(seen) > seen
        assert [event.what for event in world.events].count("kind cooling") == 1


async def test_an_engine_waits_for_capacity_without_polling(tmp_path: Path):
    async with fake_pool(tmp_path, "work", slots={"video": 1}) as (pool, _), asyncio.TaskGroup() as group:
        async with pool.lease("video", timeout_s=5) as lease:
            assert pool.free("video") == []
            seen = await pool.wait_changed(0)
            told = group.create_task(pool.wait_changed(seen))
            await asyncio.sleep(0.02)
            assert not told.done()
        assert await told > seen
        assert pool.free("video") == [lease.profile]


async def test_the_call_of_a_revoked_lease_ends_with_slot_lost(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease, asyncio.TaskGroup() as group:
            world.contexts["work"].transport.stuck = True
            call = group.create_task(_outcome(lease.transport.fetch("GET", "/")))
            await asyncio.sleep(0)
            transport = lease.transport
            world.contexts["work"].kill(Gone.BROWSER)
            assert isinstance(await call, SlotLost)
            assert lease.revoked
            with pytest.raises(SlotLost):
                await transport.fetch("GET", "/")
            # Another lease meanwhile works on the new browser of the same profile.
            assert await _profile_of(pool, "chat") == "work"
        assert world.count("launch work") == 2


async def test_the_transport_of_an_ended_lease_is_dead(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, _):
        async with pool.lease("chat", timeout_s=5) as lease:
            transport = lease.transport
        with pytest.raises(SlotLost, match="the lease ended"):
            await transport.fetch("GET", "/")


async def test_the_janitor_closes_what_a_borrower_left_open_before_the_slot_is_lent_again(tmp_path: Path):
    async with fake_pool(tmp_path, "work", slots={"video": 1}) as (pool, world):
        async with pool.lease("video", timeout_s=5) as lease:
            await lease.transport.stream("GET", "/").__aenter__()
            assert world.contexts["work"].transport.open == 1
        async with pool.lease("video", timeout_s=5):
            assert world.contexts["work"].transport.open == 0


async def test_a_stream_stops_with_its_lease(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world), pool.lease("chat", timeout_s=5) as lease:
        with pytest.raises(SlotLost):
            async with lease.transport.stream("GET", "/") as reply:
                async for piece in reply:
                    assert piece == "first"
                    lease.revoke("taken away")
        assert world.contexts["work"].transport.open == 0


async def test_a_failed_start_sends_the_borrower_to_another_profile(tmp_path: Path):
    world = World(launch_errors={"a": LaunchFailed("no room")})
    async with fake_pool(tmp_path, "a", "b", world=world) as (pool, _):
        assert await _profile_of(pool, "chat") == "b"
        assert pool.free("chat") == ["b"]  # a rests before the next try
        with pytest.raises(LaunchFailed, match="no room"):
            world.launch_errors["b"] = LaunchFailed("no room")
            world.contexts["b"].kill(Gone.BROWSER)
            await _profile_of(pool, "chat", profile="b")


async def test_draining_refuses_newcomers_and_those_who_wait_and_lets_borrowers_finish(tmp_path: Path):
    finished = []

    async def work(pool: Pool, started: asyncio.Event) -> None:
        async with pool.lease("video", timeout_s=5) as lease:
            started.set()
            await asyncio.sleep(0.05)
            assert (await lease.transport.fetch("GET", "/")).status == 200
            finished.append(lease.profile)

    async with fake_pool(tmp_path, "work", slots={"video": 1}) as (pool, world), asyncio.TaskGroup() as group:
        started = asyncio.Event()
        group.create_task(work(pool, started))
        await started.wait()
        waiting = group.create_task(_failure(pool, "video"))
        await asyncio.sleep(0)
        await pool.drain(timeout_s=5)
        assert finished == ["work"]
        assert isinstance(await waiting, PoolClosed)
        assert isinstance(await _failure(pool, "video"), PoolClosed)
        assert world.done[-1] == "close work"
        assert world.events[-1].what == "checkpoint confirmed"
        with pytest.raises(PoolClosed):
            await pool.wait_changed(await pool.wait_changed(0))


async def test_draining_takes_the_page_from_a_borrower_who_does_not_finish(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world), pool.lease("chat", timeout_s=5) as lease:
        world.contexts["work"].transport.stuck = True
        async with asyncio.TaskGroup() as group:
            call = group.create_task(_outcome(lease.transport.fetch("GET", "/")))
            await pool.drain(timeout_s=0.2)
            assert isinstance(await call, SlotLost)


@pytest.mark.parametrize("seed", range(30))
async def test_no_slot_is_lost_or_given_twice_whatever_happens(tmp_path: Path, seed: int):
    """Borrowers cancelled at random moments, crashes, refusals, cooldowns, holds and releases, all at once."""
    luck = random.Random(seed)
    slots = {"chat": 2, "video": 1}
    names = ["a", "b", "c"]
    in_hand: Counter[Slot] = Counter()
    granted = 0

    async def borrow(pool: Pool) -> None:
        nonlocal granted
        kind = luck.choice(list(slots))
        profile = luck.choice([None, None, *names])
        try:
            async with pool.lease(kind, profile=profile, timeout_s=luck.choice([0.001, 0.02, 2.0])) as lease:
                granted += 1
                in_hand[lease.slot] += 1
                try:
                    assert in_hand[lease.slot] == 1, f"{lease.slot} was given twice"
                    await _work(lease, luck)
                finally:
                    in_hand[lease.slot] -= 1
        except BrowserError:
            pass

    async def trouble(pool: Pool, world: World) -> None:
        name = luck.choice(names)
        try:
            match luck.randrange(6):
                case 0:
                    if (context := world.contexts.get(name)) is not None and context.observer is not None:
                        context.kill(luck.choice([Gone.PAGE, Gone.BROWSER, Gone.DRIVER]))
                case 1:
                    async with pool.hold(name, timeout_s=luck.choice([0.01, 0.5])):
                        await asyncio.sleep(luck.random() * 0.01)
                case 2:
                    await pool.release(name, timeout_s=0.5)
                    pool.resume(name)
                case 3:
                    world.verdicts[name] = luck.choice([READY, READY, CHALLENGED])
                    await pool.check(name)
                case 4:
                    await pool.update(ProfileSpec(name, enabled=False))
                    await pool.update(ProfileSpec(name, enabled=True))
                case 5:
                    await pool.remove(name)
                    await pool.add(ProfileSpec(name), clearance=Clearance.READY)
        except BrowserError:
            pass

    world = World(launch_pause_s=0.001)
    async with fake_pool(tmp_path, *names, world=world, slots=slots, lease_grace_s=0.02, recycle_limit=10**6) as (
        pool,
        _,
    ):
        async with asyncio.TaskGroup() as group:
            tasks = []
            for _ in range(80):
                tasks.append(group.create_task(borrow(pool)))
                if luck.random() < 0.15:
                    tasks.append(group.create_task(trouble(pool, world)))
                if luck.random() < 0.4:
                    luck.choice(tasks).cancel()
                await asyncio.sleep(luck.choice([0, 0, 0.001, 0.003]))
        world.verdicts.clear()
        for name in names:
            # A cancelled operator may have left a profile disabled, released or out; bring all back.
            if name not in [status.name for status in pool.status()]:
                await pool.add(ProfileSpec(name), clearance=Clearance.READY)
            await pool.update(ProfileSpec(name, enabled=True))
            pool.resume(name)
            await pool.check(name)
        assert granted > 5
        await until(lambda: repr(pool).count("chat 0/2 video 0/1") == 3)
        async with asyncio.TaskGroup() as group:
            everything = [(kind, name) for name in names for kind, total in slots.items() for _ in range(total)]
            all_in = asyncio.Barrier(len(everything))
            for kind, name in everything:
                group.create_task(_meet(pool, kind, name, all_in))
        assert {stands(pool, name) for name in names} == {Clearance.READY}


async def _work(lease, luck: random.Random) -> None:
    await asyncio.sleep(luck.choice([0, 0.001, 0.01]))
    await lease.transport.fetch("GET", "/")
    match luck.randrange(12):
        case 0:
            lease.report(CHALLENGED)
        case 1:
            lease.cool(lease.kind, datetime.now(UTC) + timedelta(seconds=0.01), "a little")
        case 2:
            raise SlotLost("the borrower gives up")


async def _meet(pool: Pool, kind: str, name: str, all_in: asyncio.Barrier) -> None:
    async with pool.lease(kind, profile=name, timeout_s=5):
        await all_in.wait()


async def _profile_of(pool: Pool, kind: str, *, profile: str | None = None, timeout_s: float = 5) -> str:
    async with pool.lease(kind, profile=profile, timeout_s=timeout_s) as lease:
        return lease.profile


async def _note(pool: Pool, got: list[str], who: str) -> None:
    async with pool.lease("video", timeout_s=5):
        got.append(who)


async def _failure(pool: Pool, kind: str, *, profile: str | None = None) -> BaseException | None:
    return await _outcome(_profile_of(pool, kind, profile=profile))


async def _outcome(work) -> BaseException | None:
    try:
        await work
    except BrowserError as exc:
        return exc
    return None
