"""Whether the site still answers over a browser's connections.

A browser keeps one HTTP/2 connection to a site for all its calls. One that hangs (a proxy or a server behind it that lost the
other end, and still answers pings) is used on and on: every call runs into its deadline, while a new connection would work.
Only this browser's end closes them. So exchanges tell here what they heard, and whoever decides about the browser is told
when nothing comes any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from browser.errors import TransportTimeout

#: So many calls in a row without any answer, and nothing else heard meanwhile, are worth a question of our own.
DOUBTFUL = 2
#: Whoever gives up sooner than this, without an answer, says nothing about the connection.
LONG_S = 10.0


class Line:
    """Counts what was asked in vain. on_silent: called when that has become doubtful, and at each further call in vain."""

    def __init__(self, on_silent: Callable[[], None] = lambda: None) -> None:
        self._on_silent = on_silent
        #: Calls in a row that had no answer before their deadline.
        self.in_vain = 0
        #: Whether a call was ever answered on it.
        self.worked = False

    @property
    def doubtful(self) -> bool:
        return self.in_vain >= DOUBTFUL

    def heard(self) -> None:
        """Something came from the site, of whatever exchange."""
        self.in_vain = 0
        self.worked = True

    def page_came(self) -> None:
        """A navigation was answered. That says nothing of the calls that pages make, on which new browsers are judged."""
        self.in_vain = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """For the length of the block a call waits for an answer; how it gives up waiting counts."""
        began = time.monotonic()
        try:
            yield
        except asyncio.CancelledError:  # after long that is a deadline, too: the caller's own
            if time.monotonic() - began >= LONG_S:
                self.waited_in_vain()
            raise
        except (TimeoutError, TransportTimeout):
            self.waited_in_vain()
            raise

    def waited_in_vain(self) -> None:
        """A call's deadline passed before anything more came of it."""
        self.in_vain += 1
        if self.doubtful:
            self._on_silent()
