"""One-time links with which the first operator sets the password. The secret is shown once and kept as a keyed hash.

It travels in the fragment of the address, which no browser sends anywhere, and from there in the body of one POST.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from gateway.db.connect import Database
from gateway.db.tables import setup_links

VALID_S = 86400.0
PATH = "/console/setup"


class SetupLinks:
    """*pepper*: the sub-key of the hashes. Setting the password removes every link."""

    def __init__(self, db: Database, pepper: bytes, *, valid_s: float = VALID_S) -> None:
        self._db = db
        self._pepper = pepper
        self._valid = timedelta(seconds=valid_s)

    async def make(self) -> str:
        """Return the secret of a new link. Earlier ones stay good until their day is over: another node may have said them."""
        now = datetime.now(UTC)
        secret = secrets.token_urlsafe(24)
        async with self._db.write() as connection:
            await connection.execute(delete(setup_links).where(setup_links.c.expires_at <= now))
            await connection.execute(
                insert(setup_links).values(secret_hash=self._hash(secret), created_at=now, expires_at=now + self._valid)
            )
        return secret

    async def valid(self, secret: str) -> bool:
        """Whether the link may still be used."""
        async with self._db.read() as connection:
            found = await connection.execute(
                select(setup_links.c.expires_at).where(setup_links.c.secret_hash == self._hash(secret))
            )
            expires_at = found.scalar_one_or_none()
        return expires_at is not None and datetime.now(UTC) < expires_at

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()


def setup_url(base: str, secret: str) -> str:
    """The address to open in a browser."""
    return f"{base.rstrip('/')}{PATH}#{secret}"
