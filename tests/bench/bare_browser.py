"""What Chromium does alone: a link pressed by hand, timed by nothing but the file's growth; a page's own uploads, calls and
streams.

Nothing of ours is in its way: no probe, no hash, no tail, no code of ours in its page. It bounds what can be reached through
the browser on this machine, and is printed beside what is reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Route

NEW_INPUT = "() => Object.assign(document.createElement('input'), { type: 'file' })"
#: Milliseconds from the call to the end of the answer, by the page's own clock.
SEND = """async ([input, url]) => {
  const form = new FormData();
  form.append('file', new File([input.files[0]], 'upload.bin'));
  const began = performance.now();
  await (await fetch(url, { method: 'POST', body: form })).text();
  return performance.now() - began;
}"""
#: The same with the file as base64 text in a JSON object.
SEND_BASE64 = """async ([input, url]) => {
  const began = performance.now();
  const text = new Uint8Array(await input.files[0].arrayBuffer()).toBase64();
  const body = new Blob(['{"fileName":"a","content":"', text, '"}'], { type: 'application/json' });
  await (await fetch(url, { method: 'POST', body })).text();
  return performance.now() - began;
}"""
ASK = "fetch({url}, {{ method: 'POST', body: {body} }}).then((answer) => answer.text())"
#: Reads so many streams to their ends, and does nothing with them.
READ = """([url, count]) => Promise.all(Array.from({ length: count }, async () => {
  const reader = (await fetch(url)).body.getReader();
  while (!(await reader.read()).done);
}))"""
PRESS = "href => Object.assign(document.createElement('a'), { href, download: '' }).click()"


@dataclass(frozen=True)
class BareBrowser:
    """What Chromium does with nothing of ours in it, for comparison: it bounds what can be reached through it.

    download: seconds to the address's first byte on disk, and to all of it, synced. upload, base64: seconds to send a file to
    a path as a form, or in JSON. ask: post JSON to a path. read: read so many streams of a path to their ends.
    """

    download: Callable[[str], Awaitable[tuple[float, float]]]
    upload: Callable[[Path, str], Awaitable[float]]
    base64: Callable[[Path, str], Awaitable[float]]
    ask: Callable[[str, Any], Awaitable[None]]
    read: Callable[[str, int], Awaitable[None]]


@asynccontextmanager
async def bare_browser(
    context: BrowserContext, downloads_dir: Path, *, origin: str, bytes_: int
) -> AsyncIterator[BareBrowser]:
    """Ways to download files of *bytes_* from *origin* by hand (they are removed), to upload some to it and to ask it."""

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

    async def send(script: str, file: Path, path: str) -> float:
        element = (await page.evaluate_handle(NEW_INPUT)).as_element()
        assert element is not None
        await element.set_input_files(file)
        taken_ms: float = await page.evaluate(script, [element, path])
        return taken_ms / 1000

    session = await context.new_cdp_session(page)

    async def ask(path: str, body: Any) -> None:
        call = ASK.format(url=json.dumps(path), body=json.dumps(json.dumps(body)))
        await session.send("Runtime.evaluate", {"expression": call, "awaitPromise": True, "returnByValue": True})

    async def read(path: str, count: int) -> None:
        await page.evaluate(READ, [path, count])

    try:
        yield BareBrowser(download, partial(send, SEND), partial(send, SEND_BASE64), ask, read)
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
