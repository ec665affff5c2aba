"""What other rooms of the house say in English (findings, reasons, errors), told here in the language spoken.

``sentences/<area>.<language>.json`` maps a sentence, as the code says it, to its translation. ``{names}`` in it stand for what
differs each time; ``{reason}`` and its like are sentences themselves. Neither side ends with a full stop: what was said decides.
The rooms keep their plain English, which logs, the command line and programs read; a test finds what nobody translated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from gateway.console.language import FIRST, has_text, spoken, text

FOLDER = Path(__file__).parent / "sentences"

_HOLE = re.compile(r"{(\w+)}")
_HAN = re.compile(r"[\u3400-\u9fff]")
#: What a full stop follows; not a command or an address, which would be copied with it.
_ENDS = re.compile(r"[\u3400-\u9fff）”]")
#: A blank that was meant to stand beside a Latin word, and stands between two Chinese ones.
_NEEDLESS_BLANK = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef”]) (?=[\u3000-\u9fff\uff00-\uffef“])")
#: How sentences are strung together, and how they are in Chinese.
_STRUNG = ((". ", "。"), ("; ", "；"))
#: Holes that hold what was said by another room; the others hold names and numbers, which may look like sentences.
_TELLING = frozenset((
    "reason", "sentence", "message", "state", "kind", "wanted", "shown", "seen", "verb", "found", "languages", "detail",
    "source", "title", "why", "command",
))  # fmt: skip
#: Holes without blanks.
_NAMES = frozenset(("name", "program", "node", "url"))
_TOLD_MOST = 4096
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence with holes. between: what stands between them, looked for first: hundreds are tried on each sentence."""

    between: Sequence[str]
    whole: re.Pattern[str]
    told: str

    def match(self, said: str) -> re.Match[str] | None:
        at = 0
        for part in self.between:
            if (at := said.find(part, at)) < 0:
                return None
            at += len(part)
        return self.whole.fullmatch(said)


@dataclass(frozen=True, slots=True)
class _Known:
    """whole: sentences without holes. patterns: those with holes, the ones that say most first."""

    whole: Mapping[str, str]
    patterns: Sequence[_Pattern]


def in_words(said: str) -> str:
    """*said*, which is English, in the language spoken: as far as it is known; what the site itself said stays as it is."""
    return said if spoken() == FIRST or not said else _told(spoken(), said, 0)


def why(code: str, message: str) -> str:
    """What went wrong, in the language spoken; where *message* is not known there, what is said of its *code*."""
    if spoken() == FIRST:
        return message
    told = in_words(message)
    return told if told != message or _HAN.search(message) else advice(code) or message


def advice(code: str) -> str:
    """What an error of that code means and what to do, in the language spoken; '' where nothing is to be said."""
    key = f"reasons.{code}"
    return text(key).unescape() if has_text(key) else ""


def named(who: str) -> str:
    """Somebody as the audit log has them, in the language spoken; keys have names of their own."""
    key = f"audit.by_{who.replace(' ', '_')}"
    return text(key).unescape() if has_text(key) else in_words(who)


@cache
def _known(language: str) -> _Known:
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob(f"*.{language}.json")):
        found |= json.loads(file.read_text("utf-8"))
    ordered = sorted(found.items(), key=lambda pair: -len(_HOLE.sub("", pair[0])))
    return _Known(
        {_small(said): told for said, told in found.items() if not _HOLE.search(said)},
        [_pattern(said, told) for said, told in ordered if _HOLE.search(said)],
    )


def _pattern(said: str, told: str) -> _Pattern:
    parts = _HOLE.split(_small(said))  # text, name, text, name, …, text
    seen: set[str] = set()
    body = ""
    for number, part in enumerate(parts):
        body += (
            re.escape(part) if number % 2 == 0 else f"(?P={part})" if part in seen else f"(?P<{part}>{_filling(part)})"
        )
        seen |= {part} if number % 2 else set()
    return _Pattern([part for part in parts[::2] if part], re.compile(body, re.DOTALL), told)


def _filling(hole: str) -> str:
    """A name has no blanks in it, anything else may be a sentence."""
    return r"\S+?" if hole in _NAMES else ".+?"


def _small(said: str) -> str:
    """With a small first letter, unless it begins with what has a spelling of its own."""
    return said[:1].lower() + said[1:] if said[1:2].islower() or said[1:2] == " " else said


@lru_cache(maxsize=_TOLD_MOST)
def _told(language: str, said: str, depth: int) -> str:
    bare = said.strip().removesuffix(".")
    told = _whole(language, bare, depth)
    if told is None:
        told = _strung(language, bare, depth)
    if told is None:
        return said
    return f"{told}。" if said.rstrip().endswith(".") and _ENDS.match(told[-1:]) else told


def _whole(language: str, said: str, depth: int) -> str | None:
    known = _known(language)
    if (found := known.whole.get(_small(said))) is not None:
        return found
    if depth > _DEEPEST:
        return None
    for pattern in known.patterns:
        if (match := pattern.match(said) or pattern.match(_small(said))) is not None:
            values = {
                hole: _told(language, value, depth + 1) if hole in _TELLING else _quoted(value)
                for hole, value in match.groupdict().items()
            }
            return _NEEDLESS_BLANK.sub("", pattern.told.format(**values))
    return None


def _quoted(value: str) -> str:
    """A name that was quoted as Python does, in quotation marks."""
    return f"“{value[1:-1]}”" if len(value) > 2 and value[0] == value[-1] == "'" else value


def _strung(language: str, said: str, depth: int) -> str | None:
    """Several sentences, or one and what it was said of."""
    if depth > _DEEPEST:
        return None
    for english, ours in _STRUNG:
        parts = said.split(english)
        told = [_told(language, part, depth + 1) for part in parts]
        if len(parts) > 1 and told != parts:
            return ours.join(told)
    head, colon, rest = said.partition(": ")
    known = _whole(language, head, depth + 1) if colon else None
    return None if known is None else f"{known}：{_told(language, rest, depth + 1)}"
