"""The live view through the console: pictures a second of a page that moves, and from a press to its picture."""

from __future__ import annotations

import asyncio
import statistics
import time

from playwright.async_api import Page, Playwright
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from browser.chromium import find_chromium
from tests.bench.figure import Figure
from tests.e2e.gateway_process import Gateway

PASSWORD = "a password for the bench"
MOVING = "grok.com/_sim/moving"
KB = 1024

#: Presses in the middle of the picture and waits until the picture there has changed; runs in the console's page.
PRESS_TO_PICTURE = """canvas => new Promise(done => {
  const pen = canvas.getContext("2d");
  const dark = () => pen.getImageData(canvas.width / 2, canvas.height - 20, 1, 1).data[0] < 128;
  const before = dark();
  canvas.addEventListener("pointerdown", () => {
    const pressed = performance.now();
    const look = () => (dark() !== before ? done(performance.now() - pressed) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  }, { once: true, capture: true });
})"""


async def live(gateway: Gateway, playwright: Playwright, profile: str, *, seconds: float, clicks: int) -> list[Figure]:
    """Sign in to the console, take control, and measure."""
    browser = await playwright.chromium.launch(executable_path=find_chromium().path)
    try:
        context = await browser.new_context(viewport={"width": 1400, "height": 1000}, base_url=gateway.url)
        page = await context.new_page()
        await page.goto(f"/console/live/{profile}")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Take control").click()
        await page.locator(".live-screen.in-control").wait_for(timeout=60_000)
        cookies = "; ".join(f"{c['name']}={c['value']}" for c in await context.cookies())
        await _go(page, f"{MOVING}?still")
        presses = await _presses(page, clicks)
        await _go(page, MOVING)
        async with _line(gateway, profile, cookies) as socket:
            watched = await _frames(socket, seconds)
            await socket.send('{"type": "control", "t": "take"}')  # without anybody the profile is given back
            await page.locator(".live-screen:not(.in-control)").wait_for()
            await page.goto("about:blank")
            alone = await _frames(socket, seconds)
    finally:
        await browser.close()
    median, slow = statistics.median(presses), sorted(presses)[int(len(presses) * 0.95)]
    rate, size = alone
    return [
        Figure("live: pictures of a moving page", rate, "/s", None, ">= 25", rate >= 25),
        Figure("  with the console's page watching as well", watched[0], "/s", None, ">= 25", watched[0] >= 25),
        Figure("  a picture", size, "kB", None, "-", True),
        Figure("live: press to picture in the console", median, "ms p50", None, "<= 120", median <= 120),
        Figure("  of the slowest in twenty", slow, "ms p95", None, "<= 250", slow <= 250),
    ]


async def _go(page: Page, address: str) -> None:
    await page.get_by_label("Address").fill(address)
    await page.keyboard.press("Enter")
    await page.locator(".live-tab", has_text="Moving").wait_for()
    await asyncio.sleep(1.0)  # its first pictures


async def _presses(page: Page, times: int) -> list[float]:
    box = await page.locator("canvas").bounding_box()
    assert box is not None
    took = []
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(times):
        measured = asyncio.ensure_future(page.locator("canvas").evaluate(PRESS_TO_PICTURE))
        await asyncio.sleep(0.25)  # the line is quiet, as before a person's press
        await page.mouse.down()
        await page.mouse.up()
        took.append(float(await asyncio.wait_for(measured, 20)))
    return took


def _line(gateway: Gateway, profile: str, cookies: str) -> connect:
    return connect(
        f"{gateway.url.replace('http', 'ws')}/console/api/live/{profile}/ws",
        origin=Origin(gateway.url),
        additional_headers={"Cookie": cookies},
        subprotocols=[Subprotocol("gw.live.v1")],
        proxy=None,
        max_size=None,
    )


async def _frames(socket: ClientConnection, seconds: float) -> tuple[float, float]:
    """Pictures a second on a WebSocket of the console, and their mean size in kB."""
    while isinstance(await asyncio.wait_for(socket.recv(), 20), str):
        pass
    count = size = 0
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        message = await asyncio.wait_for(socket.recv(), 20)
        if isinstance(message, bytes):
            count += 1
            size += len(message)
    return count / passed, size / max(count, 1) / KB
