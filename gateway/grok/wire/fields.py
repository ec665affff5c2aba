"""Reading fields of a JSON answer whose shape we do not own: absent, null and oddly typed values read as nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from gateway.errors import UpstreamDrifted

Json: TypeAlias = Mapping[str, Any]

NOTHING: Json = {}

#: Above this a number is milliseconds since 1970, not seconds (it would be the year 5138).
_EPOCH_MS_FROM = 1e11


def parse_object(text: str, *, field: str) -> Json:
    """Return the JSON object in *text*. Raises UpstreamDrifted naming *field* when it is something else."""
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        raise UpstreamDrifted(f"the site's answer for {field} is not JSON: {text[:120]!r}", field=field) from None
    if not isinstance(value, dict):
        raise UpstreamDrifted(f"the site's answer for {field} is not an object: {text[:120]!r}", field=field)
    return value


def mapping(value: Any, *path: str) -> Json:
    """Return the object at *path* below *value*, or an empty one."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else NOTHING


def text(value: Json, *keys: str) -> str:
    """Return the first non-empty text under any of *keys* (numbers are written out), or ''."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and found:
            return found
        if isinstance(found, int | float) and not isinstance(found, bool):
            return str(found)
    return ""


def number(value: Json, *keys: str) -> float | None:
    """Return the first finite number under any of *keys*, also when it is written as text."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str):
            found = found.strip().rstrip("%s")
        elif isinstance(found, bool) or not isinstance(found, int | float):
            continue
        try:
            read = float(found)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(read):
            return read
    return None


def integer(value: Json, *keys: str) -> int | None:
    found = number(value, *keys)
    return None if found is None else int(found)


def truth(value: Json, key: str) -> bool:
    """Tell whether the flag is set; the site writes some of them as text (``auxKeys.moderated: "false"``)."""
    found = value.get(key)
    return found.strip().lower() in {"true", "1", "yes"} if isinstance(found, str) else bool(found)


def objects(value: Json, *keys: str) -> list[Json]:
    """Return the objects of the first list under any of *keys*."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, list):
            return [item for item in found if isinstance(item, Mapping)]
    return []


def texts(value: Json, key: str) -> list[str]:
    """Return the non-empty texts of a list; an entry that is an object counts by its id."""
    found = value.get(key)
    if not isinstance(found, list):
        return []
    read = [text(item, "assetId", "id", "fileId") if isinstance(item, Mapping) else item for item in found]
    return [item for item in read if isinstance(item, str) and item]


def moment(value: Any) -> datetime | None:
    """Read a moment: ISO 8601 (nanoseconds are cut), or seconds or milliseconds since 1970, also as text. Aware UTC."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
        else:
            return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    if isinstance(value, int | float) and value > 0:
        try:
            return datetime.fromtimestamp(value / 1000 if value > _EPOCH_MS_FROM else value, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    return None


def walk(value: Any, *, depth: int = 6) -> Iterator[tuple[str, Any]]:
    """Yield every (key, value) of nested objects and lists, outer ones first, at most *depth* levels down."""
    if depth == 0:
        return
    if isinstance(value, Mapping):
        yield from value.items()
        for inner in value.values():
            yield from walk(inner, depth=depth - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, depth=depth - 1)
