"""The console's words: one catalogue per area and language, ``texts/<area>.<language>.json``.

A text is a sentence with ``{names}`` in it, or ``{"one": …, "other": …}``, chosen by *n*.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape
from starlette.requests import HTTPConnection

TEXTS = Path(__file__).parent / "texts"
#: The languages there are, each by its own name. The first one is spoken where none is asked for.
LANGUAGES: Mapping[str, str] = {"en": "English", "zh-CN": "简体中文"}
FIRST = "en"
#: Remembers the one that the operator chose.
LANGUAGE_COOKIE = "gateway-language"

Text = str | Mapping[str, str]
_spoken: ContextVar[str] = ContextVar("console language", default=FIRST)


class UnknownText(Exception):
    """A page asks for a text that no catalogue has."""


@cache
def catalogue(language: str) -> Mapping[str, Text]:
    """Every text of *language* by its key, ``area.words``."""
    found: dict[str, Text] = {}
    for file in sorted(TEXTS.glob(f"*.{language}.json")):
        area = file.name.removesuffix(f".{language}.json")
        texts = json.loads(file.read_text("utf-8"))
        found |= {f"{area}.{key}": text for key, text in texts.items()}
    return found


@cache
def _meanings(language: str) -> Mapping[str, str]:
    file = TEXTS.parent / f"setting_words.{language}.json"
    found: Mapping[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found


def meaning_of(setting: str, described: str) -> str:
    """What a setting is for, in the language spoken; as it is described in `gateway.settings` where nobody translated it."""
    return _meanings(spoken()).get(setting.removeprefix("GATEWAY_").lower()) or described.replace("`", "")


def choose(asked: str | None, accepts: str) -> str:
    """Return the language to speak: the one the operator chose, else the first we have of what the browser accepts."""
    if asked in LANGUAGES:
        return str(asked)
    for tag in _by_preference(accepts):
        for language in LANGUAGES:
            if tag == language.lower() or tag.partition("-")[0] == language.lower().partition("-")[0]:
                return language
    return FIRST


def language_of(connection: HTTPConnection) -> str:
    """The language to speak to whoever asks."""
    return choose(connection.cookies.get(LANGUAGE_COOKIE), connection.headers.get("accept-language", ""))


def _by_preference(accepts: str) -> Iterator[str]:
    weighed: list[tuple[float, int, str]] = []
    for number, part in enumerate(accepts.split(",")):
        tag, _, quality = part.strip().lower().partition(";q=")
        try:
            weighed.append((-float(quality or 1), number, tag))
        except ValueError:
            continue
    return (tag for _, _, tag in sorted(weighed))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Have `text` speak *language* in the block."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """The language that is being spoken."""
    return _spoken.get()


def text(key: str, /, n: float | None = None, **values: Any) -> Markup:
    """Return the text of *key* in the language spoken, as HTML; values are escaped unless they are Markup already.

    n: how many, where the text depends on it; also its ``{n}``. Raises UnknownText.
    """
    found = catalogue(spoken()).get(key)
    if found is None:
        raise UnknownText(key)
    if not isinstance(found, str):
        found = found["one"] if n == 1 and "one" in found else found["other"]
    if n is not None:
        values["n"] = f"{n:,}" if isinstance(n, int) else n
    return Markup(escape(found)).format(**values)  # noqa: S704 - escaped on this line


def has_text(key: str) -> bool:
    """Whether there is a text of that key."""
    return key in catalogue(spoken())
