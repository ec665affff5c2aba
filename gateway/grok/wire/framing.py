"""Cuts a streamed answer into its JSON objects, however they are framed and wherever the pieces are split.

Seen at the site (upstream.md 2.3): one object per line (2025-09, 2026-03, 2026-08), objects with nothing between them
(2026-04), and ``data: {…}`` events with an optional ``[DONE]``. Braces are counted outside of strings only; whatever
stands between objects is skipped.
"""

from __future__ import annotations

import json
import re

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.fields import Json

#: An object longer than this is not one of the site's frames (the largest seen are some hundred KiB).
MAX_OBJECT_CHARS = 8 * 1024 * 1024

_STRUCTURE = re.compile(r'["{}]')
_IN_STRING = re.compile(r'["\\]')
_EVENT_PREFIX = re.compile(r"^data:[ \t]?", re.MULTILINE)
_LINE_END = "\r\n"
_CLOSING = "[DONE]"


class ObjectSplitter:
    """Feed it text as it arrives; it returns the objects that became complete."""

    def __init__(self, *, limit_chars: int = MAX_OBJECT_CHARS) -> None:
        self._limit = limit_chars
        self._pieces: list[str] = []
        self._length = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._line = ""  # what stands on the current line before any object, as far as it matters
        self._skip_line = False
        self._fresh = True  # nothing but white space so far
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the body said outright that it is over (``[DONE]``), as some event streams do."""
        return self._closed or (self._depth == 0 and self._line.strip() == _CLOSING)

    @property
    def unfinished(self) -> bool:
        """Whether an object has begun and not ended: at the end of a body, it was cut."""
        return self._depth > 0

    def feed(self, chunk: str) -> list[Json]:
        """Return the objects completed by *chunk*, in order.

        Raises UpstreamDrifted when an object is too long or is not JSON, or when the body is a web page.
        """
        found: list[Json] = []
        at = 0
        while at < len(chunk):
            if self._depth == 0:
                at = self._between(chunk, at)
                if at == len(chunk):
                    break
                self._depth = 1
                self._take("{")
                at += 1
            at = self._inside(chunk, at)
            if self._depth == 0:
                found.append(self._complete())
        return found

    def _between(self, chunk: str, at: int) -> int:
        """Skip to the next object's opening brace, or to the end of *chunk*."""
        while at < len(chunk):
            char = chunk[at]
            if char in _LINE_END:
                self._closed = self.closed
                self._line, self._skip_line = "", False
            elif self._skip_line:
                pass
            elif char == "{":
                self._fresh = False
                return at
            elif char == "<" and self._fresh:
                raise UpstreamDrifted("the site sent a web page where frames belong", field="frame")
            elif char == ":" and self._line != "data":
                self._skip_line, self._fresh = True, False  # a comment, or a field other than data
            elif char == ":":
                self._line = " "
            elif len(self._line) < 16 and (self._line or not (char.isspace() or char == "\ufeff")):
                self._line += char
                self._fresh = False
            at += 1
        return at

    def _inside(self, chunk: str, at: int) -> int:
        """Take characters of the current object up to its closing brace, or to the end of *chunk*."""
        start = at
        while at < len(chunk):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            match = (_IN_STRING if self._in_string else _STRUCTURE).search(chunk, at)
            if match is None:
                at = len(chunk)
                break
            at = match.end()
            match match.group():
                case '"':
                    self._in_string = not self._in_string
                case "\\":
                    self._escaped = True
                case "{":
                    self._depth += 1
                case _:
                    self._depth -= 1
                    if self._depth == 0:
                        break
        self._take(chunk[start:at])
        return at

    def _take(self, piece: str) -> None:
        self._pieces.append(piece)
        self._length += len(piece)
        if self._length > self._limit:
            raise UpstreamDrifted(f"a frame is longer than {self._limit} characters", field="frame")

    def _complete(self) -> Json:
        body = "".join(self._pieces)
        self._pieces, self._length = [], 0
        self._line = " "  # what follows an object on its line is not a field name
        try:
            value = json.loads(body, strict=False)
        except ValueError:
            try:  # one event written over several data: lines
                value = json.loads(_EVENT_PREFIX.sub("", body), strict=False)
            except ValueError:
                raise UpstreamDrifted(f"a frame is not JSON: {body[:120]!r}", field="frame") from None
        assert isinstance(value, dict)
        return value
