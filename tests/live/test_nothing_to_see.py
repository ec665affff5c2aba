"""A profile that cannot be looked at now: its page says why, offers one thing to do, and goes on by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from browser.clearance import Clearance
from gateway.profiles.registry import Registry
from tests.live.operator import PROFILE, House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_profile_out_of_work_is_enabled_where_one_looks_for_it(house: House, operator: Operator):
    page = operator.page
    await house.registry.disable(PROFILE)
    await operator.status("taken out of work")
    await expect(page.get_by_role("button", name="Take control")).to_be_disabled()
    await page.reload()
    await page.locator("[data-empty]").get_by_role("button", name="Enable").click()
    await house.until(Clearance.CHALLENGED)
    await page.locator("[data-empty]").wait_for(state="hidden")
    await operator.take()


@pytest.mark.long
async def test_a_profile_that_is_removed_leads_to_the_others(house: House, chromium: Browser):
    await house.registry.add("brief")
    async with house.operator(chromium) as operator:
        page = operator.page
        await page.goto("/console/live/brief")
        await page.locator("[data-empty]").wait_for(state="hidden")  # also when it was not taken up yet
        await house.registry.request_removal("brief")
        await page.get_by_role("heading", name="brief").wait_for()
        await page.get_by_text("There is no profile “brief”").wait_for()
        await page.get_by_role("link", name="All profiles").click()
        await page.wait_for_url("**/console/profiles")


@pytest.mark.long
async def test_a_profile_of_a_node_that_is_not_at_work(house: House, operator: Operator):
    await Registry(house.console.db, node="elsewhere", proxy_key=b"k" * 32).add("far")
    page = operator.page
    answer = await page.goto("/console/live/far")
    assert answer is not None and answer.status == 503
    await page.get_by_text("is not at work").wait_for()
    await page.get_by_text("gateway profile adopt far").wait_for()
    await page.get_by_role("link", name="See the nodes").click()
    await page.wait_for_url("**/settings/nodes")


async def test_a_profile_without_its_proxy(house: House, operator: Operator):
    node = house.registry.node
    await Registry(house.console.db, node=node, proxy_key=b"o" * 32).add("walled", proxy="http://user:word@127.0.0.1:9")
    page = operator.page
    await page.goto("/console/live/walled")
    await page.get_by_text("does not run without its proxy").wait_for()
    await page.get_by_role("link", name="Set the proxy").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await house.registry.request_removal("walled")
