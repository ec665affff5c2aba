"""API keys: 256 random bits, shown once, kept as a keyed hash.

A hash without salt or stretching is right here: the secret is random, so there is nothing to guess, and the HMAC key makes
a stolen table useless. What authenticates is remembered for CACHE_S, so that a poll costs no query; a key revoked by
another process stops working within that time, one revoked here at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import time
import uuid
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from gateway.auth.callers import ALL_SCOPES, Caller, Priority, Scope
from gateway.db.connect import Database
from gateway.db.tables import api_keys
from gateway.errors import AuthenticationFailed, InvalidRequest, NotFound

PREFIX = "gw_"
ALPHABET = string.digits + string.ascii_letters
LENGTH = 43  # 62 ** 43 > 2 ** 256
SHOWN = len(PREFIX) + 6
CACHE_S = 2.0
CACHE_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: everything but the secret. Times are aware UTC."""

    id: str
    name: str
    prefix: str
    created_at: datetime
    scopes: frozenset[Scope] = ALL_SCOPES
    models: frozenset[str] | None = None
    max_queued: int | None = None
    max_running: int | None = None
    requests_per_minute: int | None = None
    weight: int = 1
    priority: Priority = Priority.NORMAL
    default_dialect: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(slots=True)
class _Remembered:
    key: ApiKey | None
    until: float


class ApiKeys:
    """The gateway's API keys. *pepper*: the sub-key their hashes are made with."""

    def __init__(self, db: Database, pepper: bytes, *, cache_s: float = CACHE_S) -> None:
        self._db = db
        self._pepper = pepper
        self._cache_s = cache_s
        self._cache: OrderedDict[str, _Remembered] = OrderedDict()
        self._used: dict[str, datetime] = {}

    async def create(
        self,
        name: str,
        *,
        scopes: Collection[Scope] = ALL_SCOPES,
        models: Collection[str] | None = None,
        max_queued: int | None = None,
        max_running: int | None = None,
        requests_per_minute: int | None = None,
        weight: int = 1,
        priority: Priority = Priority.NORMAL,
        default_dialect: str | None = None,
        valid_for_s: float | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key; returns what is kept of it and the secret, which nobody can read again.

        Raises InvalidRequest when a usable key has that name already.
        """
        name = name.strip()
        if not name:
            raise InvalidRequest("An API key needs a name.", param="name")
        secret = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        now = datetime.now(UTC)
        row = {
            "id": f"key_{uuid.uuid4().hex}",
            "name": name,
            "prefix": secret[:SHOWN],
            "secret_hash": self._hash(secret),
            "scopes": sorted(scopes),
            "models": None if models is None else sorted(models),
            "max_queued": max_queued,
            "max_running": max_running,
            "requests_per_minute": requests_per_minute,
            "weight": weight,
            "priority": int(priority),
            "default_dialect": default_dialect,
            "created_at": now,
            "expires_at": None if valid_for_s is None else now + timedelta(seconds=valid_for_s),
        }
        async with self._db.write() as connection:
            taken = await connection.execute(
                select(api_keys.c.id).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None)).limit(1)
            )
            if taken.first() is not None:
                raise InvalidRequest(
                    f"There is an API key named {name!r} already; revoke it or choose another name.", param="name"
                )
            await connection.execute(insert(api_keys).values(**row))
        return _key_of({**dict.fromkeys(api_keys.c.keys()), **row}), secret

    async def list(self, *, revoked: bool = True) -> Sequence[ApiKey]:
        """Return the keys, newest first."""
        statement = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        if not revoked:
            statement = statement.where(api_keys.c.revoked_at.is_(None))
        async with self._db.read() as connection:
            found = [_key_of(row) for row in (await connection.execute(statement)).mappings()]
        return [replace(key, last_used_at=self._used[key.id]) if key.id in self._used else key for key in found]

    async def revoke(self, which: str) -> ApiKey:
        """End a key, given by id, name or shown prefix; its tasks stay. Raises NotFound."""
        async with self._db.write() as connection:
            found = (
                (
                    await connection.execute(
                        select(api_keys)
                        .where(
                            (api_keys.c.id == which) | (api_keys.c.name == which) | (api_keys.c.prefix == which),
                            api_keys.c.revoked_at.is_(None),
                        )
                        .limit(2)
                    )
                )
                .mappings()
                .all()
            )
            if not found:
                raise NotFound(f"There is no usable API key {which!r}; see: gateway key list")
            if len(found) > 1:
                raise InvalidRequest(f"{which!r} names several API keys; give the id, see: gateway key list")
            now = datetime.now(UTC)
            await connection.execute(update(api_keys).where(api_keys.c.id == found[0]["id"]).values(revoked_at=now))
        self._cache.clear()
        return _key_of({**found[0], "revoked_at": now})

    async def authenticate(self, secret: str) -> Caller:
        """Return whose key this is. Raises AuthenticationFailed."""
        key = await self._find(self._hash(secret)) if secret.startswith(PREFIX) and len(secret) < 256 else None
        now = datetime.now(UTC)
        if key is None or not key.usable(now):
            raise AuthenticationFailed(
                f"Incorrect API key provided: {shown(secret)}. Make one with: gateway key create NAME"
            )
        self._used[key.id] = now
        return Caller(
            key_id=key.id,
            name=key.name,
            scopes=key.scopes,
            models=key.models,
            max_queued=key.max_queued,
            max_running=key.max_running,
            requests_per_minute=key.requests_per_minute,
            weight=key.weight,
            priority=key.priority,
            default_dialect=key.default_dialect,
        )

    def _hash(self, secret: str) -> str:
        return hmac.new(self._pepper, secret.encode(), hashlib.sha256).hexdigest()

    async def _find(self, secret_hash: str) -> ApiKey | None:
        """Look the hash up, remembering the answer (also a No) for a moment."""
        now = time.monotonic()
        known = self._cache.get(secret_hash)
        if known is not None and now < known.until:
            return known.key
        async with self._db.read() as connection:
            rows = await connection.execute(select(api_keys).where(api_keys.c.secret_hash == secret_hash))
            row = rows.mappings().first()
        key = None if row is None else _key_of(row)
        self._cache[secret_hash] = _Remembered(key, now + self._cache_s)
        self._cache.move_to_end(secret_hash)
        while len(self._cache) > CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return key

    async def write_last_used(self) -> None:
        """Write down which keys were used since the last call; called once a minute and at the end."""
        used, self._used = self._used, {}
        if not used:
            return
        async with self._db.write() as connection:
            for key_id, at in used.items():
                await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))


def shown(secret: str) -> str:
    """What of a wrong key may be repeated to whoever sent it: enough to recognise it by."""
    if not secret:
        return "(none)"
    return f"{secret[:6]}…{secret[-2:]}" if len(secret) > 16 else "(too short)"


def _key_of(row: Any) -> ApiKey:
    scopes, models = row["scopes"], row["models"]
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        created_at=row["created_at"],
        scopes=ALL_SCOPES if scopes is None else frozenset(Scope(word) for word in scopes if word in set(Scope)),
        models=None if models is None else frozenset(models),
        max_queued=row["max_queued"],
        max_running=row["max_running"],
        requests_per_minute=row["requests_per_minute"],
        weight=row["weight"] or 1,
        priority=Priority.at_most(row["priority"] or 0),
        default_dialect=row["default_dialect"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
