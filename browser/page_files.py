"""Local files put into the page's hands: the way for every request body too big for the pipe.

The browser gets the path, not the bytes, through a file input that is never part of the document.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from browser.bridge import Bridge
from browser.errors import BrowserError, StorageFull, TransportFailed


@asynccontextmanager
async def handed_over(bridge: Bridge, exchange: int, path: Path) -> AsyncIterator[None]:
    """For the block, the page's exchange has the file at *path* as its input. The file must stay until the end of it.

    The block begins while the browser still puts the file in; the exchange waits for that inside the page. What fails
    before the site could hear of anything says so by ``sent`` being False.
    """
    step_s = bridge.limits.step_s
    handle = ""
    try:
        try:
            name = _absolute(path)
            handle = await bridge.remote("input", exchange, timeout_s=step_s)
        except TransportFailed as error:
            error.sent = False
            raise
        async with asyncio.TaskGroup() as group:
            group.create_task(_put_in(bridge, handle, name))
            yield
    except BaseExceptionGroup as several:
        # The block's own failure goes before that of a file which could not be put in: it may have been sent.
        raise next(
            (error for error in several.exceptions if getattr(error, "sent", True)), several.exceptions[0]
        ) from None
    finally:
        bridge.post("forget", exchange)
        if handle:
            bridge.spawn(_release(bridge, handle))


async def _put_in(bridge: Bridge, handle: str, name: str) -> None:
    parameters = {"files": [name], "objectId": handle}
    try:
        await bridge.command("DOM.setFileInputFiles", parameters, timeout_s=bridge.limits.step_s)
    except TransportFailed as error:
        error.sent = False
        raise


def _absolute(path: Path) -> str:
    if not path.is_file():
        raise TransportFailed(f"{path} is not a file that could be sent")
    return str(path.resolve())


async def _release(bridge: Bridge, handle: str) -> None:
    with suppress(BrowserError):
        await bridge.command("Runtime.releaseObject", {"objectId": handle}, timeout_s=bridge.limits.step_s)


@asynccontextmanager
async def light(bridge: Bridge, exchange: int, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """*request*, with a body too long for the pipe replaced by a temporary file of the same content."""
    body = request.get("body", "")
    if len(body) <= bridge.limits.inline_body_chars:
        yield request
        return
    path = await asyncio.to_thread(_spool, body)
    try:
        async with handed_over(bridge, exchange, path):
            yield {**request, "body": None, "file": True, "input": exchange}
    finally:
        path.unlink(missing_ok=True)


def _spool(text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="body-", suffix=".json")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise StorageFull(f"no room for a request body in {Path(name).parent}: {error.strerror}") from error
    return Path(name)
