"""Whether a browser is there, starts, and shows a page."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from browser.chromium import find_chromium
from browser.display import Display
from browser.driver import Driver
from browser.errors import BrowserError, LaunchFailed
from browser.launch import ChromiumStarter
from browser.profiles import ProfileDir, ProfileSpec
from gateway.doctor.finding import Finding, fail, ok, warn
from gateway.profiles.pool import launch_settings
from gateway.settings import Settings

PAGE = "data:text/html,<title>doctor</title><h1>ok</h1>"
PAGE_MS = 15_000
#: Name of the profile that the trial runs on; nobody else hears of it.
PROFILE = "doctor"
SLOW_S = 8.0


async def browser(settings: Settings) -> AsyncIterator[Finding]:
    """Find the browser, start it on an empty profile, and time its first page."""
    about = "browser"
    try:
        found = find_chromium(settings.browser_executable or None)
    except LaunchFailed as exc:
        yield fail(about, *_parted(exc))
        return
    yield ok(about, f"{found.path} ({found.found})")
    try:
        version, seconds = await _first_page(settings)
    except BrowserError as exc:
        yield fail("browser start", *_parted(exc))
    except Exception as exc:  # whatever Playwright meets; a diagnosis must not end here
        yield fail("browser start", f"{type(exc).__name__}: {str(exc).splitlines()[0]}", "scripts/install")
    else:
        said = f"Chromium {version}, first page after {seconds:.1f} s"
        yield (
            ok("browser start", said)
            if seconds < SLOW_S
            else warn("browser start", said, "look for other load on this machine, or a slow disk")
        )


async def _first_page(settings: Settings) -> tuple[str, float]:
    """Return the browser's version and the seconds from nothing to a shown page."""
    driver, screen = Driver(), Display()
    with tempfile.TemporaryDirectory(prefix="gateway-doctor-", ignore_cleanup_errors=True) as place:
        directory = ProfileDir(Path(place) / PROFILE)
        directory.lock()
        try:
            starter = ChromiumStarter(launch_settings(settings), driver=driver, display=screen, at_once=1)
            started = time.monotonic()
            context = await starter.start(ProfileSpec(PROFILE), directory)
            try:
                page = context.pages[0] if context.pages else await context.new_page()
                await page.goto(PAGE, timeout=PAGE_MS)
                seconds = time.monotonic() - started
                version = await page.evaluate("navigator.userAgent.match(/Chrome\\/(\\S+)/)?.[1] ?? ''")
            finally:
                await context.close()
            return str(version), seconds
        finally:
            directory.unlock()
            await driver.close()
            await screen.close()


def _parted(exc: Exception) -> tuple[str, str]:
    """Split a sentence "what is wrong: what to do" into its halves."""
    said = str(exc).removeprefix(f"profile {PROFILE}: ")
    if " did not start: " in said:  # what follows is Chromium's own complaint, and no advice
        return said, "scripts/install, or name another browser with GATEWAY_BROWSER_EXECUTABLE"
    what, _, fix = said.partition(": ")
    return what, fix or "gateway doctor after scripts/install"
