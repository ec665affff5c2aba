"""Files saved by the browser's own download manager, as fast as it writes them to disk.

Probe (status, size, type) → start on a page of the file's origin → follow the growing file → durable, renamed. The
profile's cookies and network stack are the browser's; the bytes never pass through the page or the driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

from playwright.async_api import BrowserContext, Page

from browser.bridge import Bridge
from browser.download_pages import DownloadPage, Moved, Start
from browser.errors import (
    BrowserError,
    SlotLost,
    StorageFull,
    TooLarge,
    TransportFailed,
    TransportRefused,
    TransportTimeout,
)
from browser.exchanges import Places
from browser.site import Site
from browser.tailing import Seen, Tail, free_bytes
from browser.transport import Download, Reply
from browser.transport_limits import MIB

#: Origins that may pass a download on to the next before we call it a circle.
REDIRECTS = 4


class Downloads:
    """The downloads of one context; *bridge* is its API page's, which tells when everything is lost."""

    def __init__(self, context: BrowserContext, bridge: Bridge, *, site: Site, downloads_dir: Path) -> None:
        self._context = context
        self._bridge = bridge
        self._limits = bridge.limits
        self._site = site
        self._dir = downloads_dir
        self._pages: dict[str, DownloadPage] = {}  # by origin, least recently used first
        self._own: set[Page] = set()
        self._making = asyncio.Lock()
        self._places = Places(self._limits.downloads, "downloads")
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="download")

    async def save(
        self, url: str, *, into: Path, limit_bytes: int, start_timeout_s: float, timeout_s: float
    ) -> Download:
        """See transport.Transport.download."""
        url = urldefrag(urljoin(self._site.home_url, url)).url
        if urlsplit(url).scheme not in {"https", "http"}:
            raise TransportFailed(f"{url[:80]} is not an address a page can download from")
        start_timeout_s = min(start_timeout_s, timeout_s)
        try:
            async with self._bridge.bounded(timeout_s), self._places.one(within_s=timeout_s):
                for _ in range(REDIRECTS):
                    try:
                        return await self._save_from(url, into, limit_bytes, start_timeout_s)
                    except Moved as moved:
                        url = moved.url
        except TimeoutError:
            self._alive()
            raise TransportTimeout(f"the download of {url} was not complete within {timeout_s:g} s") from None
        raise TransportFailed(f"more than {REDIRECTS} origins in a row passed the download on, the last to {url}")

    async def _save_from(self, url: str, into: Path, limit_bytes: int, start_timeout_s: float) -> Download:
        async with self._page_for(url) as page:
            async with self._staying(page, url):
                probed = await page.probe(url, timeout_s=start_timeout_s)
            media_type, size = self._accepted(url, probed, into, limit_bytes)
            async with self._staying(page, url):
                guid, start = await page.start(url, timeout_s=start_timeout_s)
            tail = Tail(self._dir, guid, into, limit_bytes=limit_bytes)
            complete = False
            try:
                await self._follow(tail, url, start, size)
                sha256 = await asyncio.get_running_loop().run_in_executor(self._threads, tail.seal)
                complete = True
            finally:
                tail.discard()
                self._close_tail(tail)
                self._bridge.spawn(self._release(guid, start, complete=complete))
        return Download(path=into, size_bytes=tail.size_bytes, sha256=sha256, media_type=media_type)

    @asynccontextmanager
    async def _staying(self, page: DownloadPage, url: str) -> AsyncIterator[None]:
        """What fails in the block because its download page died or went astray begins again on another one."""
        try:
            yield
        except Moved:
            raise
        except (SlotLost, TransportFailed) as error:
            await self._bridge.settled()
            if page.usable:
                raise
            raise Moved(url) from error

    def owns(self, page: Page) -> bool:
        """Whether *page* exists for downloads only."""
        return page in self._own

    # ---------------------------------------------------------------------------------------------- before the start

    def _accepted(self, url: str, probed: Reply, into: Path, limit_bytes: int) -> tuple[str, int]:
        """Judge the probe; bare media type and size in bytes (0: not known) when the download may begin."""
        if probed.status >= 400 and probed.status != 416:  # 416: there is no first byte, the file is empty
            raise TransportRefused(
                f"the site answered {probed.status} for {url}",
                status=probed.status,
                body=probed.text,
                headers=dict(probed.headers),
            )
        size = _size(probed)
        if size > limit_bytes:
            raise TooLarge(f"{url} has {size} bytes, more than {limit_bytes}")
        for folder in (self._dir, into.parent):
            free = free_bytes(folder)
            if free is not None and free < size:
                raise StorageFull(f"{folder} has {free} bytes left, {size} are needed")
        return probed.headers.get("content-type", "application/octet-stream").split(";", 1)[0].strip().lower(), size

    @asynccontextmanager
    async def _page_for(self, url: str) -> AsyncIterator[DownloadPage]:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        async with self._making:
            page = self._pages.pop(origin, None)
            if page is not None and not page.usable:
                self._drop(page)
                page = None
            if page is None:
                page = await self._new_page(origin)
            self._pages[origin] = page  # last: most recently used
            page.users += 1
        try:
            yield page
        finally:
            page.users -= 1
            if page not in self._pages.values() and not page.users:
                self._bridge.spawn(page.close())

    async def _new_page(self, origin: str) -> DownloadPage:
        idle = [key for key, page in self._pages.items() if not page.users]
        for key in idle[: max(0, len(self._pages) + 1 - self._limits.download_pages)]:
            self._drop(self._pages.pop(key))
        self._alive()
        stub_url = origin + (urlsplit(self._site.asset_url).path or "/")
        blank = None
        try:
            async with asyncio.timeout(self._limits.page_s):
                blank = await self._context.new_page()
                self._own.add(blank)
                blank.on("close", self._closed)
                page = await DownloadPage.open(blank, stub_url, self._limits, downloads_dir=self._dir)
                # A new page comes to the front in a window with tabs; the API page is the one people look at.
                await self._bridge.page.bring_to_front()
        except BaseException as error:
            if blank is not None:
                self._bridge.spawn(_closing(blank))
            if not isinstance(error, Exception):
                raise
            await self._bridge.settled()
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            raise TransportFailed(f"no page for downloads from {origin} could be made: {reason}") from error
        return page

    def _closed(self, page: Page) -> None:
        self._own.discard(page)

    def _drop(self, page: DownloadPage) -> None:
        if not page.users:
            self._bridge.spawn(page.close())

    # ---------------------------------------------------------------------------------------------- while it runs

    async def _follow(self, tail: Tail, url: str, start: Start, size: int) -> None:
        """Absorb the file until it is whole: the browser finished it, or it has as many bytes as both the probe (*size*)
        and the download's own headers promised (either is 0 when unknown, as of an answer compressed on its way). What
        the browser does with a file after its last byte (checks, a new name) takes a tenth of the time of all of it."""
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while True:
            start.news.clear()
            seen = tail.look()
            if seen in (Seen.GROWING, Seen.FINISHED) and tail.has_more():
                quiet_since = loop.time()
                self._bridge.line.heard()
                await loop.run_in_executor(self._threads, tail.absorb)
            if tail.over_limit:
                raise TooLarge(f"{url} is larger than the limit; {tail.size_bytes} bytes had arrived")
            self._alive()
            match seen:
                case Seen.FINISHED:
                    return
                case Seen.GROWING if 0 < size == start.total_bytes == tail.size_bytes:
                    return
                case Seen.GONE:
                    raise await self._broken(tail, url, start)
                case Seen.NOTHING | Seen.GROWING if start.given_up:
                    raise await self._broken(tail, url, start)
            if loop.time() - quiet_since > self._limits.download_idle_s:
                raise TransportTimeout(f"the download of {url} made no progress for {self._limits.download_idle_s:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.download_poll_s):
                    await start.news.wait()

    async def _broken(self, tail: Tail, url: str, start: Start) -> BrowserError:
        """Why the browser removed its file: it tells "canceled" for everything, so look at the disk first."""
        await self._bridge.settled()
        for folder in (self._dir, tail.into.parent):
            free = free_bytes(folder)
            if free is not None and free < 1 * MIB:
                return StorageFull(f"{folder} is full")
        reason = ""
        if start.download is not None:
            with suppress(Exception):
                async with asyncio.timeout(1):
                    reason = await start.download.failure() or ""
        return TransportFailed(
            f"the download of {url} broke after {tail.size_bytes} bytes ({reason or 'no reason told'})"
        )

    def _alive(self) -> None:
        if self._bridge.lost:
            raise SlotLost(self._bridge.lost)

    # ---------------------------------------------------------------------------------------------- afterwards

    async def _release(self, guid: str, start: Start, *, complete: bool) -> None:
        """Stop an incomplete download at the site; in either case let browser and driver forget it and its file."""
        if not complete:
            with suppress(BrowserError):
                await self._bridge.command("Browser.cancelDownload", {"guid": guid}, timeout_s=self._limits.step_s)
        with suppress(Exception):
            async with asyncio.timeout(self._limits.step_s):
                await start.told.wait()
                if start.download is not None:
                    await start.download.delete()

    def _close_tail(self, tail: Tail) -> None:
        try:
            self._threads.submit(tail.close)  # it waits for a thread at work, which the event loop must not
        except RuntimeError:  # no threads any more, so none at work
            tail.close()

    async def close(self) -> None:
        """Close the download pages. Downloads under way have ended with the bridge."""
        pages = list(self._pages.values())
        self._pages.clear()
        await asyncio.gather(*(page.close() for page in pages))
        self._threads.shutdown(wait=False, cancel_futures=True)


async def _closing(page: Page) -> None:
    with suppress(Exception):  # nobody misses it
        async with asyncio.timeout(1):
            await page.close()


def _size(probed: Reply) -> int:
    """How many bytes the whole file has by the headers of its first byte; 0 when they do not say."""
    length = probed.headers.get("content-length", "")
    if probed.status == 206:
        length = probed.headers.get("content-range", "").rpartition("/")[2]
    return int(length) if length.isdigit() else 0
