"""The first run of a new user on a server without a display: from the printed link to a video, and the same call from a shell."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import MakeGateway, NewContext
from tests.e2e.gateway_process import Gateway
from tests.e2e.person import LONG_MS, PASSWORD, Person, run_in_shell
from tests.simulator.client import Simulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]

SITE_PASSWORD = "Kanarienvögel-7f3a!"


async def setup_link(gateway: Gateway) -> str:
    """The link that the gateway prints."""
    async with asyncio.timeout(60):
        while not (found := re.search(r"http://\S+/console/setup#\S+", gateway.log.read_text(encoding="utf-8"))):
            await asyncio.sleep(0.1)  # polled on purpose: somebody reads the terminal
    return found[0]


async def test_from_the_printed_link_to_the_first_video_and_its_call(
    sim: Simulator, make_gateway: MakeGateway, new_context: NewContext, tmp_path: Path
) -> None:
    gateway = await make_gateway(profiles=0, start=False)
    gateway.env.pop("DISPLAY", None)
    await gateway.start(ready=False, key=False)
    context = await new_context(base_url=gateway.url, locale="en-US", viewport={"width": 1280, "height": 900})
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    person = Person(await context.new_page(), sim)

    await _sets_a_password(person, await setup_link(gateway))
    await _adds_a_profile(person)
    aside = Person(await context.new_page(), sim)  # a second window, which is not touched meanwhile
    await aside.page.goto("/console/profiles")
    card = aside.page.get_by_role("listitem").filter(has=aside.page.get_by_role("heading", name="work"))
    await expect(card.get_by_role("link", name="Show the challenge")).to_be_visible()
    await aside.page.evaluate("window.untouched = true")
    await _signs_in(person, sim)
    await expect(card.get_by_text("ready", exact=True)).to_be_visible(timeout=LONG_MS)
    await expect(card).to_contain_text("a…@example.com")
    await expect(card.get_by_role("link", name="Open live view")).to_be_visible()
    assert await aside.page.evaluate("window.untouched"), "it was not loaded anew"

    await _makes_the_first_video(person)
    key = await _makes_a_key(person)
    await _runs_the_same_from_a_shell(person, key)
    assert not person.complaints + aside.complaints
    log = gateway.log.read_text(encoding="utf-8")
    assert SITE_PASSWORD not in log
    assert "123456" not in log


async def _sets_a_password(person: Person, link: str) -> None:
    page = person.page
    await page.goto(link)
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Once more").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def _adds_a_profile(person: Person) -> None:
    page = person.page
    await page.locator("#first-steps").get_by_role("link", name="Add a profile").click()
    await page.get_by_label("Name", exact=True).fill("work")
    await page.get_by_role("button", name="Add and sign in").click()
    await page.wait_for_url("**/console/live/work")


async def _signs_in(person: Person, sim: Simulator) -> None:
    """With everything a sign-in may ask for; the site's ledger says what arrived."""
    page = person.page
    await person.status("The site wants a human")
    await person.take_control()
    await person.click("box")
    await person.status("Waiting for sign-in")
    await person.click("sign-in")
    await person.type("email", "ann@example.com")
    await person.type("password", SITE_PASSWORD)

    await person.type("nickname", "to be replaced")
    await person.sees("nickname", "to be replaced")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("Aé ")
    await page.keyboard.insert_text("🙂")
    await person.compose("に", "にほ", last="日本")
    await person.sees("nickname", "Aé 🙂日本")
    await person.click("about")
    await person.paste("pasted: Größe\nsecond line")
    await person.sees("about", "pasted: Größe\nsecond line")

    await person.click("country")
    await page.get_by_label("Country").select_option("Japan")
    await page.get_by_label("Country").press("Enter")
    await person.sees("country", "jp")

    await person.click("picture")
    await expect(page.get_by_text("The page wants a file")).to_be_visible()
    await page.locator("#files input").set_input_files(
        [{"name": "me.png", "mimeType": "image/png", "buffer": b"\x89PNG picture"}]
    )
    await page.get_by_role("button", name="Give").click()
    await person.sees("picture", "C:\\fakepath\\me.png")

    await person.click("submit")
    await expect(page.get_by_text("Stay signed in on this device?")).to_be_visible()
    await page.get_by_role("button", name="OK").click()

    tabs = page.get_by_role("tab")
    await person.click("open-mail")
    await expect(tabs).to_have_count(2)
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(tabs.nth(1)).to_contain_text("Your mail")
    await person.click("submit")
    await expect(tabs).to_have_count(1)
    await person.sees("code", "123456")
    await person.click("submit")
    await person.status("Signed in, checkpoint saved")

    (form,) = [one["params"] for one in await sim.ledger(kind="sign_in") if "nickname" in one.get("params", {})]
    assert form["email"] == "ann@example.com"
    assert form["nickname"] == "Aé 🙂日本"
    assert form["about"].splitlines() == ["pasted: Größe", "second line"]
    assert (form["country"], form["portrait"], form["remember"]) == ("jp", "me.png, 12 bytes", "yes")


async def _makes_the_first_video(person: Person) -> None:
    page = person.page
    await page.get_by_role("link", name="Make a video").click()
    await expect(page.get_by_role("heading", name="Make your first video")).to_be_visible()
    await expect(page.get_by_label("What should the video show?")).not_to_be_empty()
    await page.get_by_role("button", name="Generate").click()
    card = page.locator(".result").first
    await expect(card.get_by_role("progressbar")).to_be_visible()
    await expect(card.locator("video")).to_be_attached(timeout=LONG_MS)


async def _makes_a_key(person: Person) -> str:
    """Where the Studio leads to once there is a video; returns the key."""
    page = person.page
    await page.get_by_role("link", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name", exact=True).fill("my program")
    await dialog.get_by_role("button", name="Make the key").click()
    key = await person.copied("Copy the key")
    assert key.startswith("gw_")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("row", name="my program")).to_be_visible()
    return key


async def _runs_the_same_from_a_shell(person: Person, key: str) -> None:
    page = person.page
    await page.get_by_role("link", name="Tasks").first.click()
    await page.locator(".task-row").first.click()
    await page.wait_for_url("**/console/tasks/task_*")
    await person.film_plays()
    call = await person.copied("Copy (curl)")
    answer = json.loads((await run_in_shell(call.replace("YOUR_KEY", key))).strip().splitlines()[-1])
    assert answer["status"] == "done", answer
    film = await page.request.get(answer["video"]["url"])
    assert film.headers["content-type"] == "video/mp4"
    await page.get_by_role("link", name="Keys").first.click()
    await expect(page.get_by_role("row", name="my program")).not_to_contain_text("never")
