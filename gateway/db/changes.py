"""Hints that something changed: only hints. Whoever waits also looks by itself every few seconds, so a lost one costs time.

Topics are words: ``queue``, ``task:ID``, ``cancel``, ``profiles`` … In this process a hint arrives at once. Other processes
get it through the database: LISTEN/NOTIFY (`listen_postgresql`), or a look at the file's version (`watch_sqlite`), which
tells only *that* something changed and so wakes everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SAFETY_POLL_S = 5.0
ANYTHING = "*"
#: The topic of the profiles' rows, which nodes tell of, too: a profile is out of reach when its node is gone.
PROFILES = "profiles"


class Hint:
    """What a listener waits on. It is set from the start, so that the first look is never missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()

    def set(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float = SAFETY_POLL_S) -> bool:
        """Return True once something may have changed since the last return, False after *timeout_s* without a word."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class News(Hint):
    """A hint that also says of what: gathers topics until they are taken. ANYTHING among them: hints may have been missed."""

    def __init__(self) -> None:
        super().__init__()
        self._topics: set[str] = set()

    def add(self, topic: str) -> None:
        self._topics.add(topic)
        self.set()

    def take(self) -> frozenset[str]:
        """Return what has come since the last call."""
        topics, self._topics = frozenset(self._topics), set()
        return topics


class Changes:
    """The hints of one process."""

    def __init__(self) -> None:
        self._hints: dict[str, set[Hint]] = {}
        self._news: set[News] = set()
        self._elsewhere: Callable[[str], None] | None = None
        self.anybody = asyncio.Event()
        #: Whether hints of other processes arrive now (a metric, and part of readiness).
        self.connected = False

    @contextmanager
    def listen(self, *topics: str) -> Iterator[Hint]:
        """Hear of *topics* for the length of the block. Look, then wait; never the other way round."""
        hint = Hint()
        for topic in topics:
            self._hints.setdefault(topic, set()).add(hint)
        self.anybody.set()
        try:
            yield hint
        finally:
            for topic in topics:
                self._hints[topic].discard(hint)
                if not self._hints[topic]:
                    del self._hints[topic]
            self._rest()

    @contextmanager
    def listen_to_all(self) -> Iterator[News]:
        """Hear of every topic for the length of the block."""
        news = News()
        self._news.add(news)
        self.anybody.set()
        try:
            yield news
        finally:
            self._news.discard(news)
            self._rest()

    def notify(self, topic: str) -> None:
        """Say that something about *topic* changed, here and elsewhere."""
        self.wake(topic)
        if self._elsewhere is not None:
            self._elsewhere(topic)

    def wake(self, topic: str) -> None:
        """Wake this process's listeners of *topic*."""
        for hint in self._hints.get(topic, ()):
            hint.set()
        for news in self._news:
            news.add(topic)

    def wake_all(self) -> None:
        """Wake every listener: hints may have been missed."""
        for hints in self._hints.values():
            for hint in hints:
                hint.set()
        for news in self._news:
            news.add(ANYTHING)

    def _rest(self) -> None:
        if not self._hints and not self._news:
            self.anybody.clear()

    def tell_others_through(self, send: Callable[[str], None] | None) -> None:
        """Set how `notify` reaches other processes; None where they find out by themselves."""
        self._elsewhere = send
