"""What Chromium does alone: a link pressed by hand, timed by nothing but the file's growth; a page's own upload of a file.

Nothing of ours is in its way: no probe, no hash, no tail, no session of ours on its page. It bounds what can be reached through
the browser on this machine, and is printed beside what is reached.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from playwright.async_api import BrowserContext, Route

from tests.bench.transport_bench import BareBrowser

NEW_INPUT = "() => Object.assign(document.createElement('input'), { type: 'file' })"
#: Milliseconds from the call to the end of the answer, by the page's own clock.
SEND = """async ([input, url]) => {
  const form = new FormData();
  form.append('file', new File([input.files[0]], 'upload.bin'));
  const began = performance.now();
  await (await fetch(url, { method: 'POST', body: form })).text();
  return performance.now() - began;
}"""
PRESS = "href => Object.assign(document.createElement('a'), { href, download: '' }).click()"


@asynccontextmanager
async def bare_browser(
    context: BrowserContext, downloads_dir: Path, *, origin: str, bytes_: int
) -> AsyncIterator[BareBrowser]:
    """Ways to download files of *bytes_* from *origin* by hand (they are removed), and to upload some to it."""

    async def stub(route: Route) -> None:
        await route.fulfill(status=200, content_type="text/html", body="<!doctype html>")

    page = await context.new_page()
    here = f"{origin}/bare"
    await page.route(here, stub)
    await page.goto(here)
    await page.unroute(here)

    async def download(url: str) -> tuple[float, float]:
        before = set(downloads_dir.iterdir())
        began = time.perf_counter()
        first_s = 0.0
        async with page.expect_download() as told:
            await page.evaluate(PRESS, url)
            while True:
                size, path = max(
                    ((_size(file), file) for file in set(downloads_dir.iterdir()) - before), default=(0, None)
                )
                if size and not first_s:
                    first_s = time.perf_counter() - began
                if size >= bytes_ and path is not None:
                    break
                await asyncio.sleep(0.002)
            await asyncio.to_thread(_settle, path)
            whole_s = time.perf_counter() - began
        await (await told.value).delete()
        return first_s, whole_s

    async def upload(file: Path, path: str) -> float:
        element = (await page.evaluate_handle(NEW_INPUT)).as_element()
        assert element is not None
        await element.set_input_files(file)
        taken_ms: float = await page.evaluate(SEND, [element, path])
        return taken_ms / 1000

    try:
        yield BareBrowser(download, upload)
    finally:
        await page.close()


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # it has its last name by now
        return 0


def _settle(file: Path) -> None:
    for name in (file, file.with_suffix("")):
        with suppress(FileNotFoundError):
            descriptor = os.open(name, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return
