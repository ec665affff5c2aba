"""Where things are: everything on a phone's screen at once, and nothing moves when control comes and goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.console.looking import look_at
from tests.live.hard_pages import serve
from tests.live.operator import House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PORTRAIT = {"width": 360, "height": 740}
LANDSCAPE = {"width": 740, "height": 360}
LYING = [pytest.param(PORTRAIT, id="upright"), pytest.param(LANDSCAPE, id="on its side", marks=pytest.mark.long)]
PHONE: dict[str, Any] = {"viewport": PORTRAIT, "has_touch": True, "is_mobile": True}

#: What of the page lies where: True for each corner of the picture, and for each button, that a finger can reach.
REACHED = """() => {
  const high = window.visualViewport.height;
  const at = (x, y, one) => y < high && one.contains(document.elementFromPoint(x, y));
  const canvas = document.querySelector("canvas");
  const { left, right, top, bottom } = canvas.getBoundingClientRect();
  const corners = [[left + 3, top + 3], [right - 3, top + 3], [left + 3, bottom - 3], [right - 3, bottom - 3]];
  const found = { picture: corners.every(([x, y]) => at(x, y, canvas)), buttons: {} };
  for (const button of document.querySelectorAll(".live-controls button")) {
    if (!button.checkVisibility({ visibilityProperty: true })) continue;
    button.scrollIntoView({ block: "nearest", inline: "nearest" });
    const box = button.getBoundingClientRect();
    found.buttons[button.textContent.trim() || button.title] =
      at(box.left + box.width / 2, box.top + box.height / 2, button) && scrollY === 0;
  }
  return found;
}"""

#: A phone's keyboard comes up: most browsers tell only the visual viewport.
KEYBOARD = """high => {
  Object.defineProperty(visualViewport, "height", { get: () => high, configurable: true });
  visualViewport.dispatchEvent(new Event("resize"));
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House) -> House:
    """As the test before left it."""
    return running


async def all_reached(page: Page) -> None:
    found = await page.evaluate(REACHED)
    assert found["picture"], "the whole picture is to be seen"
    missing = [name for name, reached in found["buttons"].items() if not reached]
    assert not missing and found["buttons"], missing


@pytest_asyncio.fixture(loop_scope="session")
async def phone(house: House, chromium: Browser) -> AsyncIterator[Operator]:
    async with house.operator(chromium, **PHONE) as operator:
        await operator.open()
        yield operator
        assert not operator.complaints


@pytest.mark.parametrize("lies", LYING)
async def test_on_a_phone_picture_and_buttons_are_all_there(phone: Operator, lies: Any):
    page = phone.page
    await page.set_viewport_size(lies)
    await all_reached(page)
    await phone.take()
    await all_reached(page)
    await look_at(page)
    await page.get_by_role("button", name="Fit to screen").click()
    await phone.house.remote.wait_for_function("innerWidth < 600")
    await expect(page.locator("canvas")).not_to_have_js_property("width", 1280)
    await all_reached(page)
    await phone.done()
    await all_reached(page)


@pytest.mark.parametrize(
    ("lies", "seen"),
    [pytest.param(PORTRAIT, 430, id="upright"), pytest.param(LANDSCAPE, 170, id="on its side", marks=pytest.mark.long)],
)
async def test_the_keyboard_of_a_phone_covers_nothing(phone: Operator, lies: Any, seen: int):
    page = phone.page
    await page.set_viewport_size(lies)
    await phone.take()
    await page.get_by_role("button", name="Keyboard").click()
    await expect(page.locator("[data-sink]")).to_be_focused()
    await page.evaluate(KEYBOARD, seen)
    await expect(page.locator(".live.typing")).to_be_visible()
    await all_reached(page)
    await expect(page.locator("[data-origin]")).to_be_visible()  # one sees where one types a password
    await page.evaluate(KEYBOARD, lies["height"])
    await expect(page.locator(".live.typing")).to_have_count(0)
    await page.evaluate("delete visualViewport.height")
    await phone.done()


PLACES = """() => Object.fromEntries(
  [".live-screen", "canvas", ".live-tabs", ".live-address input", ".live-says", "[data-do=thrift]", "[data-do=copy]", "footer, #grants"]
    .map(name => [name, document.querySelector(name)?.getBoundingClientRect()])
    .map(([name, box]) => [name, box && [box.left, box.top, box.width, name === "canvas" ? box.height : 0].map(Math.round)]))"""


@pytest.mark.parametrize("width", [360, *(pytest.param(width, marks=pytest.mark.long) for width in (768, 1024, 1280))])
async def test_nothing_moves_when_control_comes_and_goes(house: House, chromium: Browser, width: int):
    async with house.operator(chromium, viewport={"width": width, "height": 900}) as operator:
        page = operator.page
        await operator.open()
        watching = await page.evaluate(PLACES)
        assert watching[".live-screen"] and watching["[data-do=copy]"]
        await operator.take()
        assert await page.evaluate(PLACES) == watching
        await serve(house.remote.context)
        await page.get_by_label("Address", exact=True).fill("grok.com/hard")
        await page.keyboard.press("Enter")
        await page.locator(".live-tab", has_text="Hard").wait_for()
        await operator.click("#blank")
        await page.locator(".live-tab", has_text="Second").wait_for()
        now = await page.evaluate(PLACES)
        now[".live-address input"] = watching[".live-address input"]  # as wide as the origin beside it lets it
        assert now == watching
        await page.get_by_role("button", name="Close this tab").click()
        await expect(page.locator(".live-tab")).to_have_count(1)
        await operator.done()
        now = await page.evaluate(PLACES)
        now[".live-address input"] = watching[".live-address input"]
        assert now == watching
