"""Weeks later: the site signs a profile out while tasks wait, its operator is told on the phone, and everything goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import MakeGateway, NewContext
from tests.e2e.person import PASSWORD, Person
from tests.simulator.client import Simulator
from tests.webhooks.receiver import receiving

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]

PROMPTS = ("an open door", "a patient cat", "rain on a window")


async def test_told_by_phone_and_webhook_and_the_waiting_tasks_go_on(
    sim: Simulator, make_gateway: MakeGateway, new_context: NewContext, tmp_path: Path
) -> None:
    async with receiving() as hook, receiving() as phone:
        gateway = await make_gateway(
            notify_webhook_url=hook.url(), notify_ntfy_url=phone.url("/my-topic"), notify_after_s=1,
            admin_password=PASSWORD, video_slots=1,
        )  # fmt: skip
        secret = (await gateway.cli("webhook", "secret"))["secret"]
        email = f"{tmp_path.name}-0@example.com"
        await sim.act(email, "sign-out")
        async with gateway.client() as client:
            tasks = [await client.create(prompt) for prompt in PROMPTS]
            told = (await hook.wait(within_s=60)).verified(secret)
            assert told["type"] == "profile.needs_attention"
            assert (told["data"]["profile"], told["data"]["state"]) == ("p0", "login_required")
            assert told["data"]["tasks_waiting"] == len(PROMPTS)
            call = await phone.wait()
            assert call.path == "/my-topic"
            assert call.headers["title"] == "Sign in again: p0"
            assert b"3 tasks wait" in call.body
            link = call.headers["click"]
            assert link == told["data"]["url"]

            context = await new_context(
                locale="en-US", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
            )
            person = Person(await context.new_page(), sim)
            await _follows(person, link)
            await _signs_in_with_x(person, email)
            await person.status("Waiting tasks that go on: 3")
            await expect(person.page.locator("canvas")).to_have_js_property(
                "width", 1280
            )  # the site's own window again
            await expect(person.page.get_by_role("link", name="See its tasks")).to_be_visible()
            for task in tasks:
                assert (await client.wait(task))["status"] == "completed"
            over = (await hook.wait(2, within_s=60)).verified(secret)
            assert (over["type"], over["data"]["profile"]) == ("profile.ready", "p0")
            assert (await phone.wait(2)).headers["title"] == "Ready again: p0"
        assert not person.complaints
    accepted = [one["prompt"] for one in await sim.ledger(kind="submit_video") if one["status"] == 200]
    assert sorted(accepted) == sorted(PROMPTS), "each was asked for once"


async def _follows(person: Person, link: str) -> None:
    """The link of the message, on a phone that is not signed in to the console."""
    page = person.page
    await page.goto(link)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(link)
    await person.status("Signed out. Take control to sign in.")


async def _signs_in_with_x(person: Person, email: str) -> None:
    """In a window that reports to the one which opened it."""
    await person.take_control()
    await person.click("sign-in")
    await person.click("with-x")
    await person.sees("email", "x-user@example.com")
    await person.click("email")
    await person.page.keyboard.press("Control+a")
    await person.page.keyboard.type(email)
    await person.sees("email", email)
    tabs = person.page.get_by_role("tab")
    await expect(tabs).to_have_count(2)
    await expect(tabs.nth(1)).to_contain_text("Sign in with X")
    await person.click("submit")
    await expect(tabs).to_have_count(1)
