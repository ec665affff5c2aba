"""What becomes of every parameter a client may send: honoured, ignored and reported, or refused. Never silently dropped.

A dialect keeps one table of rules. A parameter at a value that asks for nothing (null, the documented default) passes; one
that is only advice is ignored and named in the answer's header ``x-gateway-ignored``; one that would change what the client
gets is refused with ``unsupported_parameter``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import UnsupportedParameter

HEADER = "x-gateway-ignored"

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,40}")
_NAMED_AT_MOST = 24


@dataclass(frozen=True, slots=True)
class Rule:
    """refusal: the sentence a refused value is answered with, '' when the parameter is not refused. honoured: it does what
    it says. neutral: values that ask for nothing."""

    honoured: bool = False
    refusal: str = ""
    neutral: Callable[[Any], bool] = lambda _: False


Rules = Mapping[str, Rule]

HONOURED = Rule(honoured=True)


def ignored(*neutral: object) -> Rule:
    """Advice the site cannot be given. neutral: values not worth a word."""
    return Rule(neutral=_among(neutral))


def refused(why: str, *neutral: object) -> Rule:
    """What would change the answer. why: the end of the sentence ``'name' …``; neutral: values taken all the same."""
    return Rule(refusal=why, neutral=_among(neutral))


def refused_unless(neutral: Callable[[Any], bool], why: str) -> Rule:
    return Rule(refusal=why, neutral=neutral)


def judge(fields: Mapping[str, Any], rules: Rules) -> Mapping[str, str]:
    """Return the headers that say what of *fields* is ignored. Raises UnsupportedParameter."""
    found: list[str] = []
    for name, value in fields.items():
        rule = rules.get(name)
        if rule is None:
            found.append(name)
        elif rule.honoured or _empty(value) or rule.neutral(value):
            continue
        elif rule.refusal:
            raise UnsupportedParameter(f"'{name}' {rule.refusal}", param=name)
        else:
            found.append(name)
    return ignoring(found)


def ignoring(names: Sequence[str]) -> Mapping[str, str]:
    """Return the header for *names*; names that are none are left out."""
    said = [name for name in names if _NAME.fullmatch(name)][:_NAMED_AT_MOST]
    return {HEADER: ",".join(said)} if said else {}


def _among(neutral: Sequence[object]) -> Callable[[Any], bool]:
    plain = frozenset(_plain(value) for value in neutral)
    return lambda value: _plain(value) in plain


def _plain(value: object) -> str:
    """A value as text, the same whether it came in JSON or in a form: ``1.0`` is ``1``, ``True`` is ``true``."""
    text = str(value).strip().lower()
    try:
        return f"{float(text):g}"
    except ValueError:
        return text


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
