"""The file of a backup: a zip archive with the tables as lines of JSON, sealed sign-ins, and files.

manifest.json               what it is, from when and of which version; rows of each table; what is not in it
tables/NAME.jsonl           one row per line, the same from SQLite and PostgreSQL
profiles/NAME/checkpoints/  sealed copies of sign-ins, as they are on disk
media/ID.SUFFIX             pictures and videos, where asked for
secret.key                  only where asked for: with it, the file alone opens everything in it
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table

from gateway.db.columns import Instant
from gateway.errors import InvalidRequest

FORMAT = 1
MANIFEST = "manifest.json"
SECRET_MEMBER = "secret.key"  # noqa: S105 - a name, not the secret


class BadBackup(InvalidRequest):
    """The file is no backup of ours, or cannot be used here; the message says what to do."""

    code = "bad_backup"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. secret: mark of the secret key that its sign-ins and keys need. profiles: those whose sign-ins
    are in it; elsewhere: those that live on other nodes, by node. media: whether files are in it."""

    made_at: str
    version: str
    schema: str
    database: str
    node: str
    secret: str
    rows: Mapping[str, int]
    profiles: Sequence[str]
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    media: bool = False
    with_secret: bool = False
    format: int = FORMAT

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)


@contextmanager
def new_archive(out: Path) -> Iterator[zipfile.ZipFile]:
    """Write to *out*, which appears when it is whole, readable by its owner only."""
    part = out.with_name(out.name + ".part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(fd, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                yield archive
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """Read a backup, every byte of it checked. Raises BadBackup."""
    try:
        with zipfile.ZipFile(file) as archive:
            said = json.loads(archive.read(MANIFEST))
            if said.get("format") != FORMAT:
                raise BadBackup(f"{file} was written by a newer gateway: restore it with that one")
            if (damaged := archive.testzip()) is not None:
                raise BadBackup(f"{file} is damaged ({damaged}): take another backup")
            known = {name: value for name, value in said.items() if name in Manifest.__slots__}
            yield archive, Manifest(**known)
    except FileNotFoundError:
        raise BadBackup(f"there is no file {file}") from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as exc:
        raise BadBackup(f"{file} is no backup of this gateway, or it is cut short ({exc})") from None


def row_line(row: Mapping[str, Any]) -> bytes:
    """One row, without what is empty."""
    said = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if value is not None
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def row_of(table: Table, text: bytes) -> dict[str, Any]:
    """Read a line; columns that the table no longer has are left out."""
    said = json.loads(text)
    return {
        name: datetime.fromisoformat(value) if isinstance(table.c[name].type, Instant) else value
        for name, value in said.items()
        if name in table.c
    }
