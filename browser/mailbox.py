"""What one exchange of the page told us, in order, until it is taken."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

from browser.errors import BrowserError

#: [exchange id, kind, ...]; bridge.js says which kinds there are and what follows.
Message: TypeAlias = list[Any]


class Mailbox:
    """Messages of one exchange. An error put in is the last thing that comes out, however often it is asked."""

    def __init__(self) -> None:
        self._messages: asyncio.Queue[Message | BrowserError] = asyncio.Queue()

    def put(self, message: Message | BrowserError) -> None:
        self._messages.put_nowait(message)

    async def take(self) -> Message:
        """The next message; raises what ended the exchange."""
        return self._opened(await self._messages.get())

    def take_now(self) -> Message | None:
        """The next message if one is there already."""
        if self._messages.empty():
            return None
        return self._opened(self._messages.get_nowait())

    def _opened(self, message: Message | BrowserError) -> Message:
        if isinstance(message, BrowserError):
            self._messages.put_nowait(message)  # whoever asks again hears the same
            raise message
        return message
