"""The life of a profile in a real Chromium: signing in, closing, coming back, sleeping, and sharing with an operator."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import psutil
import pytest

from browser.checkpoint import CheckpointStore
from browser.clearance import Clearance
from browser.errors import LeaseTimeout, ProfileBusy, ProfileNotCleared, SlotLost
from browser.profiles import ProfileDir
from browser.sign_in_files import parse_sign_in
from browser.status import ProfileEvent
from tests.browser.fake_browser import stands, until
from tests.browser.real_pool import KEY, browser_pid, browsers_below, real_pool, sign_in
from tests.browser.tiny_site import tiny_site

pytestmark = pytest.mark.browser


async def kept(pool) -> tuple[int, dict[str, str], str | None]:
    """What the site says, the cookies, and the local storage, after a start."""
    async with pool.lease("chat", timeout_s=30) as lease:
        reply = await lease.transport.fetch("GET", "/api/session")
    context = pool._residents["work"].affairs.context
    cookies = {cookie["name"]: cookie["value"] for cookie in await context.playwright.cookies()}
    return reply.status, cookies, await context.page.evaluate("localStorage.getItem('kept')")


async def test_a_sign_in_survives_restarts_and_the_loss_of_the_disk(tmp_path: Path):
    async with tiny_site() as site:
        async with real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
            assert (await pool.check("work")).clearance is Clearance.LOGIN_REQUIRED
            await sign_in(pool)
            assert stands(pool, "work") is Clearance.READY
            assert pool.status()[0].account == {"id": "ann"}
        assert browsers_below(tmp_path) == []

        # The profile keeps persistent cookies and local storage, the checkpoint the session cookie.
        async with real_pool(tmp_path, site) as pool:
            assert await kept(pool) == (200, {"sid": "s3", "lasting": "l4"}, "yes")

        # Without the checkpoint the session cookie is gone: the test above would not pass by itself.
        checkpoints = tmp_path / "work" / "checkpoints"
        checkpoints.rename(tmp_path / "aside")
        async with real_pool(tmp_path, site) as pool:
            with pytest.raises(ProfileNotCleared, match="signed out"):
                async with pool.lease("chat", profile="work", timeout_s=30):
                    pass

        shutil.rmtree(checkpoints)
        (tmp_path / "aside").rename(checkpoints)
        shutil.rmtree(tmp_path / "work" / "user-data")
        async with real_pool(tmp_path, site) as pool:
            assert await kept(pool) == (200, {"sid": "s3", "lasting": "l4"}, "yes")


async def test_an_import_is_set_whole_even_while_the_profile_runs(tmp_path: Path):
    storage_state = """{"cookies": [{"name": "sid", "value": "imported", "domain": "127.0.0.1", "path": "/",
        "expires": -1, "httpOnly": true, "secure": false, "sameSite": "Lax"}],
        "origins": [{"origin": "%s", "localStorage": [{"name": "kept", "value": "imported"}]}]}"""
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        assert (await pool.check("work")).clearance is Clearance.LOGIN_REQUIRED
        store = CheckpointStore(tmp_path / "work" / "checkpoints", profile="work", key=KEY)
        store.import_state(parse_sign_in(storage_state % site.origin))
        assert (await pool.check("work")).clearance is Clearance.READY
        assert await kept(pool) == (200, {"sid": "imported"}, "imported")
        assert store.pending_import() is None


async def test_a_checkpoint_of_another_key_is_said_and_does_not_keep_the_profile_from_starting(tmp_path: Path):
    events: list[ProfileEvent] = []
    async with tiny_site() as site:
        async with real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
            await sign_in(pool)
        async with real_pool(tmp_path, site, key=b"quite another key of enough bytes", events=events) as pool:
            await pool.check("work")
            assert stands(pool, "work") is Clearance.LOGIN_REQUIRED
    told = [event.reason for event in events if event.what == "checkpoint not restored"]
    assert len(told) == 1
    assert "another secret key" in told[0]


async def test_an_idle_browser_sleeps_and_wakes_in_about_a_second(tmp_path: Path):
    events: list[ProfileEvent] = []
    async with tiny_site() as site, real_pool(tmp_path, site, idle_suspend_s=0.2, events=events) as pool:
        async with pool.hold("work", timeout_s=30) as held:
            await held.show_sign_in()
            await held.page.click("#go")
            await held.wait_ready()
        await until(lambda: "browser suspended" in [event.what for event in events], within_s=60)
        assert stands(pool, "work") is Clearance.READY
        assert browsers_below(tmp_path) == []
        started = time.monotonic()
        async with pool.lease("chat", timeout_s=60) as lease:
            woken_s = time.monotonic() - started
            assert (await lease.transport.fetch("GET", "/api/session")).status == 200
        assert woken_s < 20  # about 0.8 s on a quiet machine
        assert pool.status()[0].running


async def test_two_processes_cannot_work_with_one_profile(tmp_path: Path):
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        await pool.check("work")
        async with real_pool(tmp_path, site) as other:
            with pytest.raises(ProfileBusy, match=rf"in use by another process \(pid {psutil.Process().pid}\)"):
                async with other.lease("chat", profile="work", timeout_s=10):
                    pass
            assert stands(other, "work") is Clearance.READY  # nothing is known against it
            await pool.release("work", timeout_s=60)
            assert (await other.check("work")).clearance is Clearance.LOGIN_REQUIRED
            with pytest.raises(ProfileBusy):
                pool.resume("work")
                await pool.check("work")


async def test_the_lock_of_another_host_does_not_hang_the_start(tmp_path: Path):
    async with tiny_site() as site:
        directory = ProfileDir(tmp_path / "work")
        directory.create()
        (directory.user_data / "SingletonLock").symlink_to("a-container-long-gone-123")
        started = time.monotonic()
        async with real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
            await pool.check("work")
            assert time.monotonic() - started < 40
            assert (directory.user_data / "SingletonLock").readlink().name != "a-container-long-gone-123"


async def test_a_hold_drains_the_others_blocks_new_ones_and_sees_what_the_operator_does(tmp_path: Path):
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        await sign_in(pool)
        async with pool.lease("chat", timeout_s=60) as lease:
            site.challenged_page = True
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(_read_to_the_end(lease.transport))
                await until(lambda: "GET /stream" in site.asked)
                async with pool.hold("work", timeout_s=10) as held:
                    assert isinstance(await reading, SlotLost)
                    assert stands(pool, "work") is Clearance.HELD
                    assert pool.free("chat") == []
                    with pytest.raises(ProfileNotCleared, match="held by an operator"):
                        async with pool.lease("chat", profile="work", timeout_s=10):
                            pass
                    with pytest.raises(LeaseTimeout):
                        async with pool.hold("work", timeout_s=0.2):
                            pass
                    await held.page.goto(site.origin)
                    await until(lambda: held.verdict is not None and held.verdict.clearance is Clearance.CHALLENGED)
                    await held.page.click("#human")
                    assert (await held.wait_ready()).clearance is Clearance.READY
        await until(lambda: stands(pool, "work") is Clearance.READY)


async def test_a_closed_window_is_told_and_opened_again(tmp_path: Path):
    async with (
        tiny_site() as site,
        real_pool(tmp_path, site, clearance=Clearance.NEW) as pool,
        pool.hold("work", timeout_s=30) as held,
    ):
        first = held.page
        await first.close()
        async with asyncio.timeout(60):
            await held.window_closed.wait()
        await until(lambda: pool.status()[0].running and pool._residents["work"].affairs.page_lost_at is None)
        assert held.page is not first
        assert await held.page.title() == "Home"
        assert pool.status()[0].recycles <= 1  # no crash, but on a busy machine the browser ends with its last window


async def test_a_challenge_stays_on_display_until_a_human_passes_it(tmp_path: Path):
    """The operator acts in the profile's own window, without a hold."""
    events: list[ProfileEvent] = []
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW, events=events) as pool:
        await sign_in(pool)
        async with pool.lease("chat", timeout_s=60) as lease:
            site.challenged_page = True
            assert (await lease.transport.fetch("GET", "/api/session")).status == 403
            lease.report(await site.verify(lease.transport))
        await until(lambda: stands(pool, "work") is Clearance.CHALLENGED)
        page = pool._residents["work"].affairs.context.page
        assert await page.title() == "Just a moment"
        loaded = site.asked.count("GET /")
        await asyncio.sleep(1.2)  # two rounds of the verifier: none of them may touch the page
        assert site.asked.count("GET /") == loaded
        copies = [event.what for event in events if event.what.startswith("checkpoint")]
        await page.click("#human")
        await until(lambda: stands(pool, "work") is Clearance.READY)
        await until(lambda: [event.what for event in events if event.what.startswith("checkpoint")] > copies)
        assert await _session(pool) == 200


async def test_one_reload_renews_what_an_answer_of_the_api_refused(tmp_path: Path):
    events: list[ProfileEvent] = []
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW, events=events) as pool:
        await sign_in(pool)
        events.clear()
        async with pool.lease("chat", timeout_s=60) as lease:
            site.challenged_api = True
            lease.report(await site.verify(lease.transport))
            assert stands(pool, "work") is Clearance.VERIFYING
        await until(lambda: stands(pool, "work") is Clearance.READY)
        changes = [str(event.clearance) for event in events if event.what == "clearance changed"]
        assert changes == ["verifying", "ready"]  # nobody was called for help


async def test_a_sign_in_in_another_tab_is_noticed(tmp_path: Path):
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        assert (await pool.check("work")).clearance is Clearance.LOGIN_REQUIRED
        context = pool._residents["work"].affairs.context.playwright
        tab = await context.new_page()
        await tab.goto(f"{site.origin}/signed-in")
        await until(lambda: stands(pool, "work") is Clearance.READY)


async def test_the_browser_is_what_it_says_it_is_and_knows_none_of_our_settings(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GATEWAY_SECRET_KEY", "a secret")
    async with tiny_site() as site, real_pool(tmp_path, site, clearance=Clearance.NEW) as pool:
        await pool.check("work")
        browser = psutil.Process(browser_pid(pool))
        assert "GATEWAY_SECRET_KEY" not in browser.environ()
        page = pool._residents["work"].affairs.context.page
        assert await page.evaluate("navigator.webdriver") is True
        assert site.agents == {await page.evaluate("navigator.userAgent")}
        assert "Headless" not in next(iter(site.agents))
        assert await page.evaluate("[innerWidth, innerHeight]") == [1280, 800]
        assert await page.evaluate("outerWidth <= screen.width && outerHeight <= screen.height")
        assert (await pool.measure_memory())["work"] > 50_000_000
        assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


async def _read_to_the_end(transport) -> BaseException | None:
    try:
        async with transport.stream("GET", "/stream") as reply:
            async for _ in reply:
                pass
    except SlotLost as exc:
        return exc
    return None


async def _session(pool) -> int:
    async with pool.lease("chat", timeout_s=60) as lease:
        return (await lease.transport.fetch("GET", "/api/session")).status
