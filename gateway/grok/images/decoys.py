"""Whether a picture was already returned for other words: a stock picture in place of what was asked for (upstream.md 2.13).

In memory, and only told, never refused: a site may have its reasons to answer two prompts alike.
"""

from __future__ import annotations

from collections import OrderedDict

#: So many of the latest pictures are known.
KNOWN = 4000


class DecoyBook:
    """Pictures seen lately, by their fingerprint, each with the words it was first returned for."""

    def __init__(self) -> None:
        self._words: OrderedDict[str, str] = OrderedDict()

    def repeats(self, fingerprint: str, *, words: str) -> bool:
        """Note the picture; True when it was returned before, for other words."""
        asked = " ".join(words.lower().split())
        first = self._words.setdefault(fingerprint, asked)
        self._words.move_to_end(fingerprint)
        if len(self._words) > KNOWN:
            self._words.popitem(last=False)
        return first != asked
