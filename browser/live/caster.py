"""Casts one page: Chromium's frames, handed to everybody who looks, no faster than the fastest of them takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

from playwright.async_api import Error, Page

from browser.launch import VIEWPORT
from browser.live.outbox import Frame, Outbox

#: Nobody took a frame for so long: send the next all the same, or a line that hung for a moment would show an old one.
LONGEST_WAIT_S = 1.0
START_S = 10.0
STOP_S = 5.0


class Caster:
    """One page's screencast. Playwright allows one per page; `audience` tells who looks now."""

    def __init__(
        self, page: Page, *, tab: int, quality: int, fps: float, audience: Callable[[], Collection[Outbox]]
    ) -> None:
        self.tab = tab
        self.page = page
        self.last: Frame | None = None
        self.quality = quality
        self._gap_s = 1 / fps
        self._audience = audience
        self._turn = 0.0
        self._taken = asyncio.Event()
        self._casting = False

    async def start(self) -> None:
        """Begin; the page's present look comes first. Raises Playwright's Error when the page is gone, TimeoutError."""
        self._casting = True
        async with asyncio.timeout(START_S):
            await self.page.screencast.start(on_frame=self._shown, quality=self.quality, size=VIEWPORT)

    async def stop(self) -> None:
        self._casting = False
        self._taken.set()
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self.page.screencast.stop()

    def taken(self) -> None:
        """Somebody took his frame: the page may send the next."""
        self._taken.set()

    async def _shown(self, raw: Any) -> None:
        """Hand a frame on. Chromium has five in flight and waits for our return before it makes another one."""
        if not self._casting:
            return
        frame = Frame(self.tab, raw["viewportWidth"], raw["viewportHeight"], raw["timestamp"], raw["data"])
        self.last = frame
        audience = self._audience()
        for outbox in audience:
            outbox.show(frame)
        self._taken.clear()
        now = asyncio.get_running_loop().time()
        self._turn = max(now, self._turn + self._gap_s)
        if self._turn > now:
            await asyncio.sleep(self._turn - now)
        if audience and all(outbox.full for outbox in audience):
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_WAIT_S):
                    await self._taken.wait()
