"""The live view under a finger: taps, strokes, long presses, a page as narrow as the screen, the keys of a phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Page, expect

from tests.live.hard_pages import serve
from tests.live.operator import House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


#: Waits until nothing has scrolled for half a second.
STILL = """() => new Promise(done => {
  let timer = setTimeout(done, 500);
  addEventListener("scroll", () => { clearTimeout(timer); timer = setTimeout(done, 500) }, true);
})"""


class Fingers:
    """What touches the screen of the operator's phone."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session

    async def touch(self, kind: str, *places: tuple[float, float]) -> None:
        """kind: Start, Move or End; the places of all fingers that are down."""
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        await self._session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    async def stroke(self, x: float, y: float, dx: float, dy: float) -> None:
        await self.touch("Start", (x, y))
        for step in range(1, 11):
            await self.touch("Move", (x + dx * step / 10, y + dy * step / 10))
        await self.touch("End")


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House) -> House:
    """As the test before left it: everything here happens on one page, loaded anew."""
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def operator(house: House, chromium: Browser) -> AsyncIterator[Operator]:
    async with house.operator(chromium, **PHONE) as operator:
        await operator.open()
        yield operator
        assert not operator.complaints


@pytest_asyncio.fixture(loop_scope="session")
async def hard(house: House, operator: Operator) -> Page:
    await serve(house.remote.context)
    await operator.take()
    await operator.page.get_by_label("Address").fill("grok.com/hard")
    await operator.page.keyboard.press("Enter")
    await house.remote.frame_locator("#frame").locator("#text").wait_for()
    await operator.page.locator(".live-tab", has_text="Hard").wait_for()
    return house.remote


@pytest_asyncio.fixture(loop_scope="session")
async def fingers(operator: Operator) -> Fingers:
    return Fingers(await operator.context.new_cdp_session(operator.page))


async def test_the_page_may_be_as_narrow_as_the_phone(house: House, operator: Operator, hard: Page):
    page = operator.page
    fit = page.get_by_role("button", name="Fit to screen")
    await fit.click()
    await hard.wait_for_function("innerWidth < 400")
    size = await hard.evaluate("({ width: innerWidth, height: innerHeight })")
    assert size["width"] == await page.locator("[data-screen]").evaluate("box => box.clientWidth")
    await expect(page.locator("canvas")).to_have_js_property("width", size["width"])
    box = await page.locator("canvas").bounding_box()
    assert box is not None and abs(box["width"] - size["width"]) < 2, "shown as large as it is"
    assert abs(box["height"] - size["height"]) < 2
    await page.touchscreen.tap(*await operator.middle("#own"))  # a tap arrives where it was seen
    await expect(page.locator("[data-sink]")).not_to_be_focused()
    await hard.wait_for_function("document.activeElement === document.body")
    await operator.click("#alert")
    await page.get_by_role("button", name="OK").click()
    await expect(hard.locator("#said")).to_have_text("alerted")
    await fit.click()
    await hard.wait_for_function("innerWidth === 1280 && innerHeight === 800")
    await fit.click()
    await hard.wait_for_function("innerWidth < 400")
    await operator.done()
    await hard.wait_for_function("innerWidth === 1280 && innerHeight === 800")
    await expect(fit).to_be_disabled()
    await operator.take()
    await expect(fit).to_have_attribute("aria-pressed", "false")


@pytest.mark.long
async def test_a_stroke_scrolls_and_in_a_large_picture_moves_that_first(
    operator: Operator, hard: Page, fingers: Fingers
):
    page = operator.page
    x, y = await operator.middle("#box")
    await fingers.stroke(x, y, 0, -20)
    await hard.wait_for_function("document.getElementById('box').scrollTop > 20")
    await hard.evaluate(STILL)  # what is still under way would move it once more
    await hard.evaluate("document.getElementById('box').scrollTop = 0")
    await page.get_by_role("button", name="Larger").click()
    screen = page.locator("[data-screen]")
    await fingers.stroke(200, (await screen.bounding_box() or {})["y"] + 100, -150, 0)
    await page.wait_for_function("document.querySelector('[data-screen]').scrollLeft > 100")
    assert await hard.evaluate("document.getElementById('box').scrollTop") == 0
    await screen.evaluate("box => { box.scrollLeft = 400; box.scrollTop = box.scrollHeight }")
    await hard.evaluate("document.body.style.height = '3000px'")
    await screen.evaluate("box => box.scrollIntoView({ block: 'center' })")
    edge = await screen.bounding_box()
    assert edge is not None
    # The picture is at its end: the page goes on.
    await fingers.stroke(edge["x"] + 100, edge["y"] + edge["height"] / 2, 0, -50)
    await hard.wait_for_function("scrollY > 20")


@pytest.mark.long
async def test_two_fingers_are_the_right_button_and_a_long_press_drags(
    operator: Operator, hard: Page, fingers: Fingers
):
    x, y = await operator.middle("#own")
    await fingers.touch("Start", (x, y))
    await fingers.touch("Start", (x, y), (x + 30, y))
    await fingers.touch("End")
    await expect(hard.locator("#said")).to_have_text("menu 2")
    x, y = await operator.middle("#thing")
    to_x, to_y = await operator.middle("#hole")
    await hard.evaluate("addEventListener('mousedown', () => pressed = true, true)")
    await fingers.touch("Start", (x, y))
    await hard.wait_for_function("window.pressed === true")
    for step in range(1, 9):
        await fingers.touch("Move", (x + (to_x - x) * step / 8, y + (to_y - y) * step / 8))
    await fingers.touch("End")
    await expect(hard.locator("#said")).to_have_text("dropped thing")


async def test_the_keys_of_a_phone_compose_and_delete(operator: Operator, hard: Page):
    """A phone's keyboard composes every word, and tells of no key."""
    page = operator.page
    await page.touchscreen.tap(*await operator.middle("#words"))
    await expect(page.locator("[data-sink]")).to_be_focused()
    session = await operator.context.new_cdp_session(page)
    for shown in ("h", "he", "hel"):
        await session.send(
            "Input.imeSetComposition", {"text": shown, "selectionStart": len(shown), "selectionEnd": len(shown)}
        )
    await expect(hard.locator("#words")).to_have_value("hel")
    await session.send("Input.insertText", {"text": "hello"})
    await page.locator("[data-sink]").evaluate(  # at once, before anything that waits for its turn in the page
        """sink => {
          sink.dispatchEvent(new CompositionEvent("compositionstart"));
          sink.dispatchEvent(new CompositionEvent("compositionend", { data: "!" }));
          for (const [inputType, data] of [["insertText", "!"], ["insertText", " 👋🏽"]])
            sink.dispatchEvent(new InputEvent("input", { inputType, data }));
        }"""
    )
    await expect(hard.locator("#words")).to_have_value("hello! 👋🏽")
    await page.locator("[data-sink]").evaluate(
        """sink => { for (let n = 0; n < 2; n++) sink.dispatchEvent(new InputEvent("beforeinput",
           { inputType: "deleteContentBackward", cancelable: true })) }"""
    )
    await expect(hard.locator("#words")).to_have_value("hello!")


@pytest.mark.long
async def test_a_dear_line_gets_fewer_and_coarser_pictures(
    house: House, operator: Operator, hard: Page, chromium: Browser
):
    button = operator.page.get_by_role("button", name="Less data")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    (viewer,) = house.views.people("work")
    async with house.operator(chromium) as other:
        await other.open()
        assert [(one.outbox.quality, one.outbox.gap_s) for one in house.views.people("work")] == [
            (35, 1 / 8),
            (None, 0.0),
        ]
        stage = house.views._views["work"][0]._stage
        async with asyncio.timeout(60):  # whoever wants the best pictures decides, for all
            while stage._caster is None or stage._caster.quality != 60:
                await asyncio.sleep(0.02)
    await button.click()
    async with asyncio.timeout(60):
        while viewer.outbox.quality is not None:
            await asyncio.sleep(0.02)
