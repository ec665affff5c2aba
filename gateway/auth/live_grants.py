"""Links that let somebody who is not the operator look at one profile, or work with it: used once, soon over, revocable.

The link's secret is exchanged once for a cookie; both are kept as keyed hashes. What the cookie opens ends by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select, update

from gateway.db.connect import Database
from gateway.db.tables import live_grants

TOPIC = "live_grants"
LONGEST_S = 900.0
PATH = "/console/live"
#: Grants that are over are kept so long, for whoever asks what became of one.
KEPT_S = 7 * 86400.0


class GrantMode(StrEnum):
    """What a grant lets somebody do."""

    VIEW = "view"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class LiveGrant:
    """One grant. Times are aware UTC; expires_at: of the link; cookie_expires_at: of what it was exchanged for."""

    id: str
    profile: str
    mode: GrantMode
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    cookie_expires_at: datetime | None
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Whether its cookie lets somebody in now."""
        return self.revoked_at is None and self.cookie_expires_at is not None and now < self.cookie_expires_at


class LiveGrants:
    """*pepper*: the sub-key of the hashes; cookie_s: how long a link that was followed lets its person in."""

    def __init__(self, db: Database, pepper: bytes, *, cookie_s: float) -> None:
        self._db = db
        self._pepper = pepper
        self.cookie_s = cookie_s

    async def make(self, profile: str, mode: GrantMode, *, by: str, ttl_s: float) -> tuple[LiveGrant, str]:
        """Return a grant and its secret, which is shown this once. ttl_s: until the link is used, 900 at most."""
        now = datetime.now(UTC)
        secret = secrets.token_urlsafe(24)
        grant_id = f"grant_{secrets.token_hex(6)}"
        row = {
            "id": grant_id,
            "profile": profile,
            "mode": mode.value,
            "secret_hash": self._hash(secret),
            "created_by": by,
            "created_at": now,
            "expires_at": now + timedelta(seconds=min(ttl_s, LONGEST_S)),
        }
        async with self._db.write(TOPIC) as connection:
            await connection.execute(
                delete(live_grants).where(live_grants.c.expires_at < now - timedelta(seconds=KEPT_S))
            )
            await connection.execute(insert(live_grants).values(row))
        grant = await self.get(grant_id)
        assert grant is not None
        return grant, secret

    async def exchange(self, secret: str) -> tuple[LiveGrant, str] | None:
        """Use a link: returns its grant and the secret for the cookie; None when it is spent, over, revoked or unknown."""
        now = datetime.now(UTC)
        cookie = secrets.token_urlsafe(32)
        table = live_grants.c
        async with self._db.write(TOPIC) as connection:
            # One statement decides: of two who follow the same link at once, one is let in.
            used = await connection.execute(
                update(live_grants)
                .where(
                    table.secret_hash == self._hash(secret),
                    table.used_at.is_(None),
                    table.revoked_at.is_(None),
                    table.expires_at > now,
                )
                .values(
                    used_at=now,
                    cookie_hash=self._hash(cookie),
                    cookie_expires_at=now + timedelta(seconds=self.cookie_s),
                )
            )
        if not used.rowcount:
            return None
        grant = await self.of_cookie(cookie)
        return None if grant is None else (grant, cookie)

    async def of_cookie(self, secret: str) -> LiveGrant | None:
        """Return the grant that a cookie was given for, if it still opens anything."""
        if not 20 <= len(secret) <= 100:
            return None
        grant = await self._one(live_grants.c.cookie_hash == self._hash(secret))
        return grant if grant is not None and grant.opens(datetime.now(UTC)) else None

    async def get(self, grant_id: str) -> LiveGrant | None:
        return await self._one(live_grants.c.id == grant_id)

    async def list(self, profile: str | None = None, *, limit: int = 50) -> Sequence[LiveGrant]:
        """Return grants, newest first."""
        wanted = select(live_grants).order_by(live_grants.c.created_at.desc()).limit(limit)
        if profile is not None:
            wanted = wanted.where(live_grants.c.profile == profile)
        async with self._db.read() as connection:
            return [_grant_of(row) for row in (await connection.execute(wanted)).mappings()]

    async def revoke(self, grant_id: str) -> bool:
        """End a grant, its link and its cookie; whether there was one to end."""
        async with self._db.write(TOPIC) as connection:
            done = await connection.execute(
                update(live_grants)
                .where(live_grants.c.id == grant_id, live_grants.c.revoked_at.is_(None))
                .values(revoked_at=datetime.now(UTC))
            )
        return bool(done.rowcount)

    async def _one(self, condition: Any) -> LiveGrant | None:
        async with self._db.read() as connection:
            row = (await connection.execute(select(live_grants).where(condition))).mappings().first()
        return None if row is None else _grant_of(row)

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, f"live {secret}".encode(), hashlib.sha256).hexdigest()


def _grant_of(row: Any) -> LiveGrant:
    named = {name: row[name] for name in LiveGrant.__slots__}
    # What a later version may grant beside these two is no more than looking here.
    mode = GrantMode.CONTROL if row["mode"] == GrantMode.CONTROL else GrantMode.VIEW
    return LiveGrant(**named | {"mode": mode})
