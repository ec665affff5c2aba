"""Which keys there are: the pages' keyboard is an American one, whatever the operator's is.

Characters it has are pressed as keys, so that pages that listen to keys hear them; others are put in as text.
"""

from __future__ import annotations

import string

CHARACTERS = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")
#: These become others while Shift is down, which other layouts need for them (a French 1).
UNSHIFTED = frozenset(string.ascii_lowercase + string.digits + "`-=[]\\;',./")

_ROWS = "Backquote Minus Equal Backslash BracketLeft BracketRight Semicolon Quote Comma Period Slash Space"
_NAMED = (
    "Escape Backspace Tab Enter Shift Control Alt Meta ContextMenu PageUp PageDown Insert Delete Home End "
    "ArrowLeft ArrowUp ArrowRight ArrowDown"
)
CODES = frozenset(
    {f"Key{letter}" for letter in string.ascii_uppercase}
    | {f"Digit{digit}" for digit in string.digits}
    | set(_ROWS.split())
)
NAMES = frozenset({f"F{number}" for number in range(1, 13)} | set(_NAMED.split()))


def playable(key: str, code: str) -> str | None:
    """Return how the driver calls a key, None when it has no such key.

    A shortcut goes by its character; on a layout without Latin letters (ф) by the place of the key.
    """
    if key == "Meta":
        return "Control"  # ⌘C of a Mac is Ctrl+C here
    if key in NAMES or key in CHARACTERS:
        return key
    return code if code in CODES else None
