"""What one exchange of the page told us, in order, until it is taken."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, TypeAlias

from browser.errors import BrowserError

#: [exchange id, kind, ...]; bridge.js says which kinds there are and what follows.
Message: TypeAlias = list[Any]


class Mailbox:
    """Messages of one exchange, for one reader. An error put in is the last thing that comes out, however often it is
    asked.

    A stream of many small pieces waits here before each of them, so waiting costs little: one timer serves many waits.
    """

    def __init__(self) -> None:
        self._messages: deque[Message | BrowserError] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._until: float | None = None

    def put(self, message: Message | BrowserError) -> None:
        self._messages.append(message)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def take(self, *, within_s: float | None = None) -> Message:
        """The next message; raises what ended the exchange, and TimeoutError when nothing came *within_s*."""
        while not self._messages:
            self._arrival = asyncio.get_running_loop().create_future()
            self._wait_at_most(within_s)
            try:
                await self._arrival
            finally:
                self._arrival = None
        return self._opened()

    def take_now(self) -> Message | None:
        """The next message if one is there already."""
        return self._opened() if self._messages else None

    def close(self) -> None:
        """Nothing will come any more, and nobody waits for it."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait_at_most(self, seconds: float | None) -> None:
        if seconds is None:
            self._until = None
            return
        loop = asyncio.get_running_loop()
        self._until = loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._late)

    def _late(self) -> None:
        """The timer was set for some earlier wait, perhaps: the present one may have time left."""
        self._timer = None
        if self._arrival is None or self._arrival.done() or self._until is None:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._late)
        else:
            self._arrival.set_exception(TimeoutError())

    def _opened(self) -> Message:
        message = self._messages[0]
        if isinstance(message, BrowserError):
            raise message  # left there: whoever asks again hears the same
        self._messages.popleft()
        return message
