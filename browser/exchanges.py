"""Requests made inside the page: whole answers, and the bounds that keep one page's connection usable."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from browser.bridge import Bridge
from browser.errors import BrowserError, TooLarge, TransportFailed, TransportTimeout
from browser.page_files import light
from browser.transport import Reply, World

#: What bridge.js understands: method, url, headers, body, and what the callers below add.
PageRequest: TypeAlias = dict[str, Any]


def page_request(
    method: str, url: str, *, json: Any = None, headers: Mapping[str, str] | None = None, world: World
) -> PageRequest:
    """Describe a request to the page. *json* becomes the body, with its content type."""
    request: PageRequest = {"method": method, "url": url, "headers": dict(headers or {}), "main": world is World.MAIN}
    if json is not None:
        request["body"] = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":"))
        if not any(name.lower() == "content-type" for name in request["headers"]):
            request["headers"]["content-type"] = "application/json"
    return request


class Places:
    """At most *count* exchanges of one sort at once, begun at least *gap_s* apart."""

    def __init__(self, count: int, sort: str, *, gap_s: float = 0.0) -> None:
        self.count = count
        self._sort = sort
        self._gap_s = gap_s
        self._free = asyncio.Semaphore(count)
        self._next_start = 0.0

    @asynccontextmanager
    async def one(self, *, within_s: float) -> AsyncIterator[None]:
        """Hold a place for the block; TransportFailed when none becomes free in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._free.acquire()
        except TimeoutError:
            refused = TransportFailed(
                f"{self.count} {self._sort} are open on this page and none ended within {within_s:g} s"
            )
            refused.sent = False
            raise refused from None
        try:
            if self._gap_s:
                await self._pause()
            yield
        finally:
            self._free.release()

    async def _pause(self) -> None:
        now = asyncio.get_running_loop().time()
        start = max(now, self._next_start)
        self._next_start = start + self._gap_s
        if start > now:
            await asyncio.sleep(start - now)


class Calls:
    """Requests whose whole answer comes back at once."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._places = Places(bridge.limits.calls, "calls")

    async def perform(
        self, request: PageRequest, *, timeout_s: float, limit_bytes: int, exchange: int | None = None
    ) -> Reply:
        """Have the page make *request* and return the answer, whatever its status.

        timeout_s: waiting for a place included. exchange: its name in the page, when it has one already.
        Raises TransportTimeout, TransportFailed, TooLarge, SlotLost.
        """
        began = asyncio.get_running_loop().time()
        what = f"{request['method']} {request['url']}"
        async with self._places.one(within_s=timeout_s):
            left_s = max(0.001, began + timeout_s - asyncio.get_running_loop().time())
            exchange = exchange or self._bridge.next_id()
            try:
                with self._bridge.line.asking():
                    async with light(self._bridge, exchange, request) as carried:
                        bounds = {"id": exchange, "limit": limit_bytes, "timeoutMs": left_s * 1000}
                        within_s = left_s + self._bridge.limits.grace_s
                        reply = await self._answer({**carried, **bounds}, what, timeout_s, within_s)
                        self._bridge.line.heard()
                        return reply
            except asyncio.CancelledError:
                self._bridge.post("abort", exchange)
                raise
            except TransportTimeout as late:
                self._bridge.post("abort", exchange)
                told = TransportTimeout(f"{what} had no complete answer within {timeout_s:g} s")
                told.sent = late.sent
                raise told from None

    async def _answer(self, request: PageRequest, what: str, timeout_s: float, within_s: float) -> Reply:
        outcome, *told = jsonlib.loads(await self._bridge.run("perform", request, timeout_s=within_s))
        if outcome != "ok":
            raise _failure(*told, what=what, timeout_s=timeout_s, limit_bytes=request["limit"])
        status, headers, url, text, length = told
        pieces, have = [text], _units(text)
        while have < length:
            piece = await self._bridge.run("more", request["id"], have, timeout_s=self._bridge.limits.step_s)
            if not piece:
                raise TransportFailed(f"{what}: the page lost the rest of its answer")
            pieces.append(piece)
            have += _units(piece)
        return Reply(status=status, headers=headers, text="".join(pieces), url=url)


def _units(text: str) -> int:
    """The length of *text* as JavaScript counts it: characters beyond the first plane (emoji) are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _failure(kind: str, message: str, *, what: str, timeout_s: float, limit_bytes: int) -> BrowserError:
    match kind:
        case "timeout":
            return TransportTimeout(f"{what} had no complete answer within {timeout_s:g} s")
        case "too_large":
            return TooLarge(f"the answer of {what} is larger than {limit_bytes} bytes")
        case _:
            return TransportFailed(f"{what} failed inside the page: {message}")
