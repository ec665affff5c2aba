"""Answers as JSON, for a site that promises no format: asked for in words, and looked at before they are passed on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.calls.json_schema import misfit

#: Models put code fences around JSON however often they are asked not to.
_FENCED = re.compile(r"\A```[A-Za-z]*[ \t]*\n(.*?)\n?[ \t]*```\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonForm:
    """What the answer has to be: an object, or whatever fits *schema*."""

    schema: Mapping[str, Any] | None = None


class NotAsAsked(ValueError):
    """The answer is not the JSON it was to be. The text says why."""


def instructions(form: JsonForm) -> str:
    """What the model is told."""
    told = "Your whole answer must be one JSON value and nothing else: no words around it, no code fence."
    if form.schema is None:
        return f"{told} It must be a JSON object."
    return f"{told} It must be valid against this JSON Schema:\n{json.dumps(form.schema, ensure_ascii=False)}"


def as_asked(text: str, form: JsonForm) -> str:
    """Return the JSON in *text*. Raises NotAsAsked."""
    said = text.strip()
    fenced = _FENCED.match(said)
    said = fenced[1].strip() if fenced else said
    try:
        value = json.loads(said)
    except (ValueError, RecursionError):
        raise NotAsAsked("it is not JSON") from None
    if form.schema is None:
        if not isinstance(value, dict):
            raise NotAsAsked("it is no JSON object")
    elif why := misfit(value, form.schema):
        raise NotAsAsked(f"it does not fit the schema: {why}")
    return said
