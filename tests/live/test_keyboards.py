"""Keyboards of other countries and systems, with the events that browsers make of them there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.live.hard_pages import serve
from tests.live.operator import House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

#: Plays key events as a browser would: what a key writes comes as input, unless somebody took the key.
PLAY = """steps => {
  const sink = document.querySelector("[data-sink]");
  for (const [type, init, text] of steps) {
    if (type.startsWith("composition")) {
      sink.dispatchEvent(new CompositionEvent(type, { data: text, bubbles: true }));
      continue;
    }
    const went = sink.dispatchEvent(new KeyboardEvent(type, { bubbles: true, cancelable: true, ...init }));
    if (type !== "keydown" || !went) continue;
    if (text === "paste") {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", "pasted");
      sink.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    } else if (text) {
      const inputType = "insertText";
      if (!sink.dispatchEvent(new InputEvent("beforeinput", { data: text, inputType, cancelable: true }))) continue;
      sink.value += text;
      sink.dispatchEvent(new InputEvent("input", { data: text, inputType }));
    }
  }
}"""

Step = list[Any]


def stroke(key: str, code: str, text: str = "", **state: bool) -> list[Step]:
    """One key, down and up."""
    return [["keydown", {"key": key, "code": code, **state}, text], ["keyup", {"key": key, "code": code, **state}, ""]]


def held(key: str, code: str, around: list[Step], **state: bool) -> list[Step]:
    """A modifier that is down meanwhile."""
    return [["keydown", {"key": key, "code": code, **state}, ""], *around, ["keyup", {"key": key, "code": code}, ""]]


ALTGR: dict[str, bool] = {"modifierAltGraph": True}

CASES = {
    "AltGr on Windows, which comes as Ctrl and AltGr": (
        held("Control", "ControlLeft", held("AltGraph", "AltRight", stroke("@", "KeyQ", "@", **ALTGR)
             + stroke("€", "KeyE", "€", **ALTGR) + stroke("{", "Digit7", "{", **ALTGR), **ALTGR), ctrlKey=True), "@€{"),
    "AltGr on Linux": (
        held("AltGraph", "AltRight", stroke("@", "KeyQ", "@", **ALTGR) + stroke("\\", "Minus", "\\", **ALTGR)), "@\\"),
    "Ctrl and Alt held for AltGr": (
        held("Control", "ControlLeft", held("Alt", "AltLeft", stroke("@", "KeyQ", "@", **ALTGR)
             + stroke("]", "Digit9", "]", **ALTGR), ctrlKey=True, altKey=True), ctrlKey=True) + stroke("a", "KeyA", "a"), "@]a"),
    "the same where the browser does not call it AltGr": (
        held("Control", "ControlLeft", held("Alt", "AltLeft", stroke("€", "KeyE", "€", ctrlKey=True, altKey=True),
             ctrlKey=True, altKey=True), ctrlKey=True), "€"),
    "a dead key": (stroke("Dead", "Equal") + stroke("é", "KeyE", "é") + stroke("Dead", "Equal") + stroke("x", "KeyX", "´x"), "é´x"),
    "a dead key that composes, as on a Mac": (
        [["keydown", {"key": "Dead", "code": "KeyE"}, ""], ["compositionstart", {}, ""], ["compositionupdate", {}, "´"],
         ["keyup", {"key": "Dead", "code": "KeyE", "isComposing": True}, ""],
         ["keydown", {"key": "é", "code": "KeyE", "isComposing": True}, ""], ["compositionupdate", {}, "é"],
         ["compositionend", {}, "é"], ["keyup", {"key": "e", "code": "KeyE"}, ""]], "é"),
    "Cyrillic letters": (stroke("Ж", "Semicolon", "Ж", shiftKey=True) + stroke("ф", "KeyA", "ф"), "Жф"),
    "Pinyin": (
        [["keydown", {"key": "Process", "code": "KeyN", "keyCode": 229}, ""], ["compositionstart", {}, ""],
         ["compositionupdate", {}, "n"], ["compositionupdate", {}, "ni"], ["compositionend", {}, "你"],
         ["keyup", {"key": "n", "code": "KeyN"}, ""]], "你"),
    "Ctrl+A and Ctrl+V on a Cyrillic layout": (
        stroke("ф", "KeyA", "ф") + held("Control", "ControlLeft", stroke("ф", "KeyA", ctrlKey=True)
            + stroke("м", "KeyV", "paste", ctrlKey=True), ctrlKey=True), "pasted"),
    "Shift+Insert": (held("Shift", "ShiftLeft", stroke("Insert", "Insert", "paste", shiftKey=True), shiftKey=True), "pasted"),
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House) -> House:
    """As the test before left it."""
    return running


async def at_the_field(operator: Operator) -> Page:
    """In control, with the focus in an empty field of a page."""
    house = operator.house
    await serve(house.remote.context)
    await operator.take()
    await operator.page.get_by_label("Address", exact=True).fill("grok.com/hard")
    await operator.page.keyboard.press("Enter")
    await house.remote.frame_locator("#frame").locator("#text").wait_for()
    await operator.page.locator(".live-tab", has_text="Hard").wait_for()
    await operator.click("#words")
    await house.remote.wait_for_function("document.activeElement.id === 'words'")
    await expect(operator.page.locator("[data-sink]")).to_be_focused()
    return house.remote


async def test_what_is_typed_arrives_right_and_once(operator: Operator):
    remote = await at_the_field(operator)
    page, words = operator.page, remote.locator("#words")
    for name, (steps, wanted) in CASES.items():
        await words.evaluate("field => { field.value = '' }")
        await page.evaluate(PLAY, [*steps, *stroke("|", "IntlBackslash", "|")])  # the last one: all before has arrived
        await expect(words, name).to_have_value(wanted + "|")
        pressed = await page.evaluate("document.querySelector('[data-sink]').value.length")
        assert pressed == 2, f"{name}: nothing is left in the text area"
    assert not operator.complaints


@pytest_asyncio.fixture(loop_scope="session")
async def mac(house: House, chromium: Browser) -> AsyncIterator[Operator]:
    async with house.operator(chromium) as operator:
        await operator.context.add_init_script(
            "Object.defineProperty(navigator, 'platform', { get: () => 'MacIntel' })"
        )
        await operator.open()
        yield operator


@pytest.mark.long
async def test_a_macs_command_key_is_ctrl_there(mac: Operator):
    remote = await at_the_field(mac)
    page, words = mac.page, remote.locator("#words")

    def command(key: str, code: str, text: str = "") -> list[Step]:
        """A Mac tells of no other key's release while ⌘ is down."""
        return held("Meta", "MetaLeft", [["keydown", {"key": key, "code": code, "metaKey": True}, text]], metaKey=True)

    at = {"altKey": True}
    typed = held("Alt", "AltLeft", stroke("@", "KeyL", "@", **at) + stroke("€", "KeyE", "€", **at), **at)
    await page.evaluate(PLAY, [*typed, *stroke("a", "KeyA", "a")])
    await expect(words).to_have_value("@€a")
    await page.evaluate(PLAY, [*command("a", "KeyA"), *stroke("b", "KeyB", "b")])
    await expect(words).to_have_value("b")
    await page.evaluate(PLAY, [*command("a", "KeyA"), *command("v", "KeyV", "paste"), *stroke("c", "KeyC", "c")])
    await expect(words).to_have_value("pastedc")
