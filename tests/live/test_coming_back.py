"""What breaks comes back by itself, and who is not let in any more is told so."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Error, expect
from sqlalchemy import update

from browser.live.caster import Caster
from gateway.auth.live_grants import GrantMode
from gateway.db.tables import live_grants
from tests.browser.real_pool import browser_pid, kill
from tests.live.hard_pages import serve
from tests.live.operator import PROFILE, House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_page_that_crashes_comes_back_in_control(house: House, operator: Operator):
    await operator.take()
    before = house.remote
    session = await before.context.new_cdp_session(before)
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(60):
            await session.send("Page.crash")
    async with asyncio.timeout(60):
        while house.remote_or_none() in {before, None}:
            await asyncio.sleep(0.05)
    await house.remote.locator("#box").wait_for()
    await expect(operator.page.get_by_role("tab")).to_have_count(1)
    await operator.page.locator(".live-screen.in-control:not(.stale)").wait_for()
    await operator.click("#box")
    await house.remote.locator("#sign-in").wait_for()


@pytest.mark.long
async def test_a_browser_that_is_killed_with_a_question_open_comes_back_without_it(house: House, operator: Operator):
    await operator.take()
    await serve(house.remote.context)
    await operator.page.get_by_label("Address").fill("grok.com/hard")
    await operator.page.keyboard.press("Enter")
    await house.remote.locator("#sure").wait_for()
    await operator.page.locator(".live-tab", has_text="Hard").wait_for()
    await operator.click("#sure")
    await expect(operator.page.get_by_text("Sure?")).to_be_visible()
    before = house.remote
    kill(browser_pid(house.views._pool))
    await expect(operator.page.get_by_text("Sure?")).to_be_hidden()
    async with asyncio.timeout(60):
        while house.remote_or_none() in {before, None}:
            await asyncio.sleep(0.05)
    await operator.page.locator(".live-screen.in-control:not(.stale)").wait_for()
    await operator.click("#box")
    await house.remote.locator("#sign-in").wait_for()


async def test_a_guest_whose_time_was_over_while_he_was_away_is_told_so(house: House, chromium: Browser):
    _, secret = await house.console.live.grants.make(PROFILE, GrantMode.VIEW, by="admin", ttl_s=60)
    async with house.operator(chromium, signed_in=False) as guest:
        await guest.page.goto(f"/console/live#g={secret}")
        await guest.page.wait_for_url(f"**/console/live/{PROFILE}")
        await guest.page.locator("[data-empty]").wait_for(state="hidden")
        async with house.console.db.write() as connection:
            past = datetime.now(UTC) - timedelta(seconds=1)
            await connection.execute(update(live_grants).values(cookie_expires_at=past))
        for viewer in house.views.people(PROFILE):
            viewer.outbox.close()
        await guest.status("You may not be here any more")


async def test_whoever_lost_control_does_not_take_it_back_by_himself(
    house: House, operator: Operator, chromium: Browser
):
    await operator.take()
    async with house.operator(chromium) as other:
        await other.open()
        await other.take()
        await operator.status("admin has control")
    await operator.status("is away for the moment")
    await asyncio.sleep(1)  # a page that takes control back does it at once
    await expect(operator.page.get_by_role("button", name="Take control")).to_be_visible()
    await operator.take()


@pytest.mark.long
async def test_a_picture_that_could_not_begin_is_asked_for_again(
    house: House, operator: Operator, monkeypatch: pytest.MonkeyPatch
):
    await operator.take()
    begin, refused = Caster.start, []

    async def start(caster: Caster) -> None:
        if not refused:
            refused.append(caster.tab)
            raise TimeoutError
        await begin(caster)

    monkeypatch.setattr(Caster, "start", start)
    await serve(house.remote.context)
    await operator.page.get_by_label("Address", exact=True).fill("grok.com/hard")
    await operator.page.keyboard.press("Enter")
    await operator.page.locator(".live-tab", has_text="Hard").wait_for()
    await operator.click("#blank")
    await operator.page.locator(".live-tab", has_text="Second").wait_for()
    await operator.page.locator(".live-screen:not(.stale)").wait_for()
    assert refused
