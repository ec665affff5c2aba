"""Server-sent events: one stream, its heartbeat, and its end, whoever ends it.

The stream ends after the last event of its source, when the client leaves (noticed at once, not at the next write), and
when the gateway stops, so that no open stream keeps the server from exiting.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.web.connection import while_connected

HEARTBEAT_S = 15.0
#: What the databases' columns of event numbers hold.
MOST_EVENTS = 2**31 - 1
HEARTBEAT = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """One event. id: what the client sends back as ``Last-Event-ID``; event: None for an unnamed one."""

    data: Mapping[str, Any] | str
    id: str | None = None
    event: str | None = None

    def encode(self) -> bytes:
        """The bytes of this event, JSON as compact as the seeds show it."""
        text = (
            self.data
            if isinstance(self.data, str)
            else json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))
        )
        lines = [f"event: {self.event}"] if self.event else []
        lines += [f"id: {self.id}"] if self.id is not None else []
        lines += [f"data: {line}" for line in text.split("\n")]
        return ("\n".join(lines) + "\n\n").encode()


class EventStream(Response):
    """Sends *frames* as they come, None being none. stopping: set when the gateway stops; heartbeat_s: the longest silence."""

    def __init__(
        self, frames: AsyncGenerator[Frame | None, None], *, stopping: asyncio.Event, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._frames = frames
        self._stopping = stopping
        self._heartbeat_s = heartbeat_s
        self._sending = asyncio.Lock()
        self._sent = 0
        self.status_code = 200
        self.background = None
        self.init_headers(
            {
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache, no-transform",
                "x-accel-buffering": "no",
                "connection": "keep-alive",
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if await while_connected(receive, self._pump(send), self._beat(send), self._stopped()):
            await send({"type": "http.response.body", "body": b""})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                if frame is not None:
                    await self._put(send, frame.encode())

    async def _stopped(self) -> None:
        await self._stopping.wait()

    async def _beat(self, send: Send) -> None:
        """Write a comment whenever nothing was written for a whole heartbeat."""
        while True:
            seen = self._sent
            await asyncio.sleep(self._heartbeat_s)
            if self._sent == seen:
                await self._put(send, HEARTBEAT)

    async def _put(self, send: Send, data: bytes) -> None:
        async with self._sending:
            self._sent += 1
            await send({"type": "http.response.body", "body": data, "more_body": True})


def last_event_id(value: str | None) -> int | None:
    """Read a ``Last-Event-ID`` header: the number of the last event seen, 0 for none of them. None where there is no header, or
    no number of ours in it: whoever sent it did not follow this stream before."""
    if not value or not (value.isascii() and value.isdecimal() and len(value) < 12):
        return None
    return number if (number := int(value)) <= MOST_EVENTS else None
