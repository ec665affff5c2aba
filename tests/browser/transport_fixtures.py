"""Fixtures of the transport's tests: the site, a Chromium, and a page transport on it.

One Chromium serves a whole test module; each test gets a fresh page transport in it. Import the fixtures by name.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Playwright, async_playwright

from browser.clearance import Clearance, Verdict
from browser.page_transport import PageTransport
from browser.site import Site
from browser.transport import PageFacts, Transport
from browser.transport_limits import TransportLimits
from tests.browser.transport_site import ASSET_URL, HOME_URL, TransportSite

CHROMIUM_ARGS = [
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
    "--disable-quic",
]  # fmt: skip


async def _verify(_: Transport) -> Verdict:
    return Verdict(Clearance.READY)


SITE = Site(home_url=HOME_URL, asset_url=ASSET_URL, verify=_verify, judge_page=lambda _: None)


class Reachable(Protocol):
    """A site that a Chromium with these arguments finds."""

    @property
    def chromium_args(self) -> list[str]: ...


@dataclass
class Running:
    """A context of a launched Chromium, and where its downloads land."""

    context: BrowserContext
    downloads_dir: Path
    profile_dir: Path


@dataclass
class Opened:
    """A transport and what it told its owner."""

    transport: PageTransport
    lost: list[str]
    navigated: list[PageFacts]


@pytest.fixture(scope="session", name="world")
def the_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransportSite]:
    """The web, as far as these tests go."""
    with TransportSite(tmp_path_factory.mktemp("site")).running() as site:
        yield site


async def until(condition: Callable[[], object], within_s: float = 60) -> None:
    """Wait for something the site's thread is about to notice."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.002)


async def launch(playwright: Playwright, world: Reachable, folder: Path, *args: str) -> Running:
    downloads_dir = folder / "downloads"
    context = await playwright.chromium.launch_persistent_context(
        folder / "profile",
        executable_path=os.environ.get("GATEWAY_BROWSER_EXECUTABLE") or "/usr/bin/chromium",
        headless=True,
        chromium_sandbox=os.geteuid() != 0,
        args=[*CHROMIUM_ARGS, *world.chromium_args, *args],
        downloads_path=downloads_dir,
    )
    return Running(context, downloads_dir, folder / "profile")


async def open_on(running: Running, limits: TransportLimits | None = None) -> Opened:
    lost: list[str] = []
    navigated: list[PageFacts] = []
    transport = await PageTransport.open(
        running.context,
        site=SITE,
        downloads_dir=running.downloads_dir,
        limits=limits,
        on_lost=lost.append,
        on_navigated=navigated.append,
    )
    return Opened(transport, lost, navigated)


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="chromium")
async def a_chromium(world: TransportSite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One Chromium for a module; tests that kill it launch their own."""
    async with async_playwright() as playwright:
        running = await launch(playwright, world, tmp_path_factory.mktemp("chromium"))
        yield running
        await running.context.close()


@pytest_asyncio.fixture(loop_scope="session", name="opened")
async def an_opened_transport(chromium: Running) -> AsyncIterator[Opened]:
    """A transport on a page of its own; afterwards only one blank page is left."""
    old = chromium.context.pages
    await chromium.context.new_page()
    for page in old:
        await page.close()
    opened = await open_on(chromium)
    yield opened
    await opened.transport.close()


@pytest.fixture(name="transport")
def a_transport(opened: Opened) -> PageTransport:
    return opened.transport
