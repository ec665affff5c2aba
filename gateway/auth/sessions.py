"""The operator's sessions with the console: a random secret in a cookie, its keyed hash in a table, an end in sight.

A session ends when it was not used for a while, when its whole time is over, when its operator signs out, and when the
password changes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from gateway.db.connect import Database
from gateway.db.tables import console_sessions

#: How exactly "last seen" is kept; writing it at every request would cost a disk write each.
SEEN_EVERY_S = 60.0
#: Of a browser's name for itself, this much is kept.
AGENT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser. Times are aware UTC; expires_at: whatever happens."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


class Sessions:
    """*pepper*: the sub-key of the hashes; idle_s, whole_s: how long a session may lie unused, and last at all."""

    def __init__(self, db: Database, pepper: bytes, *, idle_s: float, whole_s: float) -> None:
        self._db = db
        self._pepper = pepper
        self._idle = timedelta(seconds=idle_s)
        self._whole = timedelta(seconds=whole_s)

    async def begin(self, *, address: str, user_agent: str) -> tuple[Session, str]:
        """Start a session; returns it and the secret for the cookie. Ended ones are swept away on the way."""
        now = datetime.now(UTC)
        secret = secrets.token_urlsafe(32)
        session = Session(
            id=f"session_{secrets.token_hex(8)}",
            created_at=now,
            last_seen_at=now,
            expires_at=now + self._whole,
            address=address,
            user_agent=user_agent[:AGENT_CHARACTERS],
        )
        row = {name: getattr(session, name) for name in Session.__slots__} | {"secret_hash": self._hash(secret)}
        async with self._db.write() as connection:
            await connection.execute(delete(console_sessions).where(self._ended(now)))
            await connection.execute(insert(console_sessions).values(row))
        return session, secret

    async def find(self, secret: str) -> Session | None:
        """Return the living session of a cookie, and remember that it was seen."""
        if not 20 <= len(secret) <= 100:
            return None
        async with self._db.read() as connection:
            rows = await connection.execute(
                select(console_sessions).where(console_sessions.c.secret_hash == self._hash(secret))
            )
            row = rows.mappings().first()
        now = datetime.now(UTC)
        if row is None or not self._alive(session := _session_of(row), now):
            return None
        if (now - session.last_seen_at).total_seconds() > min(SEEN_EVERY_S, self._idle.total_seconds() / 4):
            async with self._db.write() as connection:
                await connection.execute(
                    update(console_sessions).where(console_sessions.c.id == session.id).values(last_seen_at=now)
                )
        return session

    async def list(self) -> Sequence[Session]:
        """Return the living sessions, last used first."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(console_sessions).order_by(console_sessions.c.last_seen_at.desc()))
            found = [_session_of(row) for row in rows.mappings()]
        now = datetime.now(UTC)
        return [session for session in found if self._alive(session, now)]

    async def end(self, session_id: str) -> bool:
        """End one session; whether there was one."""
        async with self._db.write() as connection:
            done = await connection.execute(delete(console_sessions).where(console_sessions.c.id == session_id))
        return bool(done.rowcount)

    async def end_all(self, *, but: str | None = None) -> int:
        """End every session, except the one named; returns how many."""
        statement = delete(console_sessions)
        if but is not None:
            statement = statement.where(console_sessions.c.id != but)
        async with self._db.write() as connection:
            return int((await connection.execute(statement)).rowcount)

    def _alive(self, session: Session, now: datetime) -> bool:
        return now < session.expires_at and now - session.last_seen_at < self._idle

    def _ended(self, now: datetime) -> Any:
        return or_(console_sessions.c.expires_at <= now, console_sessions.c.last_seen_at <= now - self._idle)

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()


def _session_of(row: Any) -> Session:
    return Session(**{name: row[name] for name in Session.__slots__})
