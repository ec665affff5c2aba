"""The one Playwright driver of this process, started when first needed and again after it died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from playwright.async_api import BrowserType, Playwright, async_playwright

from browser import processes
from browser.errors import LaunchFailed

log = structlog.get_logger(__name__)

START_S = 30.0
STOP_S = 5.0


class Driver:
    """Playwright's Node process. All contexts hang on it: when it dies, every one of them is lost at once."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._watch: processes.ExitWatch | None = None
        self._starting = asyncio.Lock()
        self._dependants: set[Callable[[], None]] = set()

    @property
    def pid(self) -> int | None:
        """The driver's process id while it runs."""
        return self._watch.pid if self._watch is not None else None

    def when_it_dies(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* when the driver's process ends unasked; returns the way to take that back."""
        self._dependants.add(callback)
        return lambda: self._dependants.discard(callback)

    async def chromium(self) -> BrowserType:
        """Return what launches Chromium, starting the driver if it does not run. Raises LaunchFailed."""
        async with self._starting:
            if self._playwright is None:
                await self._start()
            assert self._playwright is not None
            return self._playwright.chromium

    async def close(self) -> None:
        """Stop the driver; its browsers should have been closed before."""
        playwright, self._playwright = self._playwright, None
        watch, self._watch = self._watch, None
        self._dependants.clear()
        if watch is not None:
            watch.cancel()
        await _stop(playwright, None if watch is None else watch.pid)

    async def _start(self) -> None:
        before = {process.pid for process in processes.children_with(None, "run-driver")}
        try:
            async with asyncio.timeout(START_S):
                playwright = await async_playwright().start()
        except BaseException as exc:
            await _end_new_drivers(before)
            if isinstance(exc, Exception):
                raise LaunchFailed(f"the Playwright driver did not start: {exc or type(exc).__name__}") from exc
            raise
        new = [process.pid for process in processes.children_with(None, "run-driver") if process.pid not in before]
        if len(new) != 1:
            await _stop(playwright, None)
            raise LaunchFailed("the Playwright driver ended while it started")
        self._playwright = playwright
        self._watch = processes.ExitWatch(new[0], self._died)
        log.info("driver started", pid=new[0])

    def _died(self) -> None:
        log.error("driver died", contexts=len(self._dependants))
        self._playwright = self._watch = None
        dependants, self._dependants = self._dependants, set()
        for callback in dependants:
            callback()


async def _stop(playwright: Playwright | None, pid: int | None) -> None:
    if playwright is not None:
        with suppress(Exception):
            async with asyncio.timeout(STOP_S):
                await playwright.stop()
    if pid is not None:
        await processes.end([process for process in processes.children_with(None, "run-driver") if process.pid == pid])


async def _end_new_drivers(before: set[int]) -> None:
    new = [process for process in processes.children_with(None, "run-driver") if process.pid not in before]
    await processes.end(new, term_s=1.0)
