"""The page itself: accessible, as narrow as a phone, in both languages."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.console.looking import look_at
from tests.live.operator import House, Operator
from tests.variants import across

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@across(("width", [360, 1280]), ("scheme", ["dark", "light"]))
async def test_it_is_accessible_and_fits(house: House, chromium: Browser, width: int, scheme: str):
    async with house.operator(
        chromium, viewport={"width": width, "height": 800}, color_scheme=scheme, locale="zh-CN"
    ) as operator:
        await operator.open()
        await look_at(operator.page)
        await operator.page.get_by_role("button", name="接管操作").click()
        await operator.page.locator(".live-screen.in-control").wait_for()
        await look_at(operator.page)
        await operator.page.get_by_role("button", name="分享…").click()
        await look_at(operator.page)
        await operator.page.keyboard.press("Escape")
        assert not operator.complaints


async def test_it_comes_back_by_itself_when_the_line_breaks(house: House, operator: Operator):
    await operator.take()
    await operator.context.set_offline(True)
    await operator.page.evaluate("window.dispatchEvent(new Event('offline'))")
    for viewer in house.views.people("work"):
        viewer.outbox.close()
    await operator.status("Connecting again")
    await operator.context.set_offline(False)
    await operator.page.locator(".live-screen.in-control").wait_for()
    await expect(operator.page.get_by_role("button", name="Done", exact=True)).to_be_visible()


async def test_nobody_else_finds_the_profile_of_another_node(house: House, operator: Operator):
    await operator.page.goto("/console/live/nobody")
    await operator.page.get_by_text("There is no profile “nobody”").wait_for()
