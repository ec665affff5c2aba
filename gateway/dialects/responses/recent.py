"""Answers given a short while ago, by the ids of their items.

The AI SDK, told nothing else, sends earlier answers back as ``item_reference`` in the next turn. What it refers to is kept in
memory for an hour; with ``store: false`` clients send the text itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

KEPT_S = 3600.0
KEPT_CHARS = 8_000_000


class RecentAnswers:
    """Texts by (key, item). clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._texts: OrderedDict[tuple[str, str], tuple[float, str]] = OrderedDict()
        self._chars = 0

    def keep(self, key_id: str, item_id: str, text: str) -> None:
        self._texts[key_id, item_id] = (self._clock() + KEPT_S, text)
        self._chars += len(text)
        while self._texts and (self._chars > KEPT_CHARS or next(iter(self._texts.values()))[0] < self._clock()):
            _, (_, gone) = self._texts.popitem(last=False)
            self._chars -= len(gone)

    def find(self, key_id: str, item_id: str) -> str | None:
        """Return the text of an item that was given to this key; None when it is not kept any more."""
        until, text = self._texts.get((key_id, item_id), (0.0, ""))
        return text if until >= self._clock() else None
