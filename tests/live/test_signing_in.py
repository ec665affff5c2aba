"""Signing in through the live view, as in the story of the first run."""

from __future__ import annotations

import asyncio
import io

import pytest
from playwright.async_api import expect

from browser.clearance import Clearance
from tests.live.operator import PROFILE, House, Operator
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CANARY = "Kanarienvögel-7f3a!"


async def past_the_challenge(operator: Operator) -> None:
    await operator.take()
    await operator.click("#box")
    await operator.house.remote.locator("#sign-in").wait_for()
    await operator.status("Waiting for sign-in")


async def test_the_whole_way_in_with_password_select_file_dialog_and_code(
    house: House, operator: Operator, sim: Simulator, log: io.StringIO
):
    page = operator.page
    await operator.status("The site wants a human")
    await past_the_challenge(operator)
    await operator.click("#sign-in")
    await house.remote.wait_for_url("**/sign-in**")
    await expect(page.locator("[data-origin] b")).to_have_text("accounts.x.ai")
    await operator.fill("[name=email]", "ann@example.com")
    await operator.fill("[name=password]", CANARY)

    await operator.click("[name=country]")
    await page.get_by_label("Country").select_option("Japan")
    await page.get_by_label("Country").press("Enter")
    await expect(house.remote.locator("[name=country]")).to_have_value("jp")

    await operator.click("#picture")
    picture = {"name": "me.png", "mimeType": "image/png", "buffer": b"\x89PNG picture"}
    await expect(page.get_by_text("The page wants a file")).to_be_visible()
    await page.locator("#files input").set_input_files([picture])  # type: ignore[list-item]
    await page.get_by_role("button", name="Give").click()
    await expect(house.remote.locator("#picture-name")).to_have_text("me.png")

    await operator.click("button[type=submit]")
    await expect(page.get_by_text("Stay signed in on this device?")).to_be_visible()
    await page.get_by_role("button", name="OK").click()
    await house.remote.wait_for_url("**/sign-in/code")
    await operator.fill("[name=code]", "123456")
    await page.keyboard.press("Enter")

    await operator.status("Signed in, checkpoint saved")
    await house.until(Clearance.READY)
    assert house.console.statuses()[0].last_checkpoint_at is not None
    (submitted,) = [entry for entry in await sim.ledger(kind="sign_in") if entry.get("params", {}).get("country")]
    assert submitted["params"]["country"] == "jp"
    assert submitted["params"]["remember"] == "yes"
    assert not operator.complaints

    async with asyncio.timeout(60):
        while "live.control_given" not in await house.actions():
            await asyncio.sleep(0.05)
    assert [a for a in await house.actions() if a.startswith("live.")] == [
        "live.viewed", "live.control_taken", "live.control_given",
    ]  # fmt: skip
    assert "live control" in log.getvalue()
    assert_nowhere(house, log, CANARY, "123456")


def assert_nowhere(house: House, log: io.StringIO, *secrets: str) -> None:
    """What was typed is in no line of the log and in no row of the database."""
    data = house.folder / "data"
    for secret in secrets:
        for form in {secret, secret.encode("unicode_escape").decode()}:
            assert form not in log.getvalue()
    for file in data.glob("gateway.db*"):
        content = file.read_bytes()
        assert not [secret for secret in secrets[:1] if secret.encode() in content], file.name


async def test_in_a_popup_that_reports_to_its_opener(house: House, operator: Operator):
    await past_the_challenge(operator)
    await operator.click("#sign-in")
    await house.remote.wait_for_url("**/sign-in**")
    await operator.click("#with-x")
    popup = await operator.popup()
    tabs = operator.page.get_by_role("tab")
    await expect(tabs).to_have_count(2)
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(tabs.nth(1)).to_contain_text("Sign in with X")
    await operator.click("button[type=submit]", popup)
    await expect(tabs).to_have_count(1)
    await operator.status("Signed in, checkpoint saved")
    await house.until(Clearance.READY)


@pytest.mark.long
async def test_a_popup_is_closed_by_its_tab(house: House, operator: Operator):
    await past_the_challenge(operator)
    await operator.click("#sign-in")
    await house.remote.wait_for_url("**/sign-in**")
    await operator.click("#with-x")
    await operator.popup()
    tabs = operator.page.get_by_role("tab")
    await expect(tabs).to_have_count(2)
    await tabs.nth(0).click()
    await expect(tabs.nth(0)).to_have_attribute("aria-selected", "true")
    await operator.page.get_by_role("button", name="Close this tab").click()
    await expect(tabs).to_have_count(1)
    assert len(house.remote.context.pages) == 1


@pytest.mark.long
async def test_waiting_tasks_go_on_after_the_sign_in(house: House, operator: Operator, sim: Simulator):
    task = await house.front.create("a lighthouse")
    await past_the_challenge(operator)
    await operator.click("#sign-in")
    await house.remote.wait_for_url("**/sign-in**")
    await operator.click("#with-x")
    await operator.click("button[type=submit]", await operator.popup())
    await operator.status("Waiting tasks that go on: 1")
    await house.front.until(task, "completed", within_s=60)
    assert next(status.name for status in house.console.statuses()) == PROFILE
