"""The gateway under test in this process, and the operator's hands: everything goes through the console's page.

The test looks at the profile's page directly to learn where things are and what became of them; it never touches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect

from browser.clearance import Clearance
from browser.errors import SlotLost
from browser.live.views import LiveViews
from gateway.console.access import PLAIN_COOKIE
from gateway.profiles.registry import Registry
from gateway.site import open_site
from tests.front.serving import Front, serving
from tests.simulator.client import Simulator

PROFILE = "work"
WIDTH, HEIGHT = 1280, 800


class House:
    """A running gateway with a real pool."""

    def __init__(self, front: Front, folder: Path) -> None:
        self.front = front
        self.folder = folder
        self._new = True
        self._read_to = 0  # of the audit log

    @property
    def url(self) -> str:
        return self.front.url

    @property
    def console(self) -> Any:
        return self.front.app.state.console

    @property
    def registry(self) -> Registry:
        found: Registry = self.console.registry
        return found

    @property
    def views(self) -> LiveViews:
        views: LiveViews = self.console.live.views
        return views

    @property
    def remote(self) -> Page:
        """The profile's page."""
        context = self.views._pool.context(PROFILE)
        assert context is not None
        page: Page = context.page
        return page

    def remote_or_none(self) -> Page | None:
        """The same, None while there is none."""
        try:
            return self.remote
        except (SlotLost, AssertionError):
            return None

    def clearance(self) -> Clearance:
        return next(one.clearance for one in self.console.statuses() if one.name == PROFILE)

    async def until(self, *wanted: Clearance, within_s: float = 60) -> None:
        async with asyncio.timeout(within_s):
            while PROFILE not in {one.name for one in self.console.statuses()} or self.clearance() not in wanted:
                await asyncio.sleep(0.05)

    async def cookie(self) -> str:
        """A new session's secret."""
        _, secret = await self.console.sessions.begin(address="127.0.0.1", user_agent="tests")
        return str(secret)

    async def actions(self) -> list[str]:
        """What the audit log has since `as_new`, oldest first."""
        lines = await self.console.audit.newest(limit=200)
        return [line.action for line in reversed(lines) if line.id > self._read_to]

    async def as_new(self, sim: Simulator) -> None:
        """Put everything back: nobody looks, nobody has control, and the site knows nothing of the profile."""
        async with asyncio.timeout(60):
            while self.views.people(PROFILE):
                await asyncio.sleep(0.02)
            for view, _ in list(self.views._views.values()):
                while view.control.busy:
                    view.control.give("done")
                    await asyncio.sleep(0.02)
        if not self._new:
            await sim.reset(everything=True)
            await self.views._pool.check(PROFILE)
        self._new = False
        await self.until(Clearance.CHALLENGED)
        self._read_to = max((line.id for line in await self.console.audit.newest(limit=1)), default=0)

    @asynccontextmanager
    async def operator(self, chromium: Browser, *, signed_in: bool = True, **more: Any) -> AsyncIterator[Operator]:
        said = {"locale": "en-US", "viewport": {"width": 1400, "height": 1000}, "base_url": self.url, **more}
        context = await chromium.new_context(**said)
        context.set_default_timeout(60_000)
        if signed_in:
            await context.add_cookies([{"name": PLAIN_COOKIE, "value": await self.cookie(), "url": self.url}])
        try:
            yield Operator(self, context, await context.new_page())
        finally:
            await context.close()


@asynccontextmanager
async def running_house(folder: Path, sim: Simulator, **settings: Any) -> AsyncIterator[House]:
    """Serve with one profile that is not signed in."""
    site: Any = SimpleNamespace(open=open_site)
    said = {"browser_args": sim.browser_args, "verify_waiting_every_s": 1.0, **settings}
    async with serving(folder / "data", site, **said) as front:
        house = House(front, folder)
        await house.registry.add(PROFILE)
        await house.until(Clearance.CHALLENGED, Clearance.LOGIN_REQUIRED)
        yield house


class Operator:
    """A person at the console's live view."""

    def __init__(self, house: House, context: BrowserContext, page: Page) -> None:
        self.house = house
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._heard)

    def _heard(self, line: Any) -> None:
        if "Content Security" in line.text:
            self.complaints.append(line.text)

    async def open(self) -> None:
        """Open the live view and wait for its picture."""
        await self.page.goto(f"/console/live/{PROFILE}")
        await self.page.locator("[data-empty]").wait_for(state="hidden")

    async def take(self) -> None:
        await self.page.locator("[data-do=take]").click()  # whatever the page's language calls it
        await self.page.locator(".live-screen.in-control").wait_for()

    async def done(self) -> None:
        await self.page.get_by_role("button", name="Done", exact=True).click()
        await self.page.locator(".live-screen:not(.in-control)").wait_for()

    async def status(self, text: str) -> None:
        """Wait until the status line says so."""
        await self.page.locator(".live-status", has_text=text).wait_for()

    async def place(self, x: float, y: float, *, width: int = WIDTH, height: int = HEIGHT) -> tuple[float, float]:
        """Where a point of the profile's page, which is so large, is in the console's."""
        await expect(self.page.locator("canvas")).to_have_js_property("width", width)
        box = await self.page.locator("canvas").bounding_box()
        assert box is not None
        return box["x"] + x / width * box["width"], box["y"] + y / height * box["height"]

    async def middle(self, selector: str, page: Page | None = None, *, frame: str = "") -> tuple[float, float]:
        """Where the middle of something on the profile's page, or in one of its frames, is in the console's."""
        found = (page or self.house.remote).locator(selector)
        if frame:
            found = (page or self.house.remote).frame_locator(frame).locator(selector)
        await found.wait_for()
        box = await found.bounding_box()
        assert box is not None
        size = await (page or self.house.remote).evaluate("({ width: innerWidth, height: innerHeight })")
        return await self.place(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, **size)

    async def click(self, selector: str, page: Page | None = None) -> None:
        """Click on what the profile's page shows there."""
        await self.page.mouse.click(*await self.middle(selector, page))

    async def fill(self, selector: str, text: str, page: Page | None = None) -> None:
        """Click a field and type, key by key."""
        await self.click(selector, page)
        await self.page.keyboard.type(text)

    async def popup(self) -> Page:
        """Wait for a pop-up of the profile's page."""
        async with asyncio.timeout(60):
            while len(self.house.remote.context.pages) < 2:
                await asyncio.sleep(0.05)
        page = self.house.remote.context.pages[-1]
        await page.wait_for_load_state()
        return page
