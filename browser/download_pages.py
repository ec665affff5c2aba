"""Pages of ours from which downloads are started: one per origin, with a document of one line.

A link with a ``download`` attribute is honoured only for its own page's origin; pressed in a page of another origin it
would navigate that page away. So each origin gets a stub document, answered by us, at a path of it; requests for the
files themselves go out as the browser's own, with the profile's cookies.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Download as BrowserDownload
from playwright.async_api import Page, Route

from browser.bridge import Bridge
from browser.errors import BrowserError, TransportFailed, TransportTimeout
from browser.exchanges import Calls, page_request
from browser.transport import Reply, World
from browser.transport_limits import KIB, TransportLimits

STUB = "<!doctype html><title>Downloads</title>"


class Moved(TransportFailed):
    """The address leads to another origin: start the download there, at *url*."""

    def __init__(self, url: str) -> None:
        super().__init__(f"the site redirected the download to {url}")
        self.url = url


class Start:
    """One press of a link: the browser's name for the download it began, and what the browser tells of it since.

    total_bytes: by the download's own headers; 0 until they are told. news: set whenever the browser tells anything.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.guid: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.download: BrowserDownload | None = None
        self.told = asyncio.Event()
        self.news = asyncio.Event()
        self.total_bytes = 0
        self.given_up = False


class DownloadPage:
    """A stub page of one origin."""

    bridge: Bridge
    _calls: Calls

    def __init__(self, page: Page, stub_url: str, downloads_dir: Path) -> None:
        self.page = page
        self._downloads_dir = downloads_dir
        self.users = 0
        self.left = False
        self._stub_url = stub_url
        self._starts: dict[str, Start] = {}  # by token, until the browser names their downloads
        self._running: dict[str, Start] = {}  # by the browser's name
        self._untold: dict[str, Start] = {}  # by token, begun but not announced by the driver yet
        self._next_start = 0.0

    @classmethod
    async def open(cls, page: Page, stub_url: str, limits: TransportLimits, *, downloads_dir: Path) -> DownloadPage:
        """Make *page*, a new one, a download page into *downloads_dir*. The caller closes it if that fails."""

        async def answer(route: Route) -> None:
            await route.fulfill(status=200, content_type="text/html", body=STUB)

        made = cls(page, stub_url, downloads_dir)
        bridge = made.bridge = await Bridge.install(page, limits=limits, on_lost=lambda _: made._lead_away())
        made._calls = Calls(bridge)
        await page.route(stub_url, answer)
        await page.goto(stub_url, wait_until="domcontentloaded", timeout=limits.step_s * 1000)
        await page.unroute(stub_url)
        bridge.session.on("Page.downloadWillBegin", made._begun)
        bridge.session.on("Page.downloadProgress", made._went_on)
        page.on("download", made._told)
        bridge.on_parsed = made._navigated
        return made

    @property
    def usable(self) -> bool:
        return not self.bridge.lost and not self.left

    async def probe(self, url: str, *, timeout_s: float) -> Reply:
        """Ask for the first byte of *url*: status, headers, and of an error answer the start of its body.

        The download itself tells no status: a refusal and a lost connection look the same there. A site that knows no
        ranges begins to send everything; that is dropped after the headers. Status 0 is a redirect to another origin.
        """
        request = page_request("GET", url, headers={"range": "bytes=0-0"}, world=World.ISOLATED)
        return await self._calls.perform(request | {"probe": True}, timeout_s=timeout_s, limit_bytes=64 * KIB)

    async def start(self, url: str, *, timeout_s: float) -> tuple[str, Start]:
        """Start the download of *url*; returns the browser's name for it once the site has answered.

        A start that the browser dropped (it does so silently above about ten a second) is repeated. Raises Moved when
        a redirect took the page elsewhere, which is the only way to learn where; the page is of no use then.
        """
        limits = self.bridge.limits
        tokens: list[str] = []
        chosen = ""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await self._pause()
                    token = secrets.token_hex(8)
                    start = self._starts[token] = Start(url)
                    tokens.append(token)
                    start.guid.add_done_callback(_heard)
                    # One session keeps the order: the browser has heard where to when the link is pressed.
                    await asyncio.gather(
                        self._aim(), self.bridge.run("press", f"{url}#{token}", timeout_s=limits.step_s)
                    )
                    begun = [self._starts[token].guid for token in tokens]
                    await asyncio.wait(
                        begun, timeout=limits.download_press_again_s, return_when=asyncio.FIRST_COMPLETED
                    )
                    for token in tokens:
                        if self._starts[token].guid.done():
                            chosen = token
                            return self._starts[token].guid.result(), self._starts[token]
        except TimeoutError:
            raise TransportTimeout(f"the download of {url} did not begin within {timeout_s:g} s") from None
        finally:
            self._withdraw(tokens, but=chosen)

    async def _aim(self) -> None:
        """Say again where downloads go. An operator's tool on the debugging port may have turned them elsewhere, and
        takes that back to the browser's own default when it leaves."""
        with suppress(TransportFailed):
            await self.bridge.command(
                "Browser.setDownloadBehavior",
                {"behavior": "allowAndName", "downloadPath": str(self._downloads_dir), "eventsEnabled": True},
                timeout_s=self.bridge.limits.step_s,
            )

    def _withdraw(self, tokens: list[str], *, but: str) -> None:
        """Forget presses; one that began nevertheless is cancelled, now or when it begins."""
        for token in tokens:
            guid = self._starts.pop(token).guid
            if token != but and guid.done() and not guid.cancelled() and guid.exception() is None:
                self.bridge.spawn(self._cancel(guid.result()))

    async def _pause(self) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self.bridge.limits.download_start_gap_s
        if start > now:
            await asyncio.sleep(start - now)

    def _begun(self, event: dict[str, Any]) -> None:
        start = self._starts.get(urlsplit(event["url"]).fragment)
        if start is None:  # given up by its caller, who did not know its name to cancel it
            self.bridge.spawn(self._cancel(event["guid"]))
        elif not start.guid.done():
            start.guid.set_result(event["guid"])
            self._running[event["guid"]] = start
            if start.download is None:
                self._untold[urlsplit(event["url"]).fragment] = start

    def _went_on(self, event: dict[str, Any]) -> None:
        start = self._running.get(event["guid"])
        if start is None:
            return
        start.total_bytes = int(event["totalBytes"])
        start.news.set()
        if event["state"] != "inProgress":
            del self._running[event["guid"]]
            start.given_up = event["state"] == "canceled"

    async def _cancel(self, guid: str) -> None:
        with suppress(BrowserError):
            await self.bridge.command("Browser.cancelDownload", {"guid": guid}, timeout_s=self.bridge.limits.step_s)

    def _told(self, download: BrowserDownload) -> None:
        token = urlsplit(download.url).fragment
        start = self._untold.pop(token, None) or self._starts.get(token)
        if start is not None:
            start.download = download
            start.told.set()

    def _navigated(self) -> None:
        if self.page.url != self._stub_url:
            self._lead_away()

    def _lead_away(self) -> None:
        """The page shows something else now, or nothing: whoever waits here for a start has to go elsewhere."""
        self.left = True
        there, _, token = self.page.url.partition("#")
        for waiting, start in self._starts.items():
            if not start.guid.done():
                start.guid.set_exception(Moved(there if waiting == token else start.url))

    async def close(self) -> None:
        self._lead_away()
        await self.bridge.close()
        with suppress(Exception):  # a crashed page may refuse; its context's end closes it
            async with asyncio.timeout(1):
                await self.page.close()


def _heard(future: asyncio.Future[str]) -> None:
    if not future.cancelled():
        future.exception()  # a start nobody waits for any more may fail unheard
