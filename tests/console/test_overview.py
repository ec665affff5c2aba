"""The first page: what needs a person, what runs, what came out, what a newcomer does next."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from browser.clearance import Clearance

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def stand(house, name, clearance):
    await house.house.registry.record_seen(
        name, clearance=clearance, reason="", since=datetime.now(UTC), account={}, cooldowns=(), last_checkpoint_at=None
    )


async def test_a_newcomer_is_led_from_step_to_step(house, page):
    await page.goto("/console")
    steps = page.locator("#first-steps")
    here = steps.locator("[aria-current=step]")
    await expect(here).to_contain_text("Add a profile")
    await house.house.registry.add("work")
    await expect(here).to_contain_text("Sign in")
    await stand(house, "work", Clearance.READY)
    await expect(here).to_contain_text("Make a video")
    await house.front.until(await house.front.create(), "completed")
    await expect(steps).to_be_empty(timeout=60_000)  # the key was used by that very call


async def test_a_profile_that_needs_a_person_says_so_and_leads_there(house, page, check_page):
    await house.house.registry.add("second")
    await page.goto("/console")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await stand(house, "second", Clearance.LOGIN_REQUIRED)
    banner = page.get_by_role("alert")
    await expect(banner).to_contain_text("The site signed profile “second” out.")
    await check_page(page)
    await stand(house, "second", Clearance.READY)
    await expect(banner).to_have_count(0)


async def test_running_work_is_shown_and_cancelled(house, page, site, check_page):
    await page.goto("/console")
    task = await house.front.create("hold a kite over dunes")
    row = page.locator(f"#running [data-key='{task}']")
    await expect(row).to_contain_text("a kite over dunes")
    await expect(row.get_by_role("progressbar")).to_have_attribute("value", "50")
    await check_page(page)
    await row.get_by_role("button", name="Cancel this task").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel this task").click()
    await expect(row).to_have_count(0)
    assert (await house.front.get(task))["status"] == "cancelled"


async def test_what_came_out_is_shown_with_its_picture(house, page):
    await house.front.until(await house.front.create("a lighthouse"), "completed")
    await page.goto("/console")
    picture = page.locator("#recent img").first
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") == 320
    await page.locator("#recent [data-preview]").first.hover()
    await expect(page.locator("#recent video")).to_have_count(1)


async def test_the_banner_says_how_many_tasks_wait_for_the_profile(house, page, site):
    await house.house.registry.add("second")
    await stand(house, "second", Clearance.LOGIN_REQUIRED)
    site.slots = 0
    for prompt in ("one", "two", "three"):
        await house.front.create(prompt)
    await page.goto("/console")
    banner = page.get_by_role("alert")
    await expect(banner).to_contain_text("3 tasks wait")
    await house.house.registry.add("third")
    await stand(house, "third", Clearance.READY)
    await expect(banner).not_to_contain_text("wait")
