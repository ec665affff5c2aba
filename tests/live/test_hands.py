"""Mouse, keys, input method and pickers through the console's page, on a page with every kind of field."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.live_site import FORM
from tests.live.operator import House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ADDRESS = "https://grok.com/form"


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House) -> House:
    """As the test before left it: everything here happens on one page, loaded anew."""
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def form(house: House, operator: Operator) -> AsyncIterator[Page]:
    """The operator in control, before a form that the site serves."""

    async def answer(route: Route) -> None:
        await route.fulfill(body=FORM, content_type="text/html; charset=utf-8")

    await house.remote.context.route(ADDRESS, answer)
    await operator.take()
    await operator.page.get_by_label("Address").fill("grok.com/form")
    await operator.page.keyboard.press("Enter")
    await house.remote.locator("#said").wait_for(state="attached")
    await operator.page.locator(".live-tab", has_text="Form").wait_for()
    yield house.remote
    assert not operator.complaints


async def test_keys_of_every_layout(operator: Operator, form: Page):
    keys = operator.page.keyboard
    name = form.locator("#name")
    await operator.click("#name")
    await keys.type("Aé ß!")
    await keys.insert_text("🙂")
    await expect(name).to_have_value("Aé ß!🙂")
    await keys.press("Control+a")
    await keys.type("new")
    await expect(name).to_have_value("new")
    await keys.press("ArrowLeft")
    await keys.press("Backspace")
    await keys.press("Shift+Home")
    await keys.type("x")
    await expect(name).to_have_value("xw")
    await operator.page.get_by_role("button", name="Select all").click()
    await keys.type("é")
    await expect(name).to_have_value("é")


async def test_an_input_method(operator: Operator, form: Page):
    await operator.click("#name")
    session = await operator.context.new_cdp_session(operator.page)
    for shown in ("n", "に", "にほ"):
        await session.send("Input.imeSetComposition", {"text": shown, "selectionStart": 1, "selectionEnd": 1})
    await session.send("Input.insertText", {"text": "日本"})
    await expect(form.locator("#name")).to_have_value("日本")
    events = await form.evaluate("events.filter(e => e.startsWith('composition'))")
    assert events[0] == "compositionstart:"
    assert events[-1] == "compositionend:日本"
    await operator.page.keyboard.type("!")
    await expect(form.locator("#name")).to_have_value("日本!")


async def test_pasting_at_once_and_as_typing(operator: Operator, form: Page):
    page = operator.page
    await operator.click("#name")
    await page.locator("[data-sink]").evaluate(
        """sink => { const data = new DataTransfer(); data.setData("text/plain", "from the clipboard é");
           sink.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })) }"""
    )
    await expect(form.locator("#name")).to_have_value("from the clipboard é")
    await page.get_by_role("button", name="Select all").click()
    await page.get_by_role("button", name="Paste…").click()
    await page.get_by_label("Text", exact=True).fill("987")
    await page.get_by_label("Type it key by key").check()
    await page.get_by_role("button", name="Paste", exact=True).click()
    await expect(form.locator("#name")).to_have_value("987")
    assert (await form.evaluate("events"))[-6:] == [
        "keydown:9", "input:9", "keydown:8", "input:8", "keydown:7", "input:7",
    ]  # fmt: skip


@pytest.mark.long
async def test_a_drag(operator: Operator, form: Page):
    mouse = operator.page.mouse
    await mouse.move(*await operator.place(30, 325))
    await mouse.down()
    await mouse.move(*await operator.place(130, 325), steps=5)
    await mouse.up()
    await expect(form.locator("#said")).to_have_text("moved 100 done")


@pytest.mark.long
async def test_dates_and_prompts(operator: Operator, form: Page):
    page = operator.page
    await operator.click("#date")
    await page.locator("#live-field").fill("2001-02-03")
    await page.get_by_role("button", name="Set").click()
    await expect(form.locator("#said")).to_have_text("date 2001-02-03")
    await operator.click("#ask")
    await page.get_by_label("Answer").fill("drei")
    await page.get_by_role("button", name="OK").click()
    await expect(form.locator("#said")).to_have_text("drei")
    await operator.click("#ask")
    await page.get_by_label("Answer").fill("vier")
    await page.keyboard.press("Enter")
    await expect(form.locator("#said")).to_have_text("vier")
    await operator.click("#ask")
    await page.get_by_role("button", name="Cancel").click()
    await expect(form.locator("#said")).to_have_text("")


@pytest.mark.long
async def test_what_is_selected_can_be_copied(operator: Operator, form: Page):
    await operator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await operator.fill("#name", "copy me")
    await operator.page.keyboard.press("Control+a")
    await operator.page.keyboard.press("Control+c")
    await expect(operator.page.locator(".toast")).to_have_text("Copied")
    assert await operator.page.evaluate("navigator.clipboard.readText()") == "copy me"


async def test_the_keyboard_finds_its_way_out(operator: Operator, form: Page):
    await operator.click("#name")
    await operator.page.keyboard.press("Tab")
    await form.wait_for_function("document.activeElement.id === 'date'")
    await operator.page.keyboard.press("Shift+Escape")
    await expect(operator.page.get_by_role("button", name="Done")).to_be_focused()


async def test_private_addresses_are_refused_in_words(operator: Operator, form: Page):
    await operator.page.get_by_label("Address").fill("http://127.0.0.1:1/")
    await operator.page.keyboard.press("Enter")
    await expect(operator.page.locator(".toast")).to_contain_text("private networks")
    assert form.url == ADDRESS


async def test_a_finger_taps_and_scrolls(house: House, operator: Operator, form: Page, chromium: Browser):
    more = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    async with house.operator(chromium, **more) as phone:
        await phone.open()
        await phone.take()
        x, y = await phone.middle("#name")
        await phone.page.touchscreen.tap(x, y)
        await expect(phone.page.locator("[data-sink]")).to_be_focused()
        await phone.page.keyboard.type("ok")
        await expect(form.locator("#name")).to_have_value("ok")
        await phone.page.get_by_role("button", name="Larger").click()
        x, y = await phone.middle("#land")
        await phone.page.touchscreen.tap(x, y)
        await phone.page.locator("#live-field").select_option("Germany")
        await expect(form.locator("#said")).to_have_text("land de")
        await phone.page.get_by_role("button", name="Larger").click()
        await phone.page.touchscreen.tap(*await phone.middle("#name"))
        await phone.page.get_by_role("button", name="Backspace").click()
        await expect(form.locator("#name")).to_have_value("o")
