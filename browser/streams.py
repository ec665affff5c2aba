"""Answers read piece by piece.

The page reads the body and tells us each piece by the binding. It stops reading when ``stream_credit_bytes`` are on
their way to a consumer that does not take them; the site then stops sending (at 6-9 MB, the connection's window, when
the answer says ``no-store``; an answer that Chromium may cache it reads to the end by itself, into its own memory).
Leaving the block aborts the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from browser.bridge import Bridge
from browser.errors import TransportFailed, TransportTimeout
from browser.exchanges import PageRequest, Places
from browser.mailbox import Mailbox, Message
from browser.page_files import light


class PageStream:
    """A started answer; see transport.StreamReply."""

    def __init__(self, bridge: Bridge, exchange: int, *, box: Mailbox, head: Message, what: str, idle_s: float) -> None:
        _, _, _, self.status, headers, self.url = head
        self.headers: Mapping[str, str] = headers
        self.ended = False
        self._bridge = bridge
        self._exchange = exchange
        self._box = box
        self._what = what
        self._idle_s = idle_s

    def __aiter__(self) -> AsyncIterator[str]:
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[str]:
        read = 0
        while not self.ended:
            text, size = await self._next()
            read += size
            if text:
                yield text
            if read >= self._bridge.limits.stream_ack_bytes and not self.ended:
                # After the yield: bytes count as read when the consumer comes back for more.
                self._bridge.post("ack", self._exchange, read)
                read = 0

    async def _next(self) -> tuple[str, int]:
        """All the text that is there, at least one message of it, and its size in bytes."""
        try:
            message: Message | None = await self._box.take(within_s=self._idle_s)
        except TimeoutError:
            self._bridge.line.waited_in_vain()
            raise TransportTimeout(f"{self._what} sent nothing for {self._idle_s:g} s") from None
        texts, size = [], 0
        while message is not None:
            _, kind, text, *rest = message
            if kind == "fail":
                self._box.put(TransportFailed(f"{self._what} broke: {text}"))
                break
            texts.append(text)
            if kind == "end":
                self.ended = True
                break
            size += rest[0]
            message = self._box.take_now() if len(texts) < 64 else None
        return "".join(texts), size


class Streams:
    """Opens streams of one page within its limits."""

    def __init__(self, bridge: Bridge) -> None:
        limits = bridge.limits
        self._bridge = bridge
        self._places = Places(limits.streams, "streams", gap_s=limits.stream_start_gap_s)

    @asynccontextmanager
    async def open(
        self, request: PageRequest, *, start_timeout_s: float, idle_timeout_s: float
    ) -> AsyncIterator[PageStream]:
        """See transport.Transport.stream."""
        what = f"{request['method']} {request['url']}"
        async with self._places.one(within_s=min(start_timeout_s, self._bridge.limits.stream_wait_s)):
            exchange = self._bridge.next_id()
            box = self._bridge.mailbox(exchange)
            stream = None
            try:
                head = await self._start(request, exchange, box, what, start_timeout_s)
                stream = PageStream(self._bridge, exchange, box=box, head=head, what=what, idle_s=idle_timeout_s)
                yield stream
            finally:
                # No await here: the abort leaves at once even when we are being cancelled, and it cannot overtake
                # the request, nor a later request it, because one session keeps the order.
                self._bridge.forget(exchange)
                if stream is None or not stream.ended:
                    self._bridge.post("abort", exchange)

    async def _start(
        self, request: PageRequest, exchange: int, box: Mailbox, what: str, start_timeout_s: float
    ) -> Message:
        try:
            with self._bridge.line.asking():
                async with asyncio.timeout(start_timeout_s), light(self._bridge, exchange, request) as carried:
                    await self._bridge.run("open", {**carried, "id": exchange}, timeout_s=start_timeout_s)
                    head = await box.take()
        except (TimeoutError, TransportTimeout):
            raise TransportTimeout(f"{what} had no answer within {start_timeout_s:g} s") from None
        if head[1] == "fail":
            raise TransportFailed(f"{what} failed inside the page: {head[2]}")
        return head
