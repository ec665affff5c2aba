"""A live view outlives the gateway's restart: the page says what happens, comes back by itself, and shows no old picture as new."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import MakeGateway, NewContext
from tests.e2e.gateway_process import Gateway
from tests.e2e.person import LONG_MS, PASSWORD

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]


async def _looks(gateway: Gateway, new_context: NewContext) -> Page:
    """Somebody signed in to the console, at the live view of the profile."""
    context = await new_context(base_url=gateway.url, locale="en-US")
    page = await context.new_page()
    page.set_default_timeout(LONG_MS)
    await page.goto("/console/live/p0")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.locator(".live-screen").wait_for()
    await page.evaluate("window.since = 'before'")
    return page


async def _take(page: Page) -> None:
    await page.get_by_role("button", name="Take control").click()
    await page.locator(".live-screen.in-control:not(.stale)").wait_for()


async def _state(gateway: Gateway) -> str:
    return str((await gateway.cli("profile", "show", "p0"))["state"])


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_viewers_come_back_after_a_restart(make_gateway: MakeGateway, new_context: NewContext, how: str):
    gateway = await make_gateway(admin_password=PASSWORD)
    works, watches = await _looks(gateway, new_context), await _looks(gateway, new_context)
    await _take(works)
    await watches.locator(".live-screen:not(.stale)").wait_for()
    await expect(watches.locator(".live-status")).to_contain_text("has control")

    await (gateway.stop() if how == "stop" else gateway.kill())
    for page in (works, watches):
        await expect(page.locator(".live-status")).to_contain_text("connection is lost")
        await expect(page.locator(".live-screen")).to_contain_class("stale")
        await expect(page.get_by_role("button", name="Take control")).to_be_disabled()
        await expect(page.get_by_role("button", name="Done", exact=True)).to_be_hidden()

    await gateway.start(ready=False)
    for page in (works, watches):
        await expect(page.get_by_role("button", name="Take control")).to_be_enabled(timeout=LONG_MS)
        await expect(page.locator(".live-status")).not_to_contain_text("connection is lost")
        await expect(page.locator(".live-status")).not_to_contain_text("has control")
        assert await page.evaluate("window.since") == "before", "it was not loaded anew"
    async with asyncio.timeout(60):
        while await _state(gateway) != "ready":
            await asyncio.sleep(0.2)
    await _take(works)
    await watches.locator(".live-screen:not(.stale)").wait_for()
    await works.get_by_role("button", name="Done", exact=True).click()
    async with asyncio.timeout(60):
        while await _state(gateway) != "ready":
            await asyncio.sleep(0.2)
