"""What one running browser shows: its tabs, the cast of the one in front, and the hands on them.

A stage lasts as long as its browser. It casts while somebody looks, and listens to what pages ask while somebody has control.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import structlog
from playwright.async_api import Download, Error, Frame, Page, ViewportSize

from browser.cleanup import finish
from browser.context import Context
from browser.errors import SlotLost
from browser.launch import VIEWPORT
from browser.live.addresses import Addresses, AddressRefused
from browser.live.asked import Asked
from browser.live.caster import Caster
from browser.live.fields import Fields
from browser.live.gestures import Gesture
from browser.live.hands import Hands
from browser.live.outbox import Outbox, Word
from browser.live.overlays import Overlays
from browser.live.server_logins import ServerLogins
from browser.live.settings import LiveSettings
from browser.live.tabs import Tab, Tabs

log = structlog.get_logger(__name__)

NAVIGATION_S = 30.0
CLOSE_S = 5.0
#: A page whose cast did not begin, being busy, is asked again after so long.
RECAST_S = 0.5
#: The browser's own page for an address that did not open, and documents that a page made itself.
HARMLESS = ("chrome-error:", "blob:", "about:")


class Stage:
    """See `open`."""

    def __init__(
        self,
        context: Context,
        group: asyncio.TaskGroup,
        *,
        settings: LiveSettings,
        addresses: Addresses,
        audience: Callable[[], Collection[Outbox]],
        tell: Callable[[Word], None],
    ) -> None:
        self.over = asyncio.Event()
        self.tabs = Tabs(changed=self._tabs_changed)
        self._context = context
        self._group = group
        self._settings = settings
        self._addresses = addresses
        self._audience = audience
        self._tell = tell
        self._asked = Asked(context.playwright, tell=tell, blocked=self._questions_changed)
        self._overlays = Overlays(tell=tell, spawn=self._spawn)
        self._logins = ServerLogins(tell=tell, spawn=self._spawn)
        self._caster: Caster | None = None
        self._recast = asyncio.Event()
        self._control = False
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, context: Context, **parts: Any) -> AsyncIterator[Stage]:
        """Show what a browser shows, for the length of the block."""
        browser = context.playwright
        async with asyncio.TaskGroup() as group:
            stage = cls(context, group, **parts)
            browser.on("page", stage._opened)
            browser.on("close", stage._closed)
            try:
                stage._spawn(stage._cast())
                for page in browser.pages:
                    await stage._add(page, first=True)
                yield stage
            finally:
                stage.over.set()  # what the browser still tells begins nothing any more
                with suppress(Error, KeyError, ValueError):
                    browser.remove_listener("page", stage._opened)
                    browser.remove_listener("close", stage._closed)
                for tab in stage.tabs:
                    tab.release()
                for task in tuple(stage._tasks):
                    task.cancel()
                # The browser may live on: nothing of its pages must wait for us.
                await finish(stage._logins.end(), within_s=CLOSE_S, what="server logins ending")

    # What viewers see.

    def welcome(self, outbox: Outbox) -> None:
        """Tell somebody who came just now how things stand."""
        outbox.say(self.tabs.told())
        for word in (*self._asked.words(), *self._logins.words()):
            outbox.say(word)
        caster = self._caster
        if caster is not None and caster.last is not None:
            outbox.show(caster.last)
        self.audience_changed()

    def audience_changed(self) -> None:
        """Somebody came, went, or looks elsewhere: the cast may have to begin or to end."""
        self._recast.set()

    def taken(self) -> None:
        """A viewer took a frame."""
        if self._caster is not None:
            self._caster.taken()

    async def _cast(self) -> None:
        try:
            while True:
                await self._recast.wait()
                self._recast.clear()
                await self._cast_what_is_wanted()
        finally:
            if self._caster is not None:
                await self._caster.stop()

    async def _cast_what_is_wanted(self) -> None:
        audience = self._audience()
        tab = self.tabs.active if audience else None
        page = None if tab is None else tab.page
        # There is one cast: whoever wants the best pictures decides.
        usual = self._settings.quality
        quality = max((usual if one.quality is None else one.quality for one in audience), default=usual)
        if self._caster is not None and (self._caster.page, self._caster.quality) != (page, quality):
            await self._caster.stop()
            self._caster = None
        if tab is not None and self._caster is None:
            caster = Caster(
                tab.page,
                tab=tab.number,
                quality=quality,
                fps=self._settings.fps,
                audience=self._audience,
            )
            self._caster = caster
            try:
                await caster.start()
            except (Error, TimeoutError) as exc:  # as a rule the page closed meanwhile, which is told otherwise
                log.debug("page not cast", error=type(exc).__name__)
                await caster.stop()
                self._caster = None
                if not tab.page.is_closed():
                    asyncio.get_running_loop().call_later(RECAST_S, self._recast.set)

    # Control.

    def begin_control(self) -> None:
        """Somebody works with the pages from now on."""
        if not self._control:
            self._control = True
            self._asked.begin()
            for tab in self.tabs:
                self._attend(tab.page)

    async def end_control(self) -> None:
        """Nobody does any more: everything pressed is let go, questions are dismissed."""
        if self._control:
            self._control = False
            self._overlays.forget()
            for tab in self.tabs:
                self._asked.ignore_files(tab.page)
                if tab.resized:  # before work goes on in it
                    with suppress(Error, TimeoutError):
                        async with asyncio.timeout(CLOSE_S):
                            await self._resize(tab, VIEWPORT)
            await self._asked.end()
            await self._logins.end()
            self.let_go(drop=True)

    def let_go(self, *, drop: bool) -> None:
        """Release every key and button. drop: what waits to be done is not done any more."""
        for tab in self.tabs:
            tab.hands.let_go(drop=drop)

    def do(self, gesture: Gesture) -> None:
        """Carry out a gesture on the page in front."""
        if self._control and (tab := self.tabs.active) is not None:
            tab.hands.do(gesture)

    def navigate(self, to: str) -> None:
        """Open an address by hand, or go "back", "forward", "home", or "reload"."""
        if self._control and (tab := self.tabs.active) is not None:
            self._spawn(self._navigate(tab, to))

    def close_tab(self, number: int) -> None:
        """Close a pop-up. The profile's own page stays: it is where the work is done."""
        tab = self.tabs.get(number)
        if self._control and tab is not None and not self._is_own(tab.page):
            self._spawn(self._close(tab))

    def resize(self, width: int | None, height: int | None) -> None:
        """Show the page in front in another size, until control ends. None: as usual, which is also the most."""
        if self._control and (tab := self.tabs.active) is not None:
            size = ViewportSize(
                width=min(width or VIEWPORT["width"], VIEWPORT["width"]),
                height=min(height or VIEWPORT["height"], VIEWPORT["height"]),
            )
            self._spawn(self._resize(tab, size))

    def answer(self, number: int, *, ok: bool, text: str) -> None:
        if self._control:
            self._spawn(self._asked.answer(number, ok=ok, text=text))

    def log_in(self, number: int, *, ok: bool, user: str, password: str) -> None:
        """Answer a server that asks who is there."""
        if self._control:
            self._spawn(self._logins.answer(number, ok=ok, user=user, password=password))

    def give_files(self, number: int, files: Any) -> None:
        if self._control:
            self._spawn(self._asked.give(number, files))

    def choose(self, answer: int | str | None) -> None:
        """Answer the field that was pressed last; None leaves it as it is."""
        if self._control and (tab := self.tabs.active) is not None:
            self._overlays.choose(tab.fields, answer)

    async def _navigate(self, tab: Tab, to: str) -> None:
        page, timeout_ms = tab.page, NAVIGATION_S * 1000
        try:
            match to:
                case "back":
                    await page.go_back(wait_until="commit", timeout=timeout_ms)
                case "forward":
                    await page.go_forward(wait_until="commit", timeout=timeout_ms)
                case "reload":
                    await page.reload(wait_until="commit", timeout=timeout_ms)
                case "home" if self._is_own(page):
                    await self._context.go_home()
                case _:
                    await page.goto(await self._addresses.checked(to), wait_until="commit", timeout=timeout_ms)
        except AddressRefused as exc:
            self._tell({"type": "notice", "code": f"address_{exc.code}", "message": str(exc)})
        except Exception as exc:  # whatever the browser says about an address; the page shows it
            if "ERR_ABORTED" not in str(exc) and "interrupted" not in str(exc):
                self._tell({"type": "notice", "code": "not_opened", "message": "the page could not be opened"})

    def _is_own(self, page: Page) -> bool:
        """Whether it is the page that the profile's work is done in; for a moment after a crash there is none."""
        try:
            return self._context.page is page
        except SlotLost:
            return False

    async def _resize(self, tab: Tab, size: ViewportSize) -> None:
        tab.resized = size != VIEWPORT
        await tab.page.set_viewport_size(size)

    async def _close(self, tab: Tab) -> None:
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await tab.page.close(run_before_unload=False)

    # What the browser tells.

    def _opened(self, page: Page) -> None:
        self._spawn(self._add(page, first=False))

    def _closed(self, _: object) -> None:
        self.over.set()

    async def _add(self, page: Page, *, first: bool) -> None:
        """Show a page, unless it is one of ours for downloads."""
        opener = None
        with suppress(Error):
            opener = await page.opener()
        if page.is_closed() or self.tabs.of(page) is not None or not self._context.shows(page):
            return
        if len(self.tabs) >= self._settings.tabs:
            if self._control:
                self._tell({"type": "notice", "code": "too_many_tabs", "message": "the site opens too many windows"})
                with suppress(Error):
                    await page.close()
            return
        from_tab = self.tabs.of(opener)
        tab = self._made(page, opener=None if from_tab is None else from_tab.number)
        self.tabs.add(tab, front=not first or self._is_own(page))
        if self._control:
            self._attend(page)
        self._spawn(self.tabs.refresh_title(tab))

    def _attend(self, page: Page) -> None:
        """Hear what the page asks its operator."""
        self._asked.listen_for_files(page)
        self._spawn(self._logins.watch(page))

    def _gone(self, page: Page) -> None:
        """A page was closed, or shows another document: its questions went with it."""
        self._asked.gone(page)
        self._logins.gone(page)

    def _made(self, page: Page, *, opener: int | None) -> Tab:
        fields = Fields(page)
        hands = Hands(
            page,
            intercept=partial(self._overlays.intercept, fields),
            pick=partial(self._overlays.pick, fields),
            copy=partial(self._overlays.copy, fields),
            moved=partial(self._overlays.moved, fields),
        )
        tab = Tab(self.tabs.number(), page, hands, fields, opener=opener)
        tab.task = self._spawn(hands.run())

        def navigated(frame: Frame) -> None:
            if frame.parent_frame is None:
                tab.loading = True
                self._gone(page)
                self._stay_outside(tab)
                self._tabs_changed()

        def loaded(_: object) -> None:
            tab.loading = False
            self._tabs_changed()
            self._spawn(self.tabs.refresh_title(tab))

        def gone(_: object) -> None:
            tab.release()
            self._gone(page)
            self.tabs.remove(tab)

        def offered(download: Download) -> None:
            if self._control:  # nobody would ever see it, and it would fill the disk
                self._tell({"type": "notice", "code": "download", "message": "files of the page are not kept"})
                self._spawn(_drop(download))

        for event, heard in (
            ("download", offered),
            ("framenavigated", navigated),
            ("domcontentloaded", loaded),
            ("load", loaded),
            ("close", gone),
            ("crash", gone),
        ):
            tab.listen(event, heard)
        return tab

    def _stay_outside(self, tab: Tab) -> None:
        """A page that led the operator into a private network is left at once."""
        url = tab.page.url
        if self._control and not url.startswith(HARMLESS) and (refused := self._addresses.refusal(url)):
            self._tell({"type": "notice", "code": f"address_{refused.code}", "message": str(refused)})
            self._spawn(self._leave(tab))

    async def _leave(self, tab: Tab) -> None:
        with suppress(Error):
            await tab.page.goto("about:blank")

    def _tabs_changed(self) -> None:
        self._tell(self.tabs.told())
        self._recast.set()

    def _questions_changed(self) -> None:
        for tab in self.tabs:
            tab.hands.deaf = self._asked.waits(tab.page)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """Run something beside, at most until the stage is over."""
        if self.over.is_set():
            work.close()
            return None
        task = self._group.create_task(self._alone(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # one that was cancelled before it began
        return task

    async def _alone(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as exc:  # one page's trouble ends nothing else; its text may quote what was typed
            log.warning("live view stumbled", error=type(exc).__name__)


async def _drop(download: Download) -> None:
    """Stop it; one that was quicker has its file on disk already."""
    await download.cancel()
    await download.delete()
