"""HTTP's conditions and ranges on one file (RFC 9110 §13, §14), decided without I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes to send: *start* to *end*, both included, with this status (200 whole, 206 part)."""

    status: int
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start + 1


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The client has it already (304)."""


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No byte of the file lies in the range asked for (416)."""


def decide(
    headers: Mapping[str, str], *, size_bytes: int, etag: str, modified_at: datetime
) -> Part | Unchanged | Unsatisfiable:
    """Return what to answer to a GET or HEAD with these headers.

    Several ranges at once are answered with the whole file, which is allowed and which every player understands.
    """
    if _has_it(headers, etag, modified_at):
        return Unchanged()
    whole = Part(200, 0, size_bytes - 1)
    asked = headers.get("range")
    if not asked or not _range_counts(headers.get("if-range"), etag, modified_at):
        return whole
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return whole
    if not found[1]:
        suffix = int(found[2])
        return Part(206, max(0, size_bytes - suffix), size_bytes - 1) if suffix and size_bytes else Unsatisfiable()
    start, end = int(found[1]), min(int(found[2]) if found[2] else size_bytes - 1, size_bytes - 1)
    if found[2] and int(found[2]) < start:
        return whole  # not a range at all, to be ignored
    return Part(206, start, end) if start < size_bytes else Unsatisfiable()


def _has_it(headers: Mapping[str, str], etag: str, modified_at: datetime) -> bool:
    known = headers.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or etag in tags
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified_at.replace(microsecond=0) <= since


def _range_counts(if_range: str | None, etag: str, modified_at: datetime) -> bool:
    if if_range is None:
        return True
    if if_range.lstrip().startswith(('"', "W/")):
        return if_range.strip() == etag
    return _date(if_range) == modified_at.replace(microsecond=0)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
