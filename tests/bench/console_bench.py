"""The console as its operator feels it: how fast pages come, and what an open page costs while nothing happens."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence

import psutil
from playwright.async_api import Page, async_playwright

from browser.chromium import find_chromium
from gateway.console.page import navigation
from tests.bench.figure import Figure
from tests.e2e.gateway_process import Gateway

PASSWORD = "correct horse battery"
LOAD_MS = (
    "() => { const [one] = performance.getEntriesByType('navigation'); return [one.responseStart, one.loadEventEnd] }"
)


async def console(gateway: Gateway, *, times: int, idle_s: float) -> list[Figure]:
    """Measure a gateway that was started with the admin PASSWORD and has some work behind it."""
    assert gateway.process is not None
    server = psutil.Process(gateway.process.pid)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        await page.goto(f"{gateway.url}/console/login")
        await page.get_by_label("Password", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/console")
        figures = [figure for entry in navigation() for figure in await _loads(page, gateway.url, entry.path, times)]
        await page.goto("about:blank")
        alone = await _cpu(server, idle_s)
        await page.goto(f"{gateway.url}/console")
        await asyncio.sleep(2)
        watched = await _cpu(server, idle_s)
        await browser.close()
    cost = max(0.0, watched - alone)
    return [*figures, Figure("CPU of an open console, nothing happening", cost, "% core", None, "<= 2", cost <= 2)]


async def _loads(page: Page, base: str, path: str, times: int) -> Sequence[Figure]:
    """The second and later visits: styles and scripts are with the browser, as they are every day."""
    loaded = []
    for _ in range(times + 1):
        await page.goto(base + path, wait_until="load")
        await page.wait_for_function("() => performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
        loaded.append(await page.evaluate(LOAD_MS))
    whole = statistics.median(end for _, end in loaded[1:])
    first = statistics.median(start for start, _ in loaded[1:])
    return [
        Figure(f"{path}: answer begins", first, "ms", None, "<= 150", first <= 150),
        Figure(f"{path}: page loaded", whole, "ms", None, "<= 500", whole <= 500),
    ]


async def _cpu(process: psutil.Process, seconds: float) -> float:
    """Percent of a core that the gateway alone used."""
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds
