"""What is hard to do from afar, through the console's page: menus, drags, frames of other origins, windows, questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Error as PlaywrightError

from tests.live.hard_pages import serve
from tests.live.operator import PROFILE, House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House) -> House:
    """As the test before left it: everything here happens on one page, loaded anew."""
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def hard(house: House, operator: Operator) -> AsyncIterator[Page]:
    """The operator in control, before the page."""
    await serve(house.remote.context)
    await operator.take()
    await operator.page.get_by_label("Address").fill("grok.com/hard")
    await operator.page.keyboard.press("Enter")
    await house.remote.frame_locator("#frame").locator("#text").wait_for()
    await operator.page.locator(".live-tab", has_text="Hard").wait_for()
    yield house.remote
    assert not operator.complaints


async def test_the_right_button_opens_the_pages_own_menu(operator: Operator, hard: Page):
    await operator.page.mouse.click(*await operator.middle("#own"), button="right")
    await expect(hard.locator("#said")).to_have_text("menu 2")
    await hard.evaluate(
        "window.addEventListener('contextmenu', e => setTimeout(() => prevented = e.defaultPrevented), true)"
    )
    await operator.page.mouse.click(*await operator.middle("#plain"), button="right")
    await expect(hard.locator("#said")).to_have_text("asked")
    # Else a menu of the system would open where nobody sees it.
    await hard.wait_for_function("window.prevented === true")
    await operator.page.mouse.click(*await operator.middle("#text", frame="#frame"), button="right")
    await operator.click("#words")
    await operator.page.keyboard.type("still")
    await expect(hard.locator("#words")).to_have_value("still")


@pytest.mark.long
async def test_dragging_and_dropping_what_is_draggable(operator: Operator, hard: Page):
    mouse = operator.page.mouse
    await mouse.move(*await operator.middle("#thing"))
    await mouse.down()
    await mouse.move(*await operator.middle("#hole"), steps=8)
    await mouse.up()
    await expect(hard.locator("#said")).to_have_text("dropped thing")
    await operator.click("#words")
    await operator.page.keyboard.type("on")
    await expect(hard.locator("#words")).to_have_value("on")


async def test_a_frame_of_another_origin_is_worked_with_like_the_page(operator: Operator, hard: Page):
    page, inner = operator.page, hard.frame_locator("#frame")
    await page.mouse.click(*await operator.middle("#text", frame="#frame"))
    await page.keyboard.type("né")
    await expect(inner.locator("#text")).to_have_value("né")
    await page.mouse.click(*await operator.middle("#pick", frame="#frame"))
    await page.locator("#live-field").select_option("Banana")
    await page.locator("#live-field").press("Enter")
    await expect(hard.locator("#said")).to_have_text("picked b")
    await page.mouse.move(*await operator.middle("#prose", frame="#frame"))
    await page.mouse.wheel(0, 400)
    await expect(hard.locator("#said")).to_have_text("scrolled")


@pytest.mark.long
async def test_a_frame_that_went_to_another_origin_is_still_known(operator: Operator, hard: Page):
    """As those of challenges do: they begin empty, in the page's own process."""
    await hard.evaluate("frame.src = 'about:blank'")
    await hard.frame_locator("#frame").locator("body").wait_for(state="attached")
    await operator.page.mouse.click(*await operator.place(100, 400))
    await hard.evaluate("frame.src = 'https://frames.example/inner'")
    await operator.page.mouse.click(*await operator.middle("#pick", frame="#frame"))
    await expect(operator.page.locator("#live-field")).to_be_visible()


@pytest.mark.long
async def test_what_is_selected_in_a_frame_is_copied_and_a_password_is_not(operator: Operator, hard: Page):
    page = operator.page
    await operator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.mouse.click(*await operator.middle("#text", frame="#frame"))
    await page.keyboard.type("framed")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await expect(page.locator(".toast").last).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == "framed"
    await operator.click("#mail")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await page.wait_for_function("async () => await navigator.clipboard.readText() === 'ann@example.com'")
    await operator.click("#secret")
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await expect(page.locator(".toast").last).to_have_text("Nothing is selected in the page.")
    assert await page.evaluate("navigator.clipboard.readText()") == "ann@example.com"


@pytest.mark.long
async def test_drop_downs_open_by_key_too(operator: Operator, hard: Page):
    page = operator.page
    await operator.click("#mail")
    await page.keyboard.press("Tab")
    await hard.wait_for_function("document.activeElement.id === 'keys'")
    await page.keyboard.press("Space")
    await page.locator("#live-field").select_option("three")
    await hard.evaluate("addEventListener('keydown', e => e.key === 'Enter' && say('Enter went on'), true)")
    await page.locator("#live-field").press("Enter")
    await expect(hard.locator("#said")).to_have_text("keys three")
    await page.keyboard.press("Alt+ArrowDown")
    await expect(page.locator("#live-field")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#live-field")).to_have_count(0)
    await page.keyboard.press("Enter")
    await page.locator("#live-field").press("Escape")
    await expect(page.locator("#live-field")).to_have_count(0)
    await page.keyboard.press("ArrowUp")
    await expect(hard.locator("#said")).to_have_text("keys two")


@pytest.mark.long
async def test_times_and_colours(operator: Operator, hard: Page):
    page = operator.page
    await operator.click("#time")
    await page.locator("#live-field").fill("23:45")
    await page.get_by_role("button", name="Set").click()
    await expect(hard.locator("#said")).to_have_text("time 23:45")
    await operator.click("#color")
    await page.locator("#live-field").fill("#00ff7f")
    await page.get_by_role("button", name="Set").click()
    await expect(hard.locator("#said")).to_have_text("color #00ff7f")


@pytest.mark.long
async def test_several_files_at_once_and_none(operator: Operator, hard: Page):
    page = operator.page
    await operator.click("#many")
    await expect(page.locator("#files")).to_be_visible()
    await page.locator("#files input").set_input_files(
        [
            {"name": "a.png", "mimeType": "image/png", "buffer": b"123"},
            {"name": "é.txt", "mimeType": "text/plain", "buffer": b"12345"},
        ]
    )
    await page.get_by_role("button", name="Give").click()
    await expect(hard.locator("#said")).to_have_text("files a.png:3:image/png é.txt:5:text/plain")
    await operator.click("#many")
    await page.locator("#files").get_by_role("button", name="Cancel").click()
    await operator.click("#words")
    await page.keyboard.type("on")
    await expect(hard.locator("#words")).to_have_value("on")


async def test_questions_are_answered_and_a_page_that_keeps_is_left(operator: Operator, hard: Page):
    page = operator.page
    await operator.click("#alert")
    await expect(page.get_by_text("Look out")).to_be_visible()
    await page.get_by_role("button", name="OK").click()
    await expect(hard.locator("#said")).to_have_text("alerted")
    await operator.click("#sure")
    await expect(page.get_by_text("Sure?")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(hard.locator("#said")).to_have_text("false")
    await operator.click("#keep")
    await expect(hard.locator("#said")).to_have_text("kept")
    await page.get_by_role("button", name="Load the page again").click()
    await expect(page.get_by_text("Leave this page?")).to_be_visible()
    await page.locator("#asked").get_by_role("button", name="Cancel").click()
    await operator.click("#alert")
    await page.get_by_role("button", name="OK").click()
    await expect(hard.locator("#said")).to_have_text("alerted")
    await page.get_by_role("button", name="Load the page again").click()
    await page.locator("#asked").get_by_role("button", name="OK").click()
    await expect(hard.locator("#said")).to_have_text("")


async def test_whoever_takes_over_finds_what_was_asked(house: House, operator: Operator, hard: Page, chromium: Browser):
    await operator.click("#sure")
    await expect(operator.page.locator("#asked")).to_be_visible()
    async with house.operator(chromium) as other:
        await other.open()
        await expect(other.page.locator("#asked")).to_be_hidden()
        await other.take()
        await expect(operator.page.locator("#asked")).to_be_hidden()
        await expect(other.page.get_by_text("Sure?")).to_be_visible()
        for viewer in house.views.people("work"):
            viewer.outbox.close()  # and the line breaks
        await expect(other.page.get_by_text("Sure?")).to_be_hidden()
        await expect(other.page.get_by_text("Sure?")).to_be_visible()
        await other.page.get_by_role("button", name="OK").click()
        await expect(hard.locator("#said")).to_have_text("true")


async def test_a_link_to_another_tab_is_followed_and_closing_it_returns(operator: Operator, hard: Page):
    await operator.click("#blank")
    second = await operator.popup()
    tabs = operator.page.get_by_role("tab")
    await expect(tabs).to_have_count(2)
    await expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    await operator.page.locator(".live-tab", has_text="Second").wait_for()
    await operator.click("#press", second)
    await expect(second.locator("#press")).to_have_text("pressed")
    await tabs.nth(0).click()
    await expect(tabs.nth(0)).to_have_attribute("aria-selected", "true")
    await operator.click("#words")
    await operator.page.keyboard.type("behind")
    await expect(hard.locator("#words")).to_have_value("behind")
    await operator.page.get_by_role("button", name="Close this tab").click()
    await expect(tabs).to_have_count(1)


@pytest.mark.long
async def test_what_was_typed_before_a_button_of_ours_is_pressed_arrives(operator: Operator, hard: Page):
    """A press on the toolbar takes the focus from the page; it takes nothing else."""
    await operator.click("#words")
    await hard.evaluate("setTimeout(() => { const end = Date.now() + 1500; while (Date.now() < end); }, 100)")
    await asyncio.sleep(0.2)
    await operator.page.keyboard.type("slow pages")
    await operator.page.get_by_role("button", name="Backspace").click()
    await expect(hard.locator("#words")).to_have_value("slow page")


@pytest.mark.long
async def test_wheels_turn_what_lies_under_them(operator: Operator, hard: Page):
    await operator.page.mouse.move(*await operator.middle("#box"))
    await operator.page.mouse.wheel(0, 300)
    await hard.wait_for_function("document.getElementById('box').scrollTop > 100")


async def test_a_file_that_the_page_offers_is_not_kept_and_that_is_said(house: House, operator: Operator, hard: Page):
    """Whether it was stopped or was there at once."""
    downloads = house.folder / "data" / "profiles" / PROFILE / "downloads"
    async with hard.expect_download() as offered:
        await operator.click("#save")
    await expect(operator.page.locator(".toast").last).to_contain_text("does not keep files")
    with suppress(PlaywrightError):  # deleted already, and nothing is known of it any more
        await (await offered.value).failure()  # it ended, one way or the other
    async with asyncio.timeout(60):
        while [file for file in downloads.rglob("*") if file.is_file()]:
            await asyncio.sleep(0.02)


@pytest.mark.long
async def test_a_page_that_prints_goes_on(operator: Operator, hard: Page):
    await operator.click("#print")
    await expect(hard.locator("#said")).to_have_text("went on")


async def test_what_the_browser_itself_would_ask_is_refused_at_once(operator: Operator, hard: Page):
    """Its question is in no picture: the page has an answer and goes on."""
    for button, answer in (
        ("#where", "refused 1"),
        ("#tell", "notices denied"),
        ("#read", "clipboard NotAllowedError"),
        ("#passkey", "passkey NotAllowedError"),
    ):
        await operator.click(button)
        await expect(hard.locator("#said")).to_have_text(answer)
