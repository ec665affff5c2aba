"""What a refusal says, whatever it is wrapped in: ``{"error": {…}}``, a bare gRPC status, a web page, or nothing.

gRPC codes come as numbers, as numbers in text, as names, and (moderation) as words of the site's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from gateway.grok.wire.fields import Json, mapping, moment, number, text, walk

#: gRPC codes by number.
_GRPC = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]

#: Where a refusal says when to come back (upstream.md 2.10, 2.12 [?]): moments, and lengths in seconds.
_MOMENTS = ("availableAt", "nextAvailableAt", "resetAt", "retryAt")
_LENGTHS = ("waitTimeSeconds", "retryAfterSeconds", "retryAfter", "retryDelay")

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_NEVER = object()


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal. status: of the HTTP exchange, None when it came inside a stream or socket.

    code: gRPC number, or None; word: a code that is no gRPC code, lower case with hyphens. message: as the site wrote it.
    said: everything it said, lower case, for matching. keys: names of all fields it used, nested ones too.
    """

    status: int | None
    headers: Mapping[str, str]
    code: int | None
    word: str
    message: str
    said: str
    keys: frozenset[str]
    is_page: bool
    body: Json
    empty: bool = False

    def mentions(self, *phrases: str) -> bool:
        return any(phrase in self.said for phrase in phrases)

    def has(self, *keys: str) -> bool:
        return not self.keys.isdisjoint(keys)

    @property
    def fatal(self) -> bool:
        return "severity_fatal" in self.said

    def come_back_at(self, now: datetime) -> datetime | None:
        """Return the moment from which the site says it will answer again, None when it names none or one that is past."""
        found = _after_header(self.headers.get("retry-after", ""), now)
        for key, value in walk(self.body):
            if found is not None:
                break
            if key in _MOMENTS:
                found = moment(value)
            elif key in _LENGTHS and (seconds := number({key: value}, key)) is not None:
                found = now + timedelta(seconds=min(seconds, 7 * 86400))
        return found if found is not None and found > now else None


def read_problem(status: int, headers: Mapping[str, str], body: str) -> Problem:
    """Read a whole refusal; *headers* with lower-case names. Never fails."""
    stripped = body.strip()
    claims_page = "text/html" in headers.get("content-type", "").lower() and not stripped.startswith(("{", "["))
    is_page = claims_page or stripped[:15].lower().startswith(("<!doctype", "<html"))
    value: Any = _NEVER
    if not is_page and stripped:
        try:
            value = json.loads(stripped, strict=False)
        except ValueError:
            value = _first_event(stripped)
    if isinstance(value, Mapping):
        return _read(value, status, headers)
    said = stripped[:20_000]
    title = _TITLE.search(said) if is_page else None
    message = (title.group(1).strip() if title else "a web page") if is_page else said[:300]
    return Problem(status, headers, None, "", message, said.lower(), frozenset(), is_page, {}, empty=not stripped)


def read_stream_problem(value: Json) -> Problem:
    """Read an error object found inside a stream or socket (``{"error": …}``, or the error itself)."""
    return _read(value, None, {})


def _read(value: Json, status: int | None, headers: Mapping[str, str]) -> Problem:
    inner = value
    for _ in range(3):  # {"error": {"error": {…}}} happens behind proxies
        deeper = mapping(inner, "error") or mapping(inner, "terminalError") or mapping(inner, "usageError")
        if not deeper:
            break
        inner = deeper
    code, word = _code(inner)
    message = text(inner, "message", "error", "detail", "err_msg", "title", "errorMessage")
    pairs = list(walk(value))
    words = [word, message, *(found for _, found in pairs if isinstance(found, str))]
    keys = frozenset(key for key, found in pairs if found is not None and found is not False)
    return Problem(status, headers, code, word, message, "\n".join(words).lower(), keys, False, value, empty=not value)


def _code(value: Json) -> tuple[int | None, str]:
    given = value.get("code", value.get("err_code", value.get("status")))
    if isinstance(given, int) and not isinstance(given, bool):
        return given, ""
    if isinstance(given, str):
        if given.strip().isdigit():
            return int(given), ""
        if given.upper() in _GRPC:
            return _GRPC.index(given.upper()), ""
        return None, given.lower().replace("_", "-")
    return None, ""


def _first_event(body: str) -> Any:
    """Return the first object of a body that is framed like a stream, or nothing."""
    for line in body.splitlines():
        try:
            value = json.loads(line.removeprefix("data:").strip())
        except ValueError:
            continue
        if isinstance(value, Mapping):
            return value
    return _NEVER


def _after_header(given: str, now: datetime) -> datetime | None:
    if not given.strip():
        return None
    seconds = number({"": given}, "")
    if seconds is not None:
        return now + timedelta(seconds=min(seconds, 7 * 86400))
    try:
        when = parsedate_to_datetime(given)
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
