"""The admin's password: argon2id, one row in ``meta``. Hashing takes a thread and tens of milliseconds, by design."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.db.connect import Database
from gateway.db.tables import console_sessions, meta, setup_links
from gateway.errors import InvalidRequest

#: Shorter ones are refused. Length is what makes a password hard to guess; nothing else is asked of it.
MIN_CHARACTERS = 10
#: Longer ones would only cost time.
MAX_CHARACTERS = 1024
_ADMIN = "admin"
#: Each verification takes 64 MiB; more at once would let strangers fill the memory.
AT_ONCE = 2


class AdminExists(InvalidRequest):
    """There is an admin already."""

    code = "admin_exists"


class AdminPassword:
    """The one password of the console. Changing it ends sessions and setup links."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def exists(self) -> bool:
        """Whether the console has an admin."""
        return await self._stored() is not None

    async def create(self, password: str) -> None:
        """Set the first password. Raises AdminExists when somebody was first, InvalidRequest when it is too short."""
        value = await self._value(password)
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(meta).values(key=_ADMIN, value=value))
                await connection.execute(delete(setup_links))
        except IntegrityError:
            raise AdminExists(
                "This gateway has an admin already; sign in, or set a new password with: gateway admin password"
            ) from None

    async def set(self, password: str, *, but: str = "") -> None:
        """Set or replace the password; every session ends, except the one named. Raises InvalidRequest when it is too
        short."""
        value = await self._value(password)
        async with self._db.write() as connection:
            changed = await connection.execute(update(meta).where(meta.c.key == _ADMIN).values(value=value))
            if changed.rowcount == 0:
                await connection.execute(insert(meta).values(key=_ADMIN, value=value))
            await connection.execute(delete(console_sessions).where(console_sessions.c.id != but))
            await connection.execute(delete(setup_links))

    async def check(self, password: str) -> bool:
        """Whether *password* is the admin's. A hash made with older parameters is renewed on the way."""
        stored = await self._stored()
        if stored is None or len(password) > MAX_CHARACTERS:
            return False
        hashed = str(stored["password_hash"])
        async with self._turn:
            try:
                await asyncio.to_thread(self._hasher.verify, hashed, password)
            except (VerificationError, InvalidHashError):
                return False
        if self._hasher.check_needs_rehash(hashed):
            value = await self._value(password)
            async with self._db.write() as connection:
                await connection.execute(update(meta).where(meta.c.key == _ADMIN).values(value=value))
        return True

    async def _stored(self) -> dict[str, Any] | None:
        async with self._db.read() as connection:
            found = (await connection.execute(select(meta.c.value).where(meta.c.key == _ADMIN))).scalar_one_or_none()
        return found if isinstance(found, dict) and "password_hash" in found else None

    async def _value(self, password: str) -> dict[str, str]:
        check_password(password)
        async with self._turn:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        return {"password_hash": hashed, "changed_at": datetime.now(UTC).isoformat()}


def check_password(password: str) -> None:
    """Raise InvalidRequest when *password* cannot be used."""
    if len(password) < MIN_CHARACTERS:
        raise InvalidRequest(
            f"The password needs at least {MIN_CHARACTERS} characters; a few words in a row are easy to keep in mind.",
            param="password",
        )
    if len(password) > MAX_CHARACTERS:
        raise InvalidRequest(f"The password is longer than {MAX_CHARACTERS} characters.", param="password")
