"""What a database driver fails with, as one sentence of ours. A fault of our own (a bad statement) passes unchanged."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.db.whole import NoAnswer
from gateway.errors import DatabaseUnavailable, GatewayError, StorageFull

# A full disk shows as one of these; extending the shared-memory file of the write-ahead log fails in its own words.
_FULL = ("database or disk is full", "disk full", "no space left", "could not extend file", "could not write to file")
_DENIED = "42501"
_FULL_SQLITE = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_WRITE"})


@contextmanager
def told_plainly(where: str) -> Iterator[None]:
    """Turn what statements fail with at *where* (a name without secrets) into StorageFull or DatabaseUnavailable."""
    try:
        yield
    except (DBAPIError, PoolTimeout, NoAnswer) as exc:
        if isinstance(exc, IntegrityError | ProgrammingError) and not _is_denied(exc):
            raise
        raise explain(exc, where) from exc


def explain(exc: BaseException, where: str) -> GatewayError:
    """Return the error to raise instead of *exc*, which came from the driver or from connecting."""
    cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig is not None else exc
    words = str(cause).lower()
    name = getattr(cause, "sqlite_errorname", "") if isinstance(cause, sqlite3.Error) else ""
    if name in _FULL_SQLITE or any(sign in words for sign in _FULL):
        return StorageFull("The disk that holds the gateway's database is full; free some space.", retry_after_s=15)
    if _is_denied(exc):
        return DatabaseUnavailable(
            f"The database {where} does not let its user do this ({reason(cause)}): make this user the database's owner."
        )
    return DatabaseUnavailable(f"The database {where} cannot be used now: {reason(cause)}.", retry_after_s=5)


def _is_denied(exc: BaseException) -> bool:
    """Whether the server refuses for want of rights; since PostgreSQL 15 only a database's owner may make tables in it."""
    return isinstance(exc, DBAPIError) and getattr(exc.orig, "sqlstate", None) == _DENIED


def reason(cause: BaseException) -> str:
    """The first line of what an error says, fit for the middle of a sentence."""
    said = str(cause).strip().splitlines()
    return said[0].split("<class")[0].strip(" .:") if said else type(cause).__name__
