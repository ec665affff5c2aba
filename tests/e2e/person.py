"""A person at the console who knows nothing of the machine behind it: pages, a mouse, a keyboard, and a look at the picture.

Where things are in the picture of the live view the simulated site tells (`Simulator.windows`), as eyes would.
"""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page, expect

from tests.simulator.client import Simulator

PASSWORD = "correct horse battery"
LONG_MS = 90_000
expect.set_options(timeout=60_000)  # a busy machine is no failure of the page
WITHIN_S = 60


class Person:
    """One browser window at the console, and the site's windows as the live view shows them."""

    def __init__(self, page: Page, sim: Simulator) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._sim = sim
        page.set_default_timeout(LONG_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, line: Any) -> None:
        if "Content Security" in line.text:
            self.complaints.append(line.text)

    # -- the live view -----------------------------------------------------------------------------------------------
    async def take_control(self) -> None:
        await self.page.locator("[data-empty]").wait_for(state="hidden")
        await self.page.get_by_role("button", name="Take control").click()
        await self.page.locator(".live-screen.in-control").wait_for()

    async def sees(self, part: str, value: str | None = None, *, gone: bool = False) -> dict[str, Any]:
        """Wait until a window of the site shows *part* (with *value*), or none does; returns the newest that does."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                windows = await self._sim.windows()
                found = [
                    one for one in windows
                    if part in one["parts"] and (value is None or one["parts"][part]["value"] == value)
                ]  # fmt: skip
                if bool(found) is not gone:
                    return dict(found[-1]) if found else {}
                await asyncio.sleep(0.05)  # polled on purpose: somebody looks at a picture

    async def click(self, part: str) -> None:
        """Click on what the picture shows."""
        window = await self.sees(part)
        canvas = self.page.locator("canvas")
        await expect(canvas).to_have_js_property("width", window["width"])
        box = await canvas.bounding_box()
        assert box is not None
        at = window["parts"][part]
        await self.page.mouse.click(
            box["x"] + at["x"] / window["width"] * box["width"], box["y"] + at["y"] / window["height"] * box["height"]
        )

    async def type(self, part: str, text: str) -> None:
        """Click a field and type, key by key."""
        await self.click(part)
        await self.page.keyboard.type(text)

    async def compose(self, *shown: str, last: str) -> None:
        """Type with an input method: what it shows on the way, and what is chosen in the end."""
        session = await self.page.context.new_cdp_session(self.page)
        for text in shown:
            await session.send(
                "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
            )
        await session.send("Input.insertText", {"text": last})
        await session.detach()

    async def paste(self, text: str) -> None:
        """Put text into the clipboard and press Ctrl+V."""
        await self.page.evaluate("text => navigator.clipboard.writeText(text)", text)
        await self.page.keyboard.press("Control+v")

    async def status(self, text: str) -> None:
        await self.page.locator(".live-status", has_text=text).wait_for()

    # -- the other pages ---------------------------------------------------------------------------------------------
    async def copied(self, button: str) -> str:
        """Press a button that copies; returns what is in the clipboard then."""
        await self.page.get_by_role("button", name=button).first.click()
        await expect(self.page.locator(".toast").last).to_contain_text("Copied")
        return str(await self.page.evaluate("navigator.clipboard.readText()"))

    async def film_plays(self) -> None:
        """Wait until the film of the page has data, a length, and moves."""
        film = self.page.locator("video.player")
        await film.evaluate("film => { film.muted = true; return film.play(); }")
        await self.page.wait_for_function(
            "() => { const film = document.querySelector('video.player');"
            " return film.readyState >= 2 && film.duration > 0 && film.currentTime > 0.3 && film.videoWidth > 0 }"
        )


async def run_in_shell(text: str) -> str:
    """Run what was copied, as it is pasted into a terminal; returns what it printed."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", text, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(WITHIN_S):
        out, trouble = await shell.communicate()
    assert shell.returncode == 0, trouble.decode()
    return out.decode()
