"""Ends an answer where its caller wants it ended: before a stop sequence, or after so many tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway.calls.tokens import ends


class Cutter:
    """Takes an answer's text piece by piece and gives back what may be shown.

    stop: sequences that end the answer and are not part of it. limit_tokens: estimated tokens at most (None: any number).
    ended: why nothing more is shown, None while it goes on.
    """

    def __init__(self, stop: Sequence[str] = (), limit_tokens: int | None = None) -> None:
        self.ended: Literal["stop", "length"] | None = None
        self.hit: str | None = None
        self.stops = tuple(sequence for sequence in stop if sequence)
        self.limit_tokens = limit_tokens
        self._held = ""
        self._word = ""
        self._count = 0

    def feed(self, text: str) -> str:
        """Return what of *text*, and of what was held back before, can be shown now."""
        if self.ended:
            return ""
        text = self._held + text
        found = [(at, sequence) for sequence in self.stops if (at := text.find(sequence)) >= 0]
        if found:
            at, self.hit = min(found, key=lambda hit: hit[0])
            shown = self._within(text[:at])
            self.ended = self.ended or "stop"
            return shown
        keep = self._held_back(text)
        self._held = text[len(text) - keep :]
        return self._within(text[: len(text) - keep])

    def finish(self) -> str:
        """The answer is complete: return what was held back because it might have become a stop sequence."""
        held, self._held = self._held, ""
        return "" if self.ended else self._within(held)

    def _held_back(self, text: str) -> int:
        """How many characters at the end of *text* may be the beginning of a stop sequence."""
        longest = max(map(len, self.stops), default=1) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(sequence.startswith(text[-length:]) for sequence in self.stops):
                return length
        return 0

    def _within(self, text: str) -> str:
        """Return *text* up to the limit of tokens. A word that came in several pieces is counted once."""
        if self.limit_tokens is None or not text:
            return text
        whole = self._word + text
        places = ends(whole)
        if self._count + len(places) > self.limit_tokens:
            self.ended = "length"
            allowed = self.limit_tokens - self._count
            return whole[len(self._word) : places[allowed - 1]] if allowed > 0 else ""
        # the last token may still grow with the next piece: count it then
        start = places[-2] if len(places) > 1 else 0
        self._count += max(0, len(places) - 1)
        self._word = whole[start:]
        return text
