"""Files as HTTP answers: whole, in ranges, or while they still arrive.

Bytes are read in a thread, half a megabyte at a time; the connection's own flow control sets the pace.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.media.ranges import Part, Unchanged, Unsatisfiable, decide
from gateway.media.reading import Reader
from gateway.media.tail import follow, open_growing
from gateway.web.connection import while_connected


@dataclass(frozen=True, slots=True)
class Served:
    """A complete file as it is shown to clients. etag without quotes; name: what a person saves it as."""

    open: Callable[[], AbstractAsyncContextManager[Reader]]
    media_type: str
    etag: str
    name: str
    modified_at: datetime
    max_age_s: int = 0


class FileAnswer(Response):
    """A complete file, with ranges and conditions. Raises FileMissing, MediaUnavailable before anything is sent."""

    def __init__(self, file: Served, request_headers: Mapping[str, str]) -> None:
        self._file = file
        self._asked = request_headers
        self.status_code = 200
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._file.open() as reader:
            part = self._decide(reader.size_bytes)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if part is None or scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            else:
                await while_connected(receive, _send_part(send, reader, part))

    def _decide(self, size_bytes: int) -> Part | None:
        """Set status and headers; return the bytes to send, None for none."""
        etag = f'"{self._file.etag}"'
        headers = self._usual(etag)
        what = decide(self._asked, size_bytes=size_bytes, etag=etag, modified_at=self._file.modified_at)
        match what:
            case Unchanged():
                self.status_code = 304
            case Unsatisfiable():
                self.status_code = 416
                headers |= {"content-range": f"bytes */{size_bytes}", "content-length": "0"}
            case Part():
                self.status_code = what.status
                headers |= {"content-type": self._file.media_type, "content-length": str(what.length)}
                if what.status == 206:
                    headers["content-range"] = f"bytes {what.start}-{what.end}/{size_bytes}"
        self.init_headers(headers)
        return what if isinstance(what, Part) else None

    def _usual(self, etag: str) -> dict[str, str]:
        seconds = self._file.max_age_s
        return {
            "accept-ranges": "bytes",
            "etag": etag,
            "last-modified": format_datetime(self._file.modified_at.astimezone(UTC), usegmt=True),
            "cache-control": f"private, max-age={seconds}, immutable" if seconds > 0 else "private, no-cache",
            "content-disposition": disposition(self._file.name),
            "x-content-type-options": "nosniff",
        }


class GrowingFileAnswer(Response):
    """A file that is still being written: its bytes as they arrive, of unknown number, its end when it is renamed.

    still_coming: asked when nothing arrived for a while; False cuts the connection, so that the part is not taken for
    the whole.
    """

    def __init__(self, path: Path, *, media_type: str, name: str, still_coming: Callable[[], Awaitable[bool]]) -> None:
        self._path = path
        self._still_coming = still_coming
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "content-type": media_type,
                "cache-control": "no-store",
                "content-disposition": disposition(name),
                "accept-ranges": "none",
                "x-content-type-options": "nosniff",
                "x-accel-buffering": "no",
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fd = await asyncio.to_thread(open_growing, self._path)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            else:
                await while_connected(receive, self._send(send, fd))
        finally:
            os.close(fd)

    async def _send(self, send: Send, fd: int) -> None:
        async for chunk in follow(fd, self._path, self._still_coming):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def disposition(name: str) -> str:
    """Return a Content-Disposition that shows the file in place and names it, also when the name is not ASCII."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'inline; filename="{plain}"{extended}'


async def _send_part(send: Send, reader: Reader, part: Part) -> None:
    left = part.length
    async for chunk in reader.read(part.start, part.length):
        left -= len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
    if part.length <= 0:
        await send({"type": "http.response.body", "body": b""})
