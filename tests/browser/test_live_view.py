"""The live view over a real Chromium: what viewers see, who has control, and what hands can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from browser.clearance import Clearance
from browser.errors import LeaseTimeout, ProfileNotCleared, ProfileUnknown
from browser.live.asked import OfferedFile
from browser.live.gestures import Commit, Compose, Key, Move, Paste, Press, Release
from tests.browser.live_site import NOISY, Live, live
from tests.browser.tiny_site import TinySite, tiny_site

pytestmark = pytest.mark.browser


@pytest.fixture
async def site() -> AsyncIterator[TinySite]:
    async with tiny_site() as site:
        site.open_to_all = True
        yield site


@pytest.fixture
async def at(tmp_path: Path, site: TinySite) -> AsyncIterator[Live]:
    async with live(tmp_path, site) as at:
        yield at


async def on_form(at: Live, site: TinySite) -> None:
    await at.page.goto(f"{site.origin}/form")


# What viewers see.


async def test_a_page_that_stands_still_is_shown_to_everybody_who_comes(at: Live, site: TinySite):
    await at.page.goto(f"{site.origin}/still")
    async with at.watch("ann") as ann:
        first = await ann.until(lambda: ann.frames)
        async with at.watch("bob", may_control=False) as bob:
            frames = await bob.until(lambda: bob.frames)
            assert (frames[0].width, frames[0].height) == (1280, 800)
            assert frames[0].jpeg[:2] == b"\xff\xd8" and first
            tabs = await bob.heard("tabs")
            assert tabs["tabs"][0]["url"] == f"{site.origin}/still"


async def test_a_slow_viewer_slows_nobody_and_keeps_one_frame(at: Live, site: TinySite):
    await at.page.goto(f"{site.origin}/moving")
    async with at.views.join("work", who="slow", may_control=False) as slow, at.watch("fast") as fast:
        await fast.until(lambda: len(fast.frames) > 60)
        assert slow.outbox.full
        newest, words = fast.frames[-1], 0
        while not hasattr(item := await slow.outbox.take(), "jpeg"):
            words += 1
            assert item is not None and words < 12
        assert item.at_ms >= newest.at_ms, "it gets the newest, not the oldest"


async def test_who_asks_for_fewer_and_coarser_pictures_gets_them(at: Live, site: TinySite):
    site.pages["/noisy"] = NOISY
    await at.page.goto(f"{site.origin}/noisy")
    async with at.watch() as ann:
        await ann.until(lambda: len(ann.frames) > 5)
        usual = len(ann.frames[-1].jpeg)
        ann.viewer.want(quality=10, fps=4)
        await ann.until(lambda: len(ann.frames[-1].jpeg) < usual * 0.8)
        begun, at_ms = len(ann.frames), ann.frames[-1].at_ms
        await ann.until(lambda: len(ann.frames) == begun + 8)
        assert ann.frames[-1].at_ms - at_ms > 1400, "eight pictures take two seconds"
        ann.viewer.want(quality=None, fps=None)
        await ann.until(lambda: len(ann.frames[-1].jpeg) > usual * 0.8)


async def test_the_cast_ends_when_nobody_looks(at: Live, site: TinySite):
    await at.page.goto(f"{site.origin}/moving")
    async with at.watch() as ann:
        await ann.until(lambda: len(ann.frames) > 5)
        ann.viewer.look(visible=False)
        await asyncio.sleep(0.7)  # what was on its way arrives
        seen = len(ann.frames)
        await asyncio.sleep(0.7)
        assert len(ann.frames) == seen
        ann.viewer.look(visible=True)
        await ann.until(lambda: len(ann.frames) > seen + 5)


async def test_watching_is_allowed_while_work_goes_on(at: Live, site: TinySite):
    async with at.pool.lease("chat", timeout_s=20) as lease, at.watch() as ann:
        await ann.until(lambda: ann.frames)
        ann.click(20, 20)
        reply = await lease.transport.fetch("GET", "/api/session")
        assert reply.status == 200
        assert not lease.revoked


async def test_a_profile_nobody_has_is_refused(at: Live):
    with pytest.raises(ProfileUnknown):
        async with at.views.join("other", who="ann", may_control=True):
            pass


async def test_a_browser_that_dies_is_shown_again(at: Live, site: TinySite):
    from tests.browser.real_pool import browser_pid, kill

    async with at.watch() as ann:
        await ann.until(lambda: ann.frames)
        kill(browser_pid(at.pool))
        await ann.heard("tabs", active=None)
        seen = len(ann.frames)
        await at.pool.check("work")
        await ann.until(lambda: len(ann.frames) > seen)


# Control.


async def test_control_drains_leases_and_blocks_new_ones_until_it_is_given_back(at: Live, site: TinySite):
    async with at.watch() as ann:
        async with at.pool.lease("chat", timeout_s=20) as lease:
            ann.viewer.view.take(ann.viewer)
            await ann.heard("control", state="held")
            assert lease.revoked
        with pytest.raises(ProfileNotCleared):
            async with at.pool.lease("chat", timeout_s=5, profile="work"):
                pass
        with pytest.raises(LeaseTimeout):
            async with at.pool.lease("chat", timeout_s=0.5):
                pass
        ann.viewer.view.give(ann.viewer)
        async with at.pool.lease("chat", timeout_s=20):
            pass
        assert await ann.heard("control", state="free")


async def test_control_goes_from_one_viewer_to_another(at: Live, site: TinySite):
    told: list[tuple[str, ...]] = []
    at.views.on_control = lambda *what: told.append(what)
    await on_form(at, site)
    async with at.watch("ann") as ann, at.watch("bob") as bob, at.watch("eve", may_control=False) as eve:
        await ann.take()
        await bob.heard("control", state="held", who="ann")
        eve.viewer.view.take(eve.viewer)
        assert ann.viewer.in_control
        bob.viewer.view.take(bob.viewer)
        await ann.heard("control", state="held", who="bob")
        await on_form(at, site)
        ann.click(20, 20)
        ann.type("no")
        bob.click(20, 20)
        bob.type("yes")
        await at.page.wait_for_function("document.getElementById('name').value === 'yes'")
    assert told[:3] == [
        ("work", "taken", "ann", ""),
        ("work", "given", "ann", "taken_over"),
        ("work", "taken", "bob", ""),
    ]


async def test_an_idle_operator_gives_the_profile_back(tmp_path: Path, site: TinySite):
    async with live(tmp_path, site, idle_release_s=0.6) as at, at.watch() as ann:
        ann.viewer.view.take(ann.viewer)
        await ann.heard("control", state="held", ends="idle")
        await ann.heard("control", state="free", why="idle", ends="")
        async with at.pool.lease("chat", timeout_s=20):
            pass


async def test_whoever_goes_away_may_come_back_for_a_while(tmp_path: Path, site: TinySite):
    site.open_to_all = False
    async with live(tmp_path, site, away_s=3.0) as at:
        async with at.watch() as ann:
            await ann.take()
        assert next(s.clearance for s in at.pool.status()) is Clearance.HELD
        async with at.watch() as again:
            await again.take()
        async with at.watch("bob", may_control=False) as bob:
            await bob.heard("control", state="free", why="away")


async def test_signing_in_gives_the_profile_back_by_itself(tmp_path: Path, site: TinySite):
    site.open_to_all = False
    async with live(tmp_path, site) as at, at.watch() as ann:
        await ann.take()
        ann.viewer.view.act(ann.viewer, lambda stage: stage.navigate(f"{site.origin}/sign-in"))
        await at.page.wait_for_selector("#go")
        box = await at.page.locator("#go").bounding_box()
        ann.click(box["x"] + 5, box["y"] + 5)
        await ann.heard("control", state="free", why="signed_in")
        await ann.heard("status", clearance="ready")
        assert at.pool.status()[0].last_checkpoint_at is not None


# Hands.


async def test_typing_with_layouts_shortcuts_and_pasting(at: Live, site: TinySite):
    await on_form(at, site)
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 20)
        ann.type("Aé1ß₽🙂 日本!")
        await at.page.wait_for_function("document.getElementById('name').value === 'Aé1ß₽🙂 日本!'")
        ann.do(Key(True, "Meta", "MetaLeft"), Key(True, "a", "KeyA"), Key(False, "a", "KeyA"), Key(False, "Meta"))
        ann.do(Paste("wörter 1"))
        await at.page.wait_for_function("document.getElementById('name').value === 'wörter 1'")
        ann.do(Key(True, "Control", "ControlLeft"))
        ann.press("ф", "KeyA")
        ann.do(Key(False, "Control"))
        ann.press("Backspace")
        await at.page.wait_for_function("document.getElementById('name').value === ''")
        await at.page.evaluate("events.length = 0")
        ann.do(Paste("123", as_typing=True))
        await at.page.wait_for_function("document.getElementById('name').value === '123'")
        assert [e for e in await at.page.evaluate("events") if e.startswith("keydown")] == [
            f"keydown:{digit}" for digit in "123"
        ]
        ann.do(Key(True, "Shift", "ShiftLeft"))
        ann.type("1")  # a French keyboard needs Shift for it
        ann.do(Key(False, "Shift"))
        await at.page.wait_for_function("document.getElementById('name').value === '1231'")


async def test_an_input_method_composes_and_commits(at: Live, site: TinySite):
    await on_form(at, site)
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 20)
        ann.do(Compose("に"), Compose("にほ"), Commit("日本"))
        await at.page.wait_for_function("document.getElementById('name').value === '日本'")
        events = await at.page.evaluate("events")
        assert "compositionstart:" in events
        assert "compositionend:日本" in events


async def test_nothing_stays_pressed_when_the_window_loses_the_focus(at: Live, site: TinySite):
    await on_form(at, site)
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 20)
        ann.do(Key(True, "Control", "ControlLeft"))
        await at.page.wait_for_function("events.includes('keydown:Control')")
        ann.viewer.view.blur(ann.viewer)
        ann.type("a")
        await at.page.wait_for_function("document.getElementById('name').value === 'a'")


async def test_a_drag_is_seen_as_one(at: Live, site: TinySite):
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.do(Press(20, 320))
        for x in range(30, 130, 10):
            ann.do(Move(x, 320))
        ann.do(Release(120, 320))
        await at.said("moved 100 done")


async def test_fields_with_pickers_of_the_system_are_answered_by_overlays(at: Live, site: TinySite):
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 120)
        asked = await ann.heard("select", kind="select")
        assert [option["label"] for option in asked["options"]] == ["Choose", "Germany", "Japan"]
        ann.viewer.view.act(ann.viewer, lambda stage: stage.choose(2))
        await at.said("land jp")
        ann.click(20, 70)
        await ann.heard("select", kind="date")
        ann.viewer.view.act(ann.viewer, lambda stage: stage.choose("2001-02-03"))
        await at.said("date 2001-02-03")


async def test_dialogs_and_file_choosers_are_answered_by_overlays(at: Live, site: TinySite):
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 220)
        asked = await ann.heard("dialog", kind="prompt", value="one")
        ann.viewer.view.act(ann.viewer, lambda stage: stage.answer(asked["id"], ok=True, text="two"))
        await at.said("two")
        ann.click(20, 170)
        asked = await ann.heard("filechooser", open=True)
        file = OfferedFile("face.txt", "text/plain", b"me")
        ann.viewer.view.act(ann.viewer, lambda stage: stage.give_files(asked["id"], [file]))
        await at.said("face.txt me")


async def test_a_popup_comes_to_the_front_and_its_opener_returns(at: Live, site: TinySite):
    async with at.watch() as ann:
        await ann.take()
        await on_form(at, site)
        ann.click(20, 270)
        tabs = await ann.until(lambda: len(ann.last("tabs")["tabs"]) == 2 and ann.last("tabs"))
        popup = tabs["tabs"][1]["id"]
        await ann.until(lambda: ann.last("tabs")["active"] == popup)
        await ann.until(lambda: ann.frames[-1].tab == popup)
        await ann.until(lambda: ann.last("tabs")["tabs"][1]["title"] == "Popup")
        ann.click(20, 20)
        await at.said("told hello")
        await ann.until(lambda: len(ann.last("tabs")["tabs"]) == 1)
        await ann.until(lambda: ann.frames[-1].tab != popup)


async def test_addresses_of_this_machine_are_not_opened(at: Live, site: TinySite):
    async with at.watch() as ann:
        await ann.take()
        for address in ("http://127.0.0.1:1/", "file:///etc/passwd", "http://169.254.169.254/", "http://2130706433/"):
            seen = len(ann.words)
            ann.viewer.view.act(ann.viewer, lambda stage, a=address: stage.navigate(a))
            await ann.until(lambda n=seen: any(w["type"] == "notice" for w in ann.words[n:]))
        assert at.page.url.startswith(site.origin)
