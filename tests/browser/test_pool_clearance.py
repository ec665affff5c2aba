"""How a profile's clearance moves: verified, reported, held, crashed, disabled; with browsers that only pretend."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from browser.checkpoint import CheckpointStore
from browser.clearance import Clearance, Verdict
from browser.context import Gone
from browser.errors import (
    LaunchFailed,
    LeaseTimeout,
    PoolClosed,
    ProfileBusy,
    ProfileNotCleared,
    SlotLost,
    TransportFailed,
    TransportTimeout,
)
from browser.profiles import ProfileDir, ProfileSpec
from tests.browser.fake_browser import CHALLENGED, KEY, READY, SIGNED_OUT, STALE, World, fake_pool, stands, until


async def test_a_new_profile_is_started_and_verified_at_once(tmp_path: Path):
    async with fake_pool(tmp_path, "work", clearance=Clearance.NEW) as (pool, world):
        await until(lambda: stands(pool, "work") is Clearance.READY)
        assert world.states("work") == ["verifying", "ready"]
        await until(lambda: pool.status()[0].last_checkpoint_at is not None)
        assert pool.status()[0].account == {"id": "ann"}


@pytest.mark.parametrize("known", [Clearance.READY, Clearance.BLOCKED, Clearance.CRASHED])
async def test_a_profile_known_to_need_no_page_is_not_started(tmp_path: Path, known: Clearance):
    async with fake_pool(tmp_path, "work", clearance=known) as (pool, world):
        await asyncio.sleep(0.05)
        assert world.done == []
        assert stands(pool, "work") is known


async def test_the_first_lease_after_a_start_gets_a_profile_that_was_verified(tmp_path: Path):
    world = World(verdicts={"work": SIGNED_OUT})
    async with fake_pool(tmp_path, "work", world=world) as (pool, world):
        with pytest.raises(ProfileNotCleared, match="signed out"):
            async with pool.lease("chat", profile="work", timeout_s=5):
                pass
        assert world.states("work") == ["login_required"]


async def test_a_page_that_shows_a_challenge_is_believed_without_asking(tmp_path: Path):
    world = World(pages={"work": CHALLENGED})
    async with fake_pool(tmp_path, "work", world=world) as (pool, world):
        with pytest.raises(LeaseTimeout):
            async with pool.lease("chat", timeout_s=0.2):
                pass
        assert stands(pool, "work") is Clearance.CHALLENGED
        assert world.count("verify work") == 0


async def test_a_report_reloads_once_and_gives_no_new_leases_meanwhile(tmp_path: Path):
    async with fake_pool(tmp_path, "work", lease_grace_s=5) as (pool, world):
        async with pool.lease("chat", timeout_s=5) as reporter, pool.lease("chat", timeout_s=5) as other:
            reporter.report(CHALLENGED)
            assert stands(pool, "work") is Clearance.VERIFYING
            assert pool.free("video") == []
            await asyncio.sleep(0.05)
            assert world.count("reload work") == 0  # the leases are not killed …
            assert (await other.transport.fetch("GET", "/")).status == 200
        await until(lambda: stands(pool, "work") is Clearance.READY)  # … and the page is renewed when they are done
        assert world.count("reload work") == 1
        assert world.states("work") == ["verifying", "ready"]


async def test_leases_that_do_not_end_lose_the_page_after_the_grace(tmp_path: Path):
    async with fake_pool(tmp_path, "work", lease_grace_s=0.1) as (pool, _):
        async with pool.lease("chat", timeout_s=5) as reporter, pool.lease("chat", timeout_s=5) as other:
            reporter.report(STALE)
            await until(lambda: other.revoked)
            with pytest.raises(SlotLost, match="its page is reloaded"):
                _ = other.transport
        await until(lambda: stands(pool, "work") is Clearance.READY)


async def test_a_refusal_soon_after_a_reload_is_believed_and_shown_to_a_human(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        for expected in (Clearance.VERIFYING, Clearance.CHALLENGED):
            async with pool.lease("chat", timeout_s=5) as lease:
                lease.report(CHALLENGED)
                assert stands(pool, "work") is expected
            if expected is Clearance.VERIFYING:
                await until(lambda: stands(pool, "work") is Clearance.READY)
        assert world.count("reload work") == 1
        assert pool.status()[0].next_action.startswith("the site wants a human")


async def test_work_done_after_a_reload_earns_the_next_one(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        for reloads in (1, 2):
            async with pool.lease("chat", timeout_s=5) as lease:
                lease.report(STALE)
            await until(lambda wanted=reloads: world.count("reload work") == wanted)
            await until(lambda: stands(pool, "work") is Clearance.READY)
            async with pool.lease("chat", timeout_s=5) as lease:
                lease.report(READY)


async def test_a_reload_that_does_not_help_leaves_the_sites_word(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            world.after_reload["work"] = lambda: world.pages.update(work=CHALLENGED)
            lease.report(CHALLENGED)
        await until(lambda: stands(pool, "work") is Clearance.CHALLENGED)


async def test_a_report_of_an_earlier_browser_is_not_believed(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            world.contexts["work"].kill(Gone.BROWSER)
            await until(lambda: world.count("launch work") == 2)
            lease.report(SIGNED_OUT)
        assert stands(pool, "work") is Clearance.READY


async def test_one_who_waits_for_a_human_is_asked_again_without_being_touched(tmp_path: Path):
    world = World(verdicts={"work": SIGNED_OUT})
    async with fake_pool(tmp_path, "work", world=world, verify_when_not_ready_s=0.02) as (pool, world):
        await pool.check("work")
        asked, touched = world.count("verify work"), world.count("home work") + world.count("reload work")
        await until(lambda: world.count("verify work") > asked + 3)
        assert world.count("home work") + world.count("reload work") == touched
        seen = await pool.wait_changed(0)
        world.verdicts["work"] = READY
        await until(lambda: stands(pool, "work") is Clearance.READY)
        assert await pool.wait_changed(seen) > seen
        await until(lambda: pool.status()[0].last_checkpoint_at is not None)


async def test_a_navigation_is_looked_at_soon_and_once(tmp_path: Path):
    world = World(verdicts={"work": SIGNED_OUT})
    async with fake_pool(tmp_path, "work", world=world, verify_when_not_ready_s=60) as (pool, world):
        await pool.check("work")
        asked = world.count("verify work")
        world.verdicts["work"] = READY
        for _ in range(5):
            world.contexts["work"].wander()
        await until(lambda: stands(pool, "work") is Clearance.READY)
        assert world.count("verify work") == asked + 1


async def test_a_blocked_profile_stays_until_an_explicit_check(tmp_path: Path):
    world = World(verdicts={"work": Verdict(Clearance.BLOCKED, "the account is suspended")})
    async with fake_pool(tmp_path, "work", world=world, verify_when_not_ready_s=0.02) as (pool, world):
        assert (await pool.check("work")).clearance is Clearance.BLOCKED
        world.verdicts["work"] = READY
        world.contexts["work"].wander()
        await asyncio.sleep(0.7)
        assert stands(pool, "work") is Clearance.BLOCKED
        assert (await pool.check("work")).clearance is Clearance.READY


async def test_a_site_that_cannot_be_reached_changes_nothing_but_is_said(tmp_path: Path):
    world = World(verdicts={"work": TransportTimeout("the site does not answer")})
    async with fake_pool(tmp_path, "work", world=world, verify_when_not_ready_s=0.02) as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:  # it was READY and nothing says otherwise
            assert lease.profile == "work"
        with pytest.raises(TransportTimeout):
            await pool.check("work")
        assert stands(pool, "work") is Clearance.READY
        await pool.add(ProfileSpec("new"))
        world.verdicts["new"] = TransportFailed("no route")
        with pytest.raises(TransportFailed):
            await pool.check("new")
        assert stands(pool, "new") is Clearance.NEW
        assert pool.status()[0].reason == "not verified: no route"
        del world.verdicts["new"]
        await until(lambda: stands(pool, "new") is Clearance.READY)  # tried again by itself


async def test_an_adapters_mistake_costs_nothing_but_the_verdict(tmp_path: Path):
    world = World(verdicts={"work": KeyError("user")})
    async with fake_pool(tmp_path, "work", world=world) as (pool, world):
        with pytest.raises(TransportFailed, match="the verification failed: 'user'"):
            await pool.check("work")
        world.verdicts["work"] = Verdict(Clearance.HELD)
        with pytest.raises(TransportFailed, match="not for a site to say"):
            await pool.check("work")
        assert stands(pool, "work") is Clearance.READY


async def test_three_crashes_are_recovered_and_the_fourth_quarantines(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        await pool.check("work")
        for number in range(3):
            world.contexts["work"].kill(Gone.BROWSER)
            await until(lambda: world.count("launch work") == number + 2)  # noqa: B023 - awaited in the same round
            await until(lambda: pool.status()[0].running)
        world.contexts["work"].kill(Gone.BROWSER)
        await until(lambda: stands(pool, "work") is Clearance.CRASHED)
        with pytest.raises(ProfileNotCleared, match="crashed"):
            async with pool.lease("chat", profile="work", timeout_s=5):
                pass
        assert [event.what for event in world.events].count("profile quarantined") == 1
        assert (await pool.check("work")).clearance is Clearance.READY
        assert pool.status()[0].recycles == 0


async def test_a_crashed_page_is_replaced_in_the_same_browser(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            world.contexts["work"].kill(Gone.PAGE)
            assert lease.revoked
        async with pool.lease("chat", timeout_s=5) as lease:
            assert (await lease.transport.fetch("GET", "/")).status == 200
        assert world.count("launch work") == 1
        assert world.count("reopen work") == 1


async def test_a_page_that_hangs_is_replaced(tmp_path: Path):
    async with fake_pool(tmp_path, "work", cookies_every_s=0.02) as (pool, world):
        async with pool.lease("chat", timeout_s=5) as lease:
            world.contexts["work"].hung = True
            await until(lambda: lease.revoked)
        async with pool.lease("chat", timeout_s=5) as lease:
            assert (await lease.transport.fetch("GET", "/")).status == 200
        assert world.count("reopen work") == 1


async def test_a_driver_that_dies_is_not_the_profiles_fault(tmp_path: Path):
    async with fake_pool(tmp_path, "work", recycle_limit=0) as (pool, world):
        await pool.check("work")
        world.contexts["work"].kill(Gone.DRIVER)
        await until(lambda: world.count("launch work") == 2)
        assert stands(pool, "work") is Clearance.READY


async def test_starts_that_fail_are_tried_later_and_later_and_then_no_more(tmp_path: Path):
    world = World(launch_errors={"work": LaunchFailed("no room")})
    async with fake_pool(tmp_path, "work", world=world, recycle_limit=0) as (pool, world):
        with pytest.raises(ProfileNotCleared, match="no room"):
            await pool.check("work")
        assert stands(pool, "work") is Clearance.CRASHED
        assert world.count("launch work") == 1


async def test_a_hold_takes_the_page_alone_and_checks_when_it_ends(tmp_path: Path):
    async with fake_pool(tmp_path, "work", lease_grace_s=5, verify_when_held_s=0.02) as (pool, world):
        world.verdicts["work"] = SIGNED_OUT
        borrowed, finish = asyncio.Event(), asyncio.Event()

        async def borrow() -> None:
            world.verdicts["work"] = READY
            async with pool.lease("chat", timeout_s=5):
                borrowed.set()
                await finish.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(borrow())
            await borrowed.wait()
            world.verdicts["work"] = SIGNED_OUT
            asyncio.get_running_loop().call_later(0.05, finish.set)
            async with pool.hold("work", timeout_s=5) as held:
                assert finish.is_set()  # it waited for the borrower
                assert stands(pool, "work") is Clearance.HELD
                with pytest.raises(ProfileNotCleared, match="held by an operator"):
                    async with pool.lease("chat", profile="work", timeout_s=5):
                        pass
                await until(lambda: held.verdict == SIGNED_OUT)
                copies = world.copies()
                world.verdicts["work"] = READY
                assert await held.wait_ready() == READY
                assert world.copies() == copies + 1
        await until(lambda: stands(pool, "work") is Clearance.READY)
        assert world.count("tidy work") == 1


async def test_a_cancelled_hold_leaves_the_profile_free(tmp_path: Path):
    async with fake_pool(tmp_path, "work", lease_grace_s=5) as (pool, _):
        async with pool.lease("chat", timeout_s=5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), pool.hold("work", timeout_s=60):
                    pass
            assert pool.free("chat") == ["work"]
        async with pool.hold("work", timeout_s=5):
            pass


async def test_operators_hold_one_after_the_other(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, _):
        first_has_left = False

        async def second() -> bool:
            async with pool.hold("work", timeout_s=5):
                return first_has_left

        async with asyncio.TaskGroup() as group:
            async with pool.hold("work", timeout_s=5):
                waiting = group.create_task(second())
                await asyncio.sleep(0.02)
                first_has_left = True
            assert await waiting


async def test_a_crash_while_held_brings_the_operator_a_new_browser(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world), pool.hold("work", timeout_s=5) as held:
        first = held.page
        world.contexts["work"].kill(Gone.BROWSER)
        with pytest.raises(SlotLost):
            _ = held.page
        await until(lambda: pool.status()[0].running)
        assert held.page is not first
        assert stands(pool, "work") is Clearance.HELD


async def test_a_released_directory_is_free_for_others_and_what_they_did_is_seen(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        await pool.check("work")
        with pytest.raises(ProfileBusy):
            ProfileDir(tmp_path / "work").lock()
        await pool.release("work", timeout_s=5)
        assert pool.status()[0].released
        with pytest.raises(ProfileNotCleared, match="in use outside the pool"):
            await pool.check("work")
        other = ProfileDir(tmp_path / "work")
        other.lock()
        CheckpointStore(other.checkpoints, profile="work", key=KEY).save({"cookies": ["new"], "origins": []})
        other.unlock()
        pool.resume("work")
        assert (await pool.check("work")).clearance is Clearance.READY
        restored = world.restored["work"]
        assert restored is not None
        assert restored.state["cookies"] == ["new"]


async def test_a_directory_somebody_else_has_is_tried_again_when_it_is_free(tmp_path: Path):
    other = ProfileDir(tmp_path / "work")
    other.lock()
    async with fake_pool(tmp_path, "work") as (pool, _):
        with pytest.raises(ProfileBusy):
            async with pool.lease("chat", profile="work", timeout_s=5):
                pass
        with pytest.raises(LeaseTimeout, match=r"being started: profile work is in use by another process"):
            async with pool.lease("chat", timeout_s=0.1):
                pass
        other.unlock()
        async with pool.lease("chat", timeout_s=5) as lease:
            assert lease.profile == "work"


async def test_a_disabled_profile_is_closed_and_comes_back_through_a_check(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        await pool.check("work")
        await pool.update(ProfileSpec("work", enabled=False))
        assert stands(pool, "work") is Clearance.DISABLED
        assert world.done[-1] == "close work"
        with pytest.raises(ProfileNotCleared, match="disabled"):
            await pool.check("work")
        await pool.update(ProfileSpec("work"))
        world.verdicts["work"] = SIGNED_OUT
        with pytest.raises(ProfileNotCleared, match="signed out"):
            async with pool.lease("chat", profile="work", timeout_s=5):
                pass
        assert world.count("launch work") == 2


async def test_another_proxy_restarts_the_browser_and_checks_through_it(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        await pool.check("work")
        asked = world.count("verify work")
        await pool.update(ProfileSpec("work", proxy="http://10.0.0.1:8080"))
        await until(lambda: world.count("verify work") > asked)
        assert world.done.index("close work") < len(world.done)
        assert world.count("launch work") == 2
        assert pool.status()[0].proxy == "http://10.0.0.1:8080"


async def test_an_import_is_applied_at_the_next_start_and_only_once(tmp_path: Path):
    store = CheckpointStore(ProfileDir(tmp_path / "work").checkpoints, profile="work", key=KEY)
    store.import_state({"cookies": ["imported"], "origins": []})
    async with fake_pool(tmp_path, "work") as (pool, world):  # READY, yet started at once
        await until(lambda: pool.status()[0].running)
        restored = world.restored["work"]
        assert restored is not None
        assert restored.whole
        assert restored.state["cookies"] == ["imported"]
        await until(lambda: store.pending_import() is None)
        await until(lambda: "import applied" in [event.what for event in world.events])


async def test_a_changed_session_cookie_is_copied_at_once(tmp_path: Path):
    async with fake_pool(tmp_path, "work", cookies_every_s=0.02) as (pool, world):
        await pool.check("work")
        copies = world.copies()
        await asyncio.sleep(0.1)
        assert world.copies() == copies
        world.contexts["work"].cookies = [{"name": "sid", "value": "renewed"}]
        await until(lambda: world.copies() == copies + 1)


async def test_a_checkpoint_now_is_refused_where_it_would_bury_a_good_one(tmp_path: Path):
    world = World(verdicts={"out": SIGNED_OUT})
    async with fake_pool(tmp_path, "work", world=world) as (pool, world):
        await pool.check("work")
        copies = world.copies()
        await pool.checkpoint_now("work")
        assert world.copies() >= copies
        await pool.add(ProfileSpec("out"))
        await pool.check("out")
        with pytest.raises(ProfileNotCleared, match="not signed in"):
            await pool.checkpoint_now("out")
        assert CheckpointStore(tmp_path / "out" / "checkpoints", profile="out", key=KEY).latest() is None


async def test_a_removed_profile_is_closed_and_its_directory_kept(tmp_path: Path):
    async with fake_pool(tmp_path, "work") as (pool, world):
        await pool.check("work")
        await pool.remove("work")
        assert pool.status() == []
        assert world.done[-1] == "close work"
        assert (tmp_path / "work" / "checkpoints").is_dir()
        ProfileDir(tmp_path / "work").lock()
    with pytest.raises(PoolClosed):
        await pool.add(ProfileSpec("late"))


async def test_an_event_handler_that_fails_harms_nobody(tmp_path: Path):
    def fails(_: object) -> None:
        raise ValueError

    async with fake_pool(tmp_path, "work", world=World(on_event=fails)) as (pool, _):
        assert (await pool.check("work")).clearance is Clearance.READY


async def test_a_challenge_that_only_an_answer_tells_of_is_shown_on_the_page(tmp_path: Path):
    """Whoever takes control of it then finds something to confirm."""
    async with fake_pool(tmp_path, "work", verify_every_idle_s=0.05) as (pool, world):
        assert (await pool.check("work")).clearance is Clearance.READY
        before = world.count("home work")
        world.verdicts["work"] = CHALLENGED
        await until(lambda: stands(pool, "work") is Clearance.CHALLENGED)
        assert world.count("home work") == before + 1


async def test_a_challenge_is_shown_when_the_call_that_was_under_way_has_ended(tmp_path: Path):
    """A check does not take the page from a call; what it could not show, the next look shows, once."""
    async with fake_pool(tmp_path, "work", lease_grace_s=60, verify_when_not_ready_s=0.05) as (pool, world):
        async with pool.lease("video", timeout_s=5) as lease:
            await lease.transport.fetch("GET", "/")
            before = world.count("home work")
            world.verdicts["work"] = CHALLENGED
            assert (await pool.check("work")).clearance is Clearance.CHALLENGED
            assert world.count("home work") == before
        await until(lambda: world.count("home work") == before + 1)
        asked = world.count("verify work")
        await until(lambda: world.count("verify work") >= asked + 3)
        assert world.count("home work") == before + 1


async def test_an_operator_finds_a_challenge_that_was_not_shown_yet(tmp_path: Path):
    async with fake_pool(tmp_path, "work", lease_grace_s=0.1, verify_when_not_ready_s=60) as (pool, world):
        async with pool.lease("video", timeout_s=5) as lease:
            await lease.transport.fetch("GET", "/")
            before = world.count("home work")
            world.verdicts["work"] = CHALLENGED
            assert (await pool.check("work")).clearance is Clearance.CHALLENGED
            async with pool.hold("work", timeout_s=5):
                assert world.count("home work") == before + 1
        assert world.count("home work") >= before + 1


async def test_a_challenge_that_a_call_reports_twice_is_shown_when_it_has_ended(tmp_path: Path):
    """The page was reloaded for the first report, and looked well."""
    async with fake_pool(tmp_path, "work", lease_grace_s=60, verify_when_not_ready_s=60) as (pool, world):
        async with pool.lease("chat", timeout_s=5) as reporter:
            reporter.report(CHALLENGED)
        await until(lambda: stands(pool, "work") is Clearance.READY)
        before = world.count("home work")
        async with pool.lease("chat", timeout_s=5) as reporter:
            await reporter.transport.fetch("GET", "/")
            reporter.report(CHALLENGED)
            assert stands(pool, "work") is Clearance.CHALLENGED
            world.verdicts["work"] = CHALLENGED
        await until(lambda: world.count("home work") == before + 1)
