"""Tools that a caller offers, for a site that calls none: asked for in words, read back by one strict form. Pure.

The model is told what tools there are and to call one with a block of its own:

    <tool_call>
    {"name": "weather", "arguments": {"city": "Oslo"}}
    </tool_call>

Only a block that begins a line, holds one JSON object with the name of an offered tool and its arguments as an object, and is
closed, is a call. Everything else is text and reaches the caller as text: nothing doubtful is ever made a call of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BEGIN, END = "<tool_call>", "</tool_call>"
#: Where a block begins: at the start of a line, or right after another one.
_AT_LINE = re.compile(rf"^[ \t]*{re.escape(BEGIN)}", re.MULTILINE)
_RIGHT_HERE = re.compile(rf"[ \t]*{re.escape(BEGIN)}")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. parameters: JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model makes. arguments: a JSON object, as text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What tools a caller offers. must: a call is demanded, of *only* where that is a name. several: more than one at once."""

    tools: tuple[Tool, ...]
    must: bool = False
    only: str = ""
    several: bool = True

    @property
    def names(self) -> frozenset[str]:
        return frozenset(tool.name for tool in self.tools)


def instructions(offer: Offer) -> str:
    """What the model is told. The marks stand within lines, so that repeating this text is no call."""
    listed = "\n".join(
        json.dumps(
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}, ensure_ascii=False
        )
        for tool in offer.tools
    )
    form = f'{BEGIN} on a line of its own, then one JSON object {{"name": …, "arguments": {{…}}}}, then {END}'
    rules = [
        f"You can use the tools listed below. To call one, write {form}. The tool's result comes in the next message.",
        "Write nothing after a call." if offer.several else "Make one call at most, and write nothing after it.",
    ]
    if offer.only:
        rules.append(f"Your answer must be a call of the tool {offer.only}.")
    elif offer.must:
        rules.append("Your answer must call a tool.")
    else:
        rules.append("Call a tool only when you need it; otherwise answer in words.")
    return f"{' '.join(rules)}\n\nTools, one per line:\n{listed}"


def written(name: str, arguments: str) -> str:
    """An earlier call, as the model is asked to write one."""
    return f'{BEGIN}\n{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {arguments or "{}"}}}\n{END}'


class ToolReader:
    """Takes an answer's text piece by piece, gives back what is text, and keeps the calls.

    However it is cut into pieces, the same comes of it. White space around calls is nobody's text.
    """

    def __init__(self, offer: Offer) -> None:
        self.calls: list[ToolCall] = []
        self._offer = offer
        self._text = ""
        self._at = 0  # what is before is settled
        self._fresh = 0  # a block may begin here, in the middle of a line though it be

    def feed(self, text: str) -> str:
        """Return what of *text*, and of what was held back before, is text for sure."""
        self._text += text
        return self._settle(final=False)

    def finish(self) -> str:
        """The answer is complete: return what was held back and is no call."""
        return self._settle(final=True)

    def _settle(self, *, final: bool) -> str:
        text, shown = self._text, list[str]()
        while True:
            if self.calls and self._at == self._fresh:
                self._at = self._fresh = _past_space(text, self._at)
            begin = _RIGHT_HERE.match(text, self._at) if self._at == self._fresh else None
            begin = begin or _AT_LINE.search(text, self._at)
            if begin is None:
                shown.append(self._up_to(len(text) if final else self._sure()))
                break
            end = text.find(END, begin.end())
            if end < 0:
                shown.append(self._up_to(len(text) if final else self._before(begin.start())))
                break
            call, after = self._read(text[begin.end() : end]), end + len(END)
            if call is None:
                shown.append(self._up_to(after))
                continue
            shown.append(self._up_to(self._before(begin.start())))
            self._at = self._fresh = after
            if self._offer.several or not self.calls:
                self.calls.append(call)
        return "".join(shown)

    def _up_to(self, end: int) -> str:
        begin, self._at = self._at, max(self._at, end)
        return self._text[begin:end]

    def _before(self, at: int) -> int:
        """Where the text before *at* ends, without the white space between."""
        return self._at + len(self._text[self._at : at].rstrip())

    def _sure(self) -> int:
        """Up to where nothing that may come can make a block of what is there."""
        line = max(self._text.rfind("\n") + 1, self._at)
        alone = line == self._fresh or not self._text[self._text.rfind("\n", 0, line) + 1 : line].strip()
        begun = self._text[line:].lstrip(" \t")
        return self._before(line if begun and alone and BEGIN.startswith(begun) else len(self._text))

    def _read(self, inside: str) -> ToolCall | None:
        """The call that a block holds; None when it is not exactly one."""
        try:
            said = json.loads(inside)
        except (ValueError, RecursionError):
            return None
        if not isinstance(said, dict) or said.get("name") not in self._offer.names or set(said) - {"name", "arguments"}:
            return None
        arguments = said.get("arguments", {})
        if not isinstance(arguments, dict):
            return None
        return ToolCall(str(said["name"]), json.dumps(arguments, ensure_ascii=False))


def _past_space(text: str, at: int) -> int:
    return at + len(text[at:]) - len(text[at:].lstrip())


def read_all(text: str, offer: Offer) -> tuple[str, Sequence[ToolCall]]:
    """Return what of a whole answer is text, and its calls."""
    reader = ToolReader(offer)
    shown = reader.feed(text)
    return shown + reader.finish(), reader.calls
