"""What was told to whom, whether it arrived, and telling it again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.console.signed_in import PASSWORD, Console
from tests.front.serving import serving
from tests.variants import across
from tests.webhooks.receiver import receiving, says

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def phone():
    async with receiving() as phone:
        yield phone


@pytest_asyncio.fixture(loop_scope="session")
async def house(made_before, tmp_path, site, phone):
    """A gateway whose operator wants to be told."""
    folder = Path(shutil.copytree(made_before, tmp_path / "data"))
    told = {"notify_ntfy_url": phone.url("/topic"), "notify_webhook_url": phone.url("/hook")}
    async with serving(folder, site, heartbeat_s=1, fetch_allow_private=True, **told) as front:
        console = Console(front)
        await console.house.password.create(PASSWORD)
        yield console


async def tried(house: Console, task_id: str) -> None:
    """Wait until the first attempt is over and written down."""
    async with asyncio.timeout(60):
        while True:
            found = await house.house.services.deliveries.of_task(task_id)
            if found[0].history and found[0].history[0].duration_s is not None:
                return
            await asyncio.sleep(0.05)


async def test_a_test_is_sent_and_shown_as_it_arrives(page, phone, check_page, house):
    await page.goto("/console/notifications")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Notifications")
    await expect(page.locator(".facts").first).to_contain_text("/topic")
    await expect(page.locator(".facts").first).to_contain_text("Set GATEWAY_PUBLIC_URL")
    await check_page(page)
    await page.get_by_role("button", name="Send a test").first.click()
    await expect(page.locator("#deliveries tbody tr")).to_have_count(2, timeout=60_000)
    await expect(page.get_by_text("delivered", exact=True)).to_have_count(2, timeout=60_000)
    assert {got.path for got in phone.got} == {"/topic", "/hook"}
    await page.get_by_role("button", name="Signing secret").click()
    shown = page.get_by_role("dialog").locator("code").first
    await expect(shown).to_have_text(house.house.services.signing.operator)
    for got in phone.got:
        if got.path == "/hook":
            assert got.verified(await shown.inner_text())["type"] == "test"


async def test_what_did_not_arrive_says_why_and_is_sent_again(page, house, check_page):
    async with receiving(says(500, "Retry-After: 3600", body="<b>the receiver's own words</b>")) as receiver:
        task_id = await house.front.create(callback_url=receiver.url())
        await tried(house, task_id)
        await page.goto("/console/notifications?whom=callers")
        row = page.locator("#deliveries tbody tr")
        await expect(row).to_contain_text("500", timeout=60_000)
        await expect(row).to_contain_text("on its way")
        await row.get_by_role("link").click()
        await expect(page.locator("#attempts")).to_contain_text("<b>the receiver's own words</b>")
        await expect(page.get_by_role("link", name=task_id)).to_be_visible()
        await check_page(page)
        await page.get_by_role("button", name="Send again").click()
        await receiver.wait(2)
        await expect(page.locator("#facts")).to_contain_text("delivered", timeout=60_000)
        await page.goto("/console/notifications?whom=operator")
        await expect(page.get_by_text("No messages yet")).to_be_visible()
    entries = [entry.action for entry in await house.house.audit.newest(limit=5)]
    assert "webhook.redelivered" in entries


@across(("width", [360, 1280]), ("locale", ["zh-CN", "en-US"]))
async def test_both_pages_fit_and_are_accessible(new_page, check_page, house, width, locale):
    async with receiving(says(410)) as receiver:
        await tried(
            house,
            await house.front.create(callback_url=receiver.url("/a-very-long-path/" + "x" * 200 + "?token=secret")),
        )
        page = await new_page(width=width, locale=locale, color_scheme="dark")
        await page.goto("/console/notifications")
        await expect(page.locator("#deliveries")).to_contain_text("410", timeout=60_000)
        assert "secret" not in await page.locator("#deliveries tbody").inner_text()
        await check_page(page)
        await page.locator("#deliveries tbody a").first.click()
        await page.wait_for_url("**/notifications/evt_*")
        await check_page(page)
