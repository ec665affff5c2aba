"""Takes the site's inline marks out of an answer's text, however the tokens cut them.

Seen (upstream.md 2.4): ``<grok:render card_id="…" card_type="…" type="render_inline_citation">``, alone, closed in itself, or
with arguments up to ``</grok:render>``; and ``<xai:tool_usage_card>…</xai:tool_usage_card>``. Everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NAMES = ("grok:render", "xai:tool_usage_card")
_OPENINGS = tuple(f"<{name}" for name in _NAMES)
_STRAY = tuple(f"</{name}>" for name in _NAMES)
_AFTER_NAME = re.compile(r"[\s/>]")
_TAG_END = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
#: What may follow an opening tag that has content; anything else means that the tag stands alone.
_CONTENT = ("<argument", "</grok:render>")
#: A mark longer than this is none.
_LONGEST = 16 * 1024


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was taken out here. kind: its ``type``; both may be empty."""

    card_id: str
    kind: str


class InlineMarks:
    """Feed it text as it comes; it returns what may be shown, and the marks in their places."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> list[str | Mark]:
        """Return what is certain by now, in order."""
        self._held += text
        return _joined(self._scan(at_end=False))

    def flush(self) -> list[str | Mark]:
        """Return what is left at the end of the text; a mark that was cut is dropped."""
        found = _joined(self._scan(at_end=True))
        self._held = ""
        return found

    def _scan(self, *, at_end: bool) -> Iterator[str | Mark]:
        while self._held:
            start = self._held.find("<")
            if start < 0:
                start = len(self._held)
            if start:
                yield self._held[:start]
                self._held = self._held[start:]
                continue
            length, mark = _mark_at_start(self._held, at_end=at_end)
            if length is None:
                return  # more text decides
            if length == 0:
                yield "<"
                length = 1
            elif mark is not None:
                yield mark
            self._held = self._held[length:]


def _joined(parts: Iterator[str | Mark]) -> list[str | Mark]:
    """Return *parts* with neighbouring texts made one."""
    found: list[str | Mark] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


def without_marks(text: str) -> str:
    """Return *text* as a reader should see it."""
    marks = InlineMarks()
    return "".join(part for part in (*marks.feed(text), *marks.flush()) if isinstance(part, str))


def _mark_at_start(held: str, *, at_end: bool) -> tuple[int | None, Mark | None]:
    """How much of *held*, which begins with ``<``, is a mark (0: none of it; None: cannot be told yet), and which one."""
    for stray in _STRAY:
        if held.startswith(stray):
            return len(stray), None
    opening = next((name for name in _OPENINGS if held.startswith(name)), None)
    if opening is None:
        undecided = any(known.startswith(held) for known in (*_OPENINGS, *_STRAY))
        return (None if undecided and not at_end else 0), None
    end = _TAG_END.match(held, len(opening))
    if end is None or not _AFTER_NAME.match(held, len(opening)):
        name_done = len(held) > len(opening) and not _AFTER_NAME.match(held, len(opening))
        if name_done or len(held) > _LONGEST:
            return 0, None
        return (len(held) if at_end else None), None
    attributes = {name: first or second for name, first, second in _ATTRIBUTE.findall(end.group())}
    mark = Mark(attributes.get("card_id", ""), attributes.get("type", attributes.get("card_type", "")))
    length = _length(held, end.end(), opening, at_end=at_end)
    return length, None if opening != _OPENINGS[0] or length is None else mark


def _length(held: str, tag_end: int, opening: str, *, at_end: bool) -> int | None:
    """Where the mark ends whose opening tag ends at *tag_end*; None: cannot be told yet."""
    if held[tag_end - 2] == "/":
        return tag_end
    closing = f"</{opening[1:]}>"
    if opening == _OPENINGS[0]:
        rest = held[tag_end:].lstrip()
        if not rest.startswith(_CONTENT):
            undecided = not at_end and any(start.startswith(rest) for start in _CONTENT) and len(held) < _LONGEST
            return None if undecided else tag_end
    close = held.find(closing, tag_end)
    if close >= 0:
        return close + len(closing)
    if len(held) - tag_end > _LONGEST:
        return tag_end
    return len(held) if at_end else None
