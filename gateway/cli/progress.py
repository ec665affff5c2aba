"""How far a long command is, for people who watch."""

from __future__ import annotations

import sys
import time

from gateway.cli.output import note

EVERY_S = 0.3


class Shown:
    """Says how far it is, a few times a second, on a terminal only. Call it with (what, so far, of how many)."""

    def __init__(self, *, as_json: bool) -> None:
        self._silent = as_json or not sys.stderr.isatty()
        self._next = 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        if not self._silent and (done == of or time.monotonic() > self._next):
            self._next = time.monotonic() + EVERY_S
            note(f"  {what:<22} {done:>9} of {of}")
