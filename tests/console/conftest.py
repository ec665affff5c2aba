"""A gateway with an admin, a browser, and a page that is signed in."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from browser.chromium import find_chromium
from tests.console.looking import look_at
from tests.console.signed_in import PASSWORD, Console
from tests.front.conftest import made_before, the_film
from tests.front.scripted import Scripted
from tests.front.serving import serving

__all__ = ["made_before", "the_film"]  # fixtures of the front's tests, used here as they are

#: A busy machine is no failure of the page.
WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)

NewPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path)
        yield browser
        await browser.close()


@pytest.fixture
def site(the_film: Path) -> Scripted:
    """What makes the videos: a prompt that begins with ``hold`` waits, one with ``fail`` fails."""
    return Scripted(the_film)


@pytest_asyncio.fixture(loop_scope="session")
async def house(made_before: Path, tmp_path: Path, site: Scripted) -> AsyncIterator[Console]:
    """A running gateway whose admin has PASSWORD."""
    folder = Path(shutil.copytree(made_before, tmp_path / "data"))
    async with serving(folder, site, heartbeat_s=1) as front:
        console = Console(front)
        await console.house.password.create(PASSWORD)
        yield console


@pytest_asyncio.fixture(loop_scope="session")
async def new_page(chromium: Browser, house: Console) -> AsyncIterator[NewPage]:
    """``await new_page(width=360, locale="zh-CN", color_scheme="dark", signed_in=False)``. Errors in a page fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def make(*, width: int = 1280, height: int = 800, signed_in: bool = True, **more: Any) -> Page:
        said = {"locale": "en-US", "viewport": {"width": width, "height": height}, "base_url": house.front.url, **more}
        context = await chromium.new_context(**said)
        contexts.append(context)
        context.set_default_timeout(WITHIN_MS)
        if signed_in:
            await context.add_cookies([await house.cookie()])
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        return page

    yield make
    for context in contexts:
        await context.close()
    assert not complaints


@pytest_asyncio.fixture(loop_scope="session")
async def page(new_page: NewPage) -> Page:
    """A signed-in page, 1280 by 800, English."""
    return await new_page()


@pytest.fixture
def check_page() -> Callable[[Page], Awaitable[None]]:
    """Look at a page as it stands: nothing that axe complains of, nothing wider than the window. ``await check_page(page)``"""
    return look_at
