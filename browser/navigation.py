"""Where the API page is, and what each of its navigations showed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from playwright.async_api import Page, Response
from playwright.async_api import TimeoutError as PlaywrightTimeout

from browser.bridge import Bridge
from browser.errors import SlotLost, TransportFailed, TransportTimeout
from browser.transport import PageFacts

Navigation = Callable[[], Awaitable[Response | None]]


class Navigator:
    """Moves the page and looks at every document it shows, whoever moved it."""

    def __init__(self, page: Page, bridge: Bridge, on_navigated: Callable[[PageFacts], None]) -> None:
        self.facts = PageFacts(url=page.url, status=0)
        self._page = page
        self._bridge = bridge
        self._on_navigated = on_navigated
        self._moving = asyncio.Lock()
        bridge.on_parsed = self._parsed

    async def go(self, url: str) -> PageFacts:
        """Open *url*. An HTTP error status is an answer; TransportFailed when there was none, TransportTimeout, SlotLost."""
        timeout_ms = self._bridge.limits.navigation_s * 1000
        return await self._move(lambda: self._page.goto(url, wait_until="domcontentloaded", timeout=timeout_ms), url)

    async def reload(self) -> PageFacts:
        """Load the page again as its user would."""
        timeout_ms = self._bridge.limits.navigation_s * 1000
        return await self._move(
            lambda: self._page.reload(wait_until="domcontentloaded", timeout=timeout_ms), self._page.url
        )

    async def _move(self, navigation: Navigation, url: str) -> PageFacts:
        if self._bridge.lost:
            raise SlotLost(self._bridge.lost)
        async with self._moving:
            try:
                # The driver keeps the first deadline; ours is for a driver that does not.
                async with asyncio.timeout(self._bridge.limits.navigation_s + self._bridge.limits.grace_s):
                    response = await navigation()
            except (PlaywrightTimeout, TimeoutError):
                raise TransportTimeout(f"{url} did not load within {self._bridge.limits.navigation_s:g} s") from None
            except (
                Exception
            ) as error:  # also what the driver's library raises when the driver dies, of no class of its own
                response = None
                await self._forgive(error, url)
            facts = await self._look(response)
        self._tell(facts)
        return facts

    async def _forgive(self, error: Exception, url: str) -> None:
        """Let pass that the page itself moved on while we moved it; what it shows then counts."""
        reason = str(error).split("\n", 1)[0]
        if "interrupted by another navigation" in reason or "ERR_ABORTED" in reason:
            return
        await self._bridge.settled()
        raise TransportFailed(f"{url} could not be opened: {reason}") from error

    def _parsed(self) -> None:
        if not self._moving.locked():
            self._bridge.spawn(self._look_alone())

    async def _look_alone(self) -> None:
        with suppress(TransportFailed):  # it moved on already: its next document is looked at in turn
            self._tell(await self._seen(None))

    async def _look(self, response: Response | None) -> PageFacts:
        try:
            return await self._seen(response)
        except TransportFailed:  # it moved on already, or is too busy to be looked at
            return PageFacts(url=self._page.url, status=response.status if response else 0)

    async def _seen(self, response: Response | None) -> PageFacts:
        told = json.loads(await self._bridge.run("facts", timeout_s=self._bridge.limits.step_s))
        facts = PageFacts(url=told[0], status=told[1], title=told[2], body_start=told[3])
        if response is not None and response.url.split("#", 1)[0] == facts.url.split("#", 1)[0]:
            facts = replace(facts, status=response.status, headers=response.headers)
        return facts

    def _tell(self, facts: PageFacts) -> None:
        self.facts = facts
        self._on_navigated(facts)
