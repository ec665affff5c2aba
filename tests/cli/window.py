"""A person at a window: a display of its own, and a hand in the browser that a command opens on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx2 as httpx
from playwright.async_api import Dialog, Error, Page, async_playwright
from playwright.async_api import TimeoutError as Waited

APPEARS_S = 30
TRIES, AGAIN_MS = 5, 5000


@asynccontextmanager
async def display() -> AsyncIterator[str]:
    """An X server for the block; yields the value of DISPLAY."""
    process = await asyncio.create_subprocess_exec(
        *("Xvfb", "-displayfd", "1", "-screen", "0", "1440x1000x24", "-nolisten", "tcp"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        number = await asyncio.wait_for(process.stdout.readline(), APPEARS_S)
        yield f":{int(number)}"
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def hand(port: int) -> AsyncIterator[Page]:
    """The first page of the browser that listens on *port*, once it shows the site; dialogs are accepted."""
    async with async_playwright() as playwright:
        async with asyncio.timeout(APPEARS_S):
            while True:
                try:
                    browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
                    break
                except Error:
                    await asyncio.sleep(0.1)  # it is being started
        page = browser.contexts[0].pages[0]
        page.set_default_timeout(APPEARS_S * 1000)

        async def accept(dialog: Dialog) -> None:
            await dialog.accept()

        page.on("dialog", accept)
        await page.wait_for_url("https://grok.com/**")
        yield page


async def close_by_hand(port: int, ended: asyncio.Future[int]) -> None:
    """Close the browser's window until its command has *ended*: one that is just going somewhere may stay open."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=APPEARS_S) as browser:
        while not ended.done():
            with suppress(httpx.TransportError):  # it is gone
                for target in (await browser.get("/json/list")).json():
                    if target["type"] == "page":
                        await browser.get(f"/json/close/{target['id']}")
            await asyncio.wait({ended}, timeout=AGAIN_MS / 1000)


async def sign_in_by_hand(page: Page, email: str) -> None:
    """What a person does: the form, the question, the code."""
    for _ in range(TRIES):
        await page.click("#sign-in")
        try:
            await page.wait_for_selector("[name=email]", timeout=AGAIN_MS)
            break
        except Waited:  # the command was still showing the site: a person would press again, too
            continue
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", "right")
    await page.click("text=Continue")
    await page.fill("[name=code]", "123456")
    await page.click("text=Verify")
