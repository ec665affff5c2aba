"""A profile's whole life through the console, with a real pool and the simulated site."""

import json

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.live.operator import running_house
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LONG_MS = 120_000


@pytest_asyncio.fixture(loop_scope="session")
async def sim():
    async with Simulator(pace=0.3) as running:
        yield running


async def test_imported_ready_restored_and_removed(sim, chromium, tmp_path):
    state = json.dumps(await sim.account(email="second@example.com")).encode()
    async with running_house(tmp_path, sim) as house, house.operator(chromium) as operator:
        page = operator.page
        await page.goto("/console/profiles?add")
        await page.get_by_label("Name", exact=True).fill("second")
        await page.get_by_text("Proxy, or a sign-in brought along").click()
        file = {"name": "state.json", "mimeType": "application/json", "buffer": state}
        await page.get_by_label("File with a sign-in").set_input_files([file])
        await page.get_by_role("button", name="Add and sign in").click()
        await page.wait_for_url("**/console/live/second")

        await page.goto("/console/profiles")
        card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="second"))
        await expect(card.get_by_text("ready", exact=True)).to_be_visible(timeout=LONG_MS)
        other = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="work"))
        await expect(other.get_by_role("link", name="Show the challenge")).to_be_visible()

        await card.get_by_role("heading", name="second").click()
        history = page.locator("#history")
        await expect(history).to_contain_text("of its sign-in was saved", timeout=LONG_MS)
        await page.get_by_role("button", name="Restore copy").last.click()
        await page.get_by_role("dialog").get_by_role("button", name="Restore").click()
        await expect(history).to_contain_text("was put back", timeout=LONG_MS)
        await expect(page.locator(".state-line [aria-current=step]")).to_have_text("ready", timeout=LONG_MS)

        await page.get_by_role("button", name="Disable").click()
        await expect(page.locator("#state")).to_contain_text("You took it out of work")
        await page.get_by_role("button", name="Enable").click()
        await expect(page.locator(".state-line [aria-current=step]")).to_have_text("ready", timeout=LONG_MS)

        await page.get_by_role("button", name="Remove…").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Type second to confirm").fill("second")
        await dialog.get_by_role("button", name="Remove").click()
        await page.wait_for_url("**/console/profiles")
        await expect(page.get_by_role("heading", name="second")).to_be_hidden(timeout=LONG_MS)
        assert not (house.folder / "data" / "profiles" / "second").exists()
