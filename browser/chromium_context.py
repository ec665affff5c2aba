"""A Chromium that runs on a profile, through Playwright."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import suppress
from typing import Any

import structlog
from playwright.async_api import BrowserContext, Error, Frame, Page

from browser import processes
from browser.checkpoint import State
from browser.cleanup import finish
from browser.context import Gone, Observer, Restore
from browser.display import Display
from browser.driver import Driver
from browser.errors import LaunchFailed, SlotLost, TransportFailed
from browser.launch import ChromiumStarter, LaunchSettings
from browser.line import Line
from browser.page_transport import PageTransport
from browser.profiles import ProfileDir, ProfileSpec
from browser.restore import add_missing, only_domains, set_all
from browser.site import Site
from browser.transport import PageFacts
from browser.transport_limits import TransportLimits

log = structlog.get_logger(__name__)

NEW_PAGE_S = 15.0
RESTORE_S = 30.0
STATE_S = 20.0
#: A page whose main thread is busy for so long does no work any more.
ANSWER_S = 10.0
#: Of a page that is only read, no more than this is wanted.
LOOK_OUT_CHARS = 2000
TRANSPORT_CLOSE_S = 3.0
CLOSE_S = 10.0
#: After a polite close (or the driver's death) Chromium writes its files and ends; measured up to 3 s.
EXIT_S = 5.0

#: IndexedDB is copied along with cookies and local storage up to this size; some sites keep whole caches there.
INDEXED_DB_CHARS = 4_000_000


class ChromiumContext:
    """Implements `context.Context`."""

    def __init__(
        self,
        browser: BrowserContext,
        *,
        spec: ProfileSpec,
        directory: ProfileDir,
        site: Site,
        driver: Driver,
        limits: TransportLimits,
        observer: Observer,
    ) -> None:
        self.playwright = browser
        self.pid: int | None = None
        self._spec = spec
        self._directory = directory
        self._site = site
        self._limits = limits
        self._observer: Observer | None = observer
        self._transport: PageTransport | None = None
        self._gone: tuple[Gone, str] | None = None
        self._with_indexed_db = True
        self._glances: set[Page] = set()  # pages of `look_out`: where they go says nothing about the profile
        self._watch: processes.ExitWatch | None = None
        self._unhook_driver = driver.when_it_dies(lambda: self._lost(Gone.DRIVER, "the Playwright driver died"))
        driver_pid = driver.pid
        roots = processes.children_with(driver_pid, f"--user-data-dir={directory.user_data}") if driver_pid else []
        if roots:
            self.pid = roots[0].pid
            self._watch = processes.ExitWatch(self.pid, lambda: self._lost(Gone.BROWSER, "the browser died"))
        browser.on("close", lambda _: self._lost(Gone.BROWSER, "the browser closed"))
        browser.on("page", self._follow)
        for page in browser.pages:
            self._follow(page)

    @property
    def transport(self) -> PageTransport:
        if self._transport is None:
            raise SlotLost(f"profile {self._spec.name}: its page is gone")
        return self._transport

    @property
    def line(self) -> Line:
        return self.transport.line

    @property
    def facts(self) -> PageFacts:
        return self.transport.facts

    @property
    def page(self) -> Page:
        return self.transport.page

    async def start(self, restore: Restore | None) -> None:
        """Put the saved state back and open the home page."""
        if restore is not None:
            try:
                async with asyncio.timeout(RESTORE_S):
                    await (set_all if restore.whole else add_missing)(self.playwright, restore.state)
            except TimeoutError:  # a busy machine: without its sign-in the profile would look signed out
                raise LaunchFailed(
                    f"profile {self._spec.name}: its sign-in could not be put back within {RESTORE_S:g} s"
                ) from None
            except Error as exc:
                log.warning("restore failed", profile=self._spec.name, error=_line(exc))
        await self._open_transport()
        if self._gone is not None:
            raise SlotLost(f"profile {self._spec.name}: {self._gone[1]}")

    def shows(self, page: Page) -> bool:
        if self._transport is not None and page is self._transport.page:
            return True
        return not self._is_asset_page(page.url) and (self._transport is None or not self._transport.owns(page))

    async def go_home(self) -> PageFacts:
        return await self.transport.go_home()

    async def reload(self) -> PageFacts:
        return await self.transport.reload()

    async def reopen(self) -> PageFacts:
        old, self._transport = self._transport, None
        if old is not None:
            with suppress(Exception):
                async with asyncio.timeout(TRANSPORT_CLOSE_S):
                    await old.close()
        try:
            async with asyncio.timeout(NEW_PAGE_S):
                # The new page first: a window without pages would close, and the browser with it.
                page = await self.playwright.new_page()
                for other in self.playwright.pages:
                    if other is not page:
                        await other.close()
        except (Error, TimeoutError) as exc:
            raise SlotLost(f"profile {self._spec.name}: no new page could be opened: {_line(exc)}") from exc
        return await self._open_transport()

    async def state(self) -> State:
        try:
            async with asyncio.timeout(STATE_S):
                return only_domains(await self._storage_state(), self._site.cookie_domains)
        except (Error, TimeoutError) as exc:
            raise SlotLost(f"profile {self._spec.name}: its state could not be read: {_line(exc)}") from exc

    async def session_mark(self) -> str:
        try:
            async with asyncio.timeout(STATE_S):
                cookies = await self.playwright.cookies()
        except (Error, TimeoutError) as exc:
            raise SlotLost(f"profile {self._spec.name}: its cookies could not be read: {_line(exc)}") from exc
        names = self._site.session_cookies
        marks = sorted(str((c["name"], c["domain"], c["path"], c["value"])) for c in cookies if c["name"] in names)
        return hashlib.sha256("\n".join(marks).encode()).hexdigest()

    async def answers(self) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.page.evaluate("0")
        except TimeoutError:
            return False
        except Error:  # it is on its way to another document, or gone, which is told otherwise
            return True
        return True

    async def look_out(self, url: str, *, timeout_s: float) -> str:
        page: Page | None = None
        try:
            async with asyncio.timeout(timeout_s):
                page = await self.playwright.new_page()
                self._glances.add(page)
                await page.goto(url, wait_until="domcontentloaded")
                text = await page.evaluate("document.body ? document.body.innerText : ''")
        except (Error, TimeoutError) as exc:
            raise TransportFailed(f"profile {self._spec.name}: {url} did not answer: {_line(exc)}") from exc
        finally:
            if page is not None:
                with suppress(Error, TimeoutError):
                    async with asyncio.timeout(NEW_PAGE_S):
                        await page.close()
                self._glances.discard(page)
        return str(text)[:LOOK_OUT_CHARS]

    async def tidy(self) -> None:
        for page in self.playwright.pages:
            if page is not self.page and not self._is_asset_page(page.url):
                with suppress(Error, TimeoutError):
                    async with asyncio.timeout(NEW_PAGE_S):
                        await page.close()

    async def close(self) -> None:
        self._observer = None
        self._unhook_driver()
        if self._watch is not None:
            self._watch.cancel()
        family = [] if self.pid is None else await asyncio.to_thread(processes.family, self.pid)
        await finish(self._close(), within_s=TRANSPORT_CLOSE_S + CLOSE_S + 1, what="browser closing")
        await finish(self._end(family), within_s=EXIT_S + 10, what="browser ending")

    async def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            with suppress(Exception):
                async with asyncio.timeout(TRANSPORT_CLOSE_S):
                    await transport.close()
        if self._gone is None:
            with suppress(Error):
                async with asyncio.timeout(CLOSE_S):
                    await self.playwright.close()

    async def _end(self, family: list[Any]) -> None:
        left = await processes.gone(family, timeout_s=EXIT_S)
        if left:
            log.warning("browser did not end by itself", profile=self._spec.name, pids=[p.pid for p in left])
            await processes.end(left)

    async def _open_transport(self) -> PageFacts:
        self._transport = await PageTransport.open(
            self.playwright,
            site=self._site,
            downloads_dir=self._directory.downloads,
            limits=self._limits,
            on_lost=self._page_lost,
            on_navigated=lambda _: self._navigated(own=True),
            on_silent=self._silent,
        )
        return self._transport.facts

    async def _storage_state(self) -> State:
        if self._with_indexed_db:
            try:
                state = await self.playwright.storage_state(indexed_db=True)
                if len(json.dumps(state)) <= INDEXED_DB_CHARS:
                    return dict(state)
            except Error as exc:  # values that cannot be copied (keys, blobs)
                log.info("indexed db not copied", profile=self._spec.name, error=_line(exc))
            self._with_indexed_db = False
        return dict(await self.playwright.storage_state())

    def _follow(self, page: Page) -> None:
        """Notice where other pages of the context go: an operator may sign in in a popup or another tab."""

        def navigated(frame: Frame) -> None:
            api_page = self._transport.page if self._transport is not None else None
            of_interest = page is not api_page and page not in self._glances
            if frame.parent_frame is None and of_interest and not self._is_asset_page(frame.url):
                self._navigated(own=False)

        page.on("framenavigated", navigated)

    def _is_asset_page(self, url: str) -> bool:
        return url.startswith(self._site.asset_url)

    def _navigated(self, *, own: bool) -> None:
        if self._observer is not None:
            self._observer.navigated(self, own)

    def _silent(self) -> None:
        if self._observer is not None:
            self._observer.silent(self)

    def _page_lost(self, reason: str) -> None:
        closed = self._transport is not None and self._transport.page.is_closed()
        self._lost(Gone.WINDOW if closed else Gone.PAGE, reason)

    def _lost(self, what: Gone, reason: str) -> None:
        if self._gone is not None:
            return
        if what in (Gone.BROWSER, Gone.DRIVER):
            self._gone = (what, reason)
        if self._observer is not None:
            self._observer.gone(self, what, reason)


class ChromiumOpener:
    """Implements `context.Opener`: one driver and one display for all profiles of this process."""

    def __init__(
        self, site: Site, settings: LaunchSettings, *, launch_concurrency: int, limits: TransportLimits | None = None
    ) -> None:
        self.driver = Driver()
        self.display = Display()
        self._site = site
        self._limits = limits or TransportLimits()
        self._starter = ChromiumStarter(settings, driver=self.driver, display=self.display, at_once=launch_concurrency)

    async def open(
        self, spec: ProfileSpec, directory: ProfileDir, *, restore: Restore | None, observer: Observer
    ) -> ChromiumContext:
        browser = await self._starter.start(spec, directory)
        context = ChromiumContext(
            browser,
            spec=spec,
            directory=directory,
            site=self._site,
            driver=self.driver,
            limits=self._limits,
            observer=observer,
        )
        try:
            await context.start(restore)
        except BaseException as exc:
            await context.close()
            if isinstance(exc, Error):
                raise LaunchFailed(f"profile {spec.name}: its page did not open: {_line(exc)}") from exc
            raise
        return context

    async def close(self) -> None:
        await self.driver.close()
        await self.display.close()


def _line(exc: BaseException) -> str:
    text = str(exc).strip()
    return text.splitlines()[0] if text else type(exc).__name__
