"""What a command says: text for people, or one JSON value for programs. Complaints go to standard error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

#: Narrowest width a table is fitted to; below it lines wrap.
MIN_WIDTH = 60


def emit(value: Any, text: str = "", *, as_json: bool) -> None:
    """Print the command's answer: *value* as JSON, or *text* (nothing when empty)."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False, default=_jsonable))
    elif text:
        print(text)
    sys.stdout.flush()


def emit_error(code: str, message: str, *, as_json: bool) -> None:
    """Say what went wrong: a sentence on standard error, or the JSON error on standard output."""
    if as_json:
        emit({"error": {"code": code, "message": message}}, as_json=True)
    else:
        print(f"gateway: {message}", file=sys.stderr, flush=True)


def note(text: str, *, as_json: bool = False) -> None:
    """Tell a person how things go (standard error, so that output can be piped); programs are told nothing."""
    if not as_json:
        with suppress(OSError):  # nobody reads along any more; whatever is being told goes on
            print(text, file=sys.stderr, flush=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return aligned columns as wide as the terminal allows; the last column is cut to fit, none of the others."""
    cells = [list(headings), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    room = max(MIN_WIDTH, shutil.get_terminal_size((80, 24)).columns) - sum(w + 2 for w in widths[:-1])
    lines = []
    for row in cells:
        *first, last = row
        start = "".join(f"{cell:<{width}}  " for cell, width in zip(first, widths, strict=False))
        lines.append((start + shortened(last, max(room, 12))).rstrip())
    return "\n".join(lines)


def facts(pairs: Mapping[str, str]) -> str:
    """Return one aligned ``name  value`` line per fact, empty values left out."""
    width = max(len(name) for name in pairs)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in pairs.items() if value)


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Return how long ago (or in how long) *moment* is, in one unit: ``3 min ago``, ``in 2 h``, ``never``."""
    if moment is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    span = duration(abs(seconds))
    if span == "now":
        return span
    return f"{span} ago" if seconds > 0 else f"in {span}"


def duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s" if seconds >= 1 else "now"


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint naming the nearest known word, or which there are; empty when there are none."""
    from difflib import get_close_matches  # noqa: PLC0415 (only when something is misspelt)

    if near := get_close_matches(word, known, n=1, cutoff=0.5):
        return f"did you mean {near[0]}?"
    if known:
        return f"there are: {', '.join(sorted(known)[:8])}" + (" …" if len(known) > 8 else "")
    return ""


def _jsonable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
