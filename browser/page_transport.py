"""The transport over a real page: one per running context, shared by all leases on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from playwright.async_api import BrowserContext, Page
from playwright.async_api import Error as PlaywrightError

from browser.bridge import Bridge
from browser.downloads import Downloads
from browser.errors import SlotLost, TransportTimeout
from browser.exchanges import Calls, page_request
from browser.line import Line
from browser.navigation import Navigator
from browser.site import Site
from browser.sockets import PageSocket, Sockets
from browser.streams import PageStream, Streams
from browser.transport import Download, FilePart, PageFacts, Reply, World
from browser.transport_limits import MIB, TransportLimits
from browser.uploads import Uploads


class PageTransport:
    """Implements ``browser.transport.Transport`` on a context's API page. Make it with ``open``."""

    def __init__(
        self, page: Page, bridge: Bridge, *, site: Site, downloads_dir: Path, on_navigated: Callable[[PageFacts], None]
    ) -> None:
        self.page = page
        self._site = site
        self._bridge = bridge
        self._navigator = Navigator(page, bridge, on_navigated)
        self._calls = Calls(bridge)
        self._streams = Streams(bridge)
        self._uploads = Uploads(bridge, self._calls)
        self._sockets = Sockets(bridge)
        self._downloads = Downloads(page.context, bridge, site=site, downloads_dir=downloads_dir)

    @classmethod
    async def open(
        cls,
        context: BrowserContext,
        *,
        site: Site,
        downloads_dir: Path,
        limits: TransportLimits | None = None,
        on_lost: Callable[[str], None],
        on_navigated: Callable[[PageFacts], None],
        on_silent: Callable[[], None] = lambda: None,
    ) -> PageTransport:
        """Take the context's first page, put our code into it and open the site's home page.

        on_lost: called once, with the reason, when page, browser or driver died (not by ``close``).
        on_navigated: called after every main-frame navigation of the page, whoever began it; also by this call.
        on_silent: called when calls have no answer any more (`line.Line`).
        A page with an HTTP error status is a page. Raises TransportFailed, TransportTimeout, SlotLost.
        """
        limits = limits or TransportLimits()
        try:
            async with asyncio.timeout(limits.page_s):
                page = context.pages[0] if context.pages else await context.new_page()
        except (PlaywrightError, TimeoutError) as error:
            raise SlotLost(f"the browser gives no page: {error or 'no answer'}") from error
        bridge = await Bridge.install(page, limits=limits, on_lost=on_lost, line=Line(on_silent))
        transport = cls(page, bridge, site=site, downloads_dir=downloads_dir, on_navigated=on_navigated)
        try:
            await transport.go_home()
        except BaseException:
            await transport.close()
            raise
        return transport

    @property
    def facts(self) -> PageFacts:
        """What the latest navigation of the page showed."""
        return self._navigator.facts

    @property
    def line(self) -> Line:
        """What is known of the connections to the site."""
        return self._bridge.line

    @property
    def broken(self) -> bool:
        """Whether the page, its browser or the driver is gone; nothing works any more then."""
        return bool(self._bridge.lost)

    def owns(self, page: Page) -> bool:
        """Whether *page* is the transport's: the API page, or one made for downloads (on any origin)."""
        return page is self.page or self._downloads.owns(page)

    async def go_home(self) -> PageFacts:
        """Open the site's home page in the API page."""
        return await self._navigated(self._navigator.go(self._site.home_url))

    async def reload(self) -> PageFacts:
        """Reload the API page, as its user would."""
        return await self._navigated(self._navigator.reload())

    async def _navigated(self, navigation: Coroutine[Any, Any, PageFacts]) -> PageFacts:
        try:
            facts = await navigation
        except TransportTimeout:
            self._bridge.line.waited_in_vain()
            raise
        self._bridge.line.page_came()
        return facts

    async def close(self) -> None:
        """End all calls and stop listening. The context's owner closes the context."""
        await self._bridge.close()
        await self._downloads.close()

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        timeout_s: float = 30.0,
        limit_bytes: int = 8 * MIB,
    ) -> Reply:
        request = page_request(method, url, json=json, headers=headers, world=world)
        return await self._calls.perform(request, timeout_s=timeout_s, limit_bytes=limit_bytes)

    def stream(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        start_timeout_s: float = 30.0,
        idle_timeout_s: float = 120.0,
    ) -> AbstractAsyncContextManager[PageStream]:
        request = page_request(method, url, json=json, headers=headers, world=world)
        return self._streams.open(request, start_timeout_s=start_timeout_s, idle_timeout_s=idle_timeout_s)

    async def download(
        self,
        url: str,
        *,
        into: Path,
        limit_bytes: int,
        start_timeout_s: float = 30.0,
        timeout_s: float = 600.0,
    ) -> Download:
        return await self._downloads.save(
            url, into=into, limit_bytes=limit_bytes, start_timeout_s=start_timeout_s, timeout_s=timeout_s
        )

    async def upload(
        self,
        url: str,
        *,
        file: FilePart,
        form: Mapping[str, str] = MappingProxyType({}),
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        return await self._uploads.form(url, file=file, form=form, world=world, timeout_s=timeout_s)

    async def upload_base64(
        self,
        url: str,
        *,
        file: FilePart,
        key: str,
        json: Mapping[str, Any],
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        return await self._uploads.base64(url, file=file, key=key, json=json, world=world, timeout_s=timeout_s)

    def open_socket(self, url: str, *, timeout_s: float = 20.0) -> AbstractAsyncContextManager[PageSocket]:
        return self._sockets.open(url, timeout_s=timeout_s)
