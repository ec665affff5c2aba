"""What is on its way to one viewer: the latest word on each topic, and the latest frame. Never more than that.

So a viewer on a slow line sees fewer frames, not late ones, and costs no more memory than a fast one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

#: A message in words. "type", with "id" where there is one, is its topic: a later one on the same topic replaces one that
#: was not sent yet.
Word = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a page. width, height: of the page's viewport in CSS pixels, not of the picture. at_ms: Unix time."""

    tab: int
    width: int
    height: int
    at_ms: float
    jpeg: bytes = field(repr=False)


class Outbox:
    """Filled by the view, emptied by whoever serves the viewer."""

    def __init__(self, *, taken: Callable[[], None] = lambda: None) -> None:
        """taken: called when a frame was taken, so that its caster may go on."""
        #: What this viewer wants of the frames: their JPEG quality (None: as usual), and the seconds between two.
        self.quality: int | None = None
        self.gap_s = 0.0
        self._turn = 0.0
        self._words: dict[tuple[str, object], Word] = {}
        self._frame: Frame | None = None
        self._taken = taken
        self._news = asyncio.Event()
        self._over = False

    @property
    def full(self) -> bool:
        """Whether a frame still waits to be taken."""
        return self._frame is not None

    def say(self, word: Word) -> None:
        """Leave a word; an older one on its topic that was not taken yet is dropped."""
        topic = word["type"], word.get("id")
        self._words.pop(topic, None)
        self._words[topic] = word
        self._news.set()

    def show(self, frame: Frame) -> None:
        """Leave a frame; an older one that was not taken yet is dropped."""
        self._frame = frame
        self._news.set()

    def forget_frame(self) -> None:
        self._frame = None

    def close(self) -> None:
        """Let the reader end once he has everything in words."""
        self._over = True
        self._news.set()

    async def take(self) -> Word | Frame | None:
        """Wait for what comes next, words before frames; None when there will be nothing more."""
        while True:
            if self._words:
                return self._words.pop(next(iter(self._words)))
            if self._over:
                return None
            now = asyncio.get_running_loop().time()
            if self._frame is not None and now >= self._turn:
                frame, self._frame = self._frame, None
                self._turn = now + self.gap_s
                self._taken()
                return frame
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if self._frame is None else self._turn):
                    await self._news.wait()
