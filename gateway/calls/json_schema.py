"""Whether a value fits a JSON Schema, for the part of it that structured outputs are written in. Pure.

Keywords beyond that part are refused when the request comes, so that nothing is promised which is not looked at. ``format`` and
``pattern`` are told to the model and not looked at: a caller's expression could keep the gateway busy for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: is_number(value) and float(value).is_integer(),
    "number": is_number,
}
_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
}
_LENGTHS: Mapping[str, tuple[type, Callable[[int, int], bool]]] = {
    "minLength": (str, lambda length, bound: length >= bound),
    "maxLength": (str, lambda length, bound: length <= bound),
    "minItems": (list, lambda length, bound: length >= bound),
    "maxItems": (list, lambda length, bound: length <= bound),
}
_WORDS = frozenset(
    {
        "title", "description", "default", "examples", "format", "pattern", "$schema", "$id", "$comment", "$defs", "definitions",
        "deprecated", "readOnly", "writeOnly", "strict", "name", "propertyOrdering",
    }
)  # fmt: skip
_CHECKED = frozenset(
    {
        "type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "$ref",
        *_NUMBERS, *_LENGTHS,
    }
)  # fmt: skip
#: Deeper than this a schema, or a value, is not followed.
_DEEPEST = 60


class Unchecked(Exception):
    """The schema uses something that is not looked at. The text is its name."""


def understood(schema: Any, depth: int = 0) -> None:
    """Raise Unchecked when *schema* says something `misfit` would not look at."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        raise Unchecked("a schema that is no object, or too deep")
    if strange := schema.keys() - _CHECKED - _WORDS:
        raise Unchecked(sorted(strange)[0])
    for kind in _types(schema):
        if kind not in _TYPES:
            raise Unchecked(f"type {kind!r}")
    if not str(schema.get("$ref", "#")).startswith("#"):
        raise Unchecked("$ref to another document")
    inner = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    for name in ("properties", "$defs", "definitions"):
        inner += schema.get(name, {}).values()
    inner += [schema[name] for name in ("items", "additionalProperties") if name in schema]
    for one in inner:
        understood(one, depth + 1)


def misfit(value: Any, schema: Any, root: Any = None, place: str = "$", depth: int = 0) -> str | None:
    """Return the place where *value* does not fit *schema* and why; None when it does."""
    root = schema if root is None else root
    if schema is True or depth > _DEEPEST:
        return None
    if schema is False:
        return f"{place} is not wanted"
    if "$ref" in schema:
        return misfit(value, _resolved(root, schema["$ref"]), root, place, depth + 1)
    return (
        _plain_misfit(value, schema, place)
        or _choice_misfit(value, schema, root, place, depth)
        or _inner_misfit(value, schema, root, place, depth)
    )


def _plain_misfit(value: Any, schema: Schema, place: str) -> str | None:
    kinds = _types(schema)
    if kinds and not any(_TYPES[kind](value) for kind in kinds):
        return f"{place} is not of type {' or '.join(kinds)}"
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        return f"{place} is none of the values there are"
    if "const" in schema and not _same(value, schema["const"]):
        return f"{place} is not {json.dumps(schema['const'], ensure_ascii=False)}"
    return _bound_misfit(value, schema, place)


def _bound_misfit(value: Any, schema: Schema, place: str) -> str | None:
    for name, fits in _NUMBERS.items():
        if name in schema and is_number(value) and not fits(value, schema[name]):
            return f"{place} breaks {name} {schema[name]}"
    for name, (kind, holds) in _LENGTHS.items():
        if name in schema and isinstance(value, kind) and not holds(len(value), schema[name]):  # type: ignore[arg-type]
            return f"{place} breaks {name} {schema[name]}"
    return None


def _choice_misfit(value: Any, schema: Schema, root: Any, place: str, depth: int) -> str | None:
    fitting = [misfit(value, one, root, place, depth + 1) is None for one in schema.get("oneOf", ())]
    if "oneOf" in schema and sum(fitting) != 1:
        return f"{place} fits {sum(fitting)} of the choices instead of one"
    if "anyOf" in schema and all(misfit(value, one, root, place, depth + 1) for one in schema["anyOf"]):
        return f"{place} fits none of the choices"
    return next(
        (found for one in schema.get("allOf", ()) if (found := misfit(value, one, root, place, depth + 1))), None
    )


def _inner_misfit(value: Any, schema: Schema, root: Any, place: str, depth: int) -> str | None:
    if isinstance(value, list) and "items" in schema:
        found = (misfit(one, schema["items"], root, f"{place}[{at}]", depth + 1) for at, one in enumerate(value))
        return next((one for one in found if one), None)
    if not isinstance(value, dict):
        return None
    for name in schema.get("required", ()):
        if name not in value:
            return f"{place}.{name} is missing"
    known, further = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, one in value.items():
        if why := misfit(one, known.get(name, further), root, f"{place}.{name}", depth + 1):
            return why
    return None


def _types(schema: Schema) -> list[str]:
    said = schema.get("type", [])
    return [said] if isinstance(said, str) else list(said)


def _same(one: Any, other: Any) -> bool:
    """JSON's own equality: ``1`` is ``1.0`` and never ``true``."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _resolved(root: Any, ref: str) -> Any:
    found = root
    for part in ref.removeprefix("#").strip("/").split("/"):
        if part:
            found = (
                found.get(part.replace("~1", "/").replace("~0", "~"), False) if isinstance(found, Mapping) else False
            )
    return found
