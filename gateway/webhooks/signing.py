"""What webhooks are signed with, as Standard Webhooks has it: ``whsec_`` and 24 to 64 bytes in base64.

The secrets are derived from the master secret, so there is nothing to store or to lose: each API key has its own, and a
number that grows when it is replaced. For a day after that messages carry both signatures, so that a receiver can change
over without losing one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update

from gateway.auth.callers import LOCAL_KEY_ID
from gateway.db.connect import Database
from gateway.db.tables import api_keys
from gateway.errors import InvalidRequest, NotFound, StartRefused

PREFIX = "whsec_"
BOTH_COUNT = timedelta(days=1)
#: Whose the operator's own secret is, among the keys' ids.
OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A key's secret. replaced_at: when it took the place of the one before."""

    key_id: str
    name: str
    secret: str
    replaced_at: datetime | None = None


class Signing:
    """Signs for keys and for the operator. *master*: the sub-key for webhooks; *own*: the operator's secret where the
    settings name one. Raises StartRefused when that is none."""

    def __init__(self, db: Database, master: bytes, *, own: str = "") -> None:
        self._db = db
        self._master = master
        self.operator = own.strip() or self._derived(OPERATOR, 0)
        _check(self.operator)

    async def secrets_of(self, key_id: str | None) -> Sequence[str]:
        """Return what messages for that key (None: the operator) are signed with, the present secret first."""
        if key_id is None:
            return [self.operator]
        of_key = select(api_keys.c.webhook_secret_number, api_keys.c.webhook_secret_at).where(api_keys.c.id == key_id)
        async with self._db.read() as connection:
            row = (await connection.execute(of_key)).one_or_none()
            now = await self._db.now(connection)
        number = 0 if row is None else row.webhook_secret_number or 0
        secrets = [self._derived(key_id, number)]
        if number and row is not None and row.webhook_secret_at and now < row.webhook_secret_at + BOTH_COUNT:
            secrets.append(self._derived(key_id, number - 1))
        return secrets

    async def show(self, which: str) -> SigningSecret:
        """Return the secret of an API key, given by id, name or shown prefix. Raises NotFound, InvalidRequest."""
        if which == LOCAL_KEY_ID:
            return SigningSecret(LOCAL_KEY_ID, LOCAL_KEY_ID, self._derived(LOCAL_KEY_ID, 0))
        named = or_(api_keys.c.id == which, api_keys.c.name == which, api_keys.c.prefix == which)
        wanted = select(api_keys).where(named, api_keys.c.revoked_at.is_(None)).limit(2)
        async with self._db.read() as connection:
            found = (await connection.execute(wanted)).all()
        if not found:
            raise NotFound(f"There is no usable API key {which!r}; see: gateway key list")
        if len(found) > 1:
            raise InvalidRequest(f"{which!r} names several API keys; give the id, see: gateway key list")
        row = found[0]
        secret = self._derived(row.id, row.webhook_secret_number or 0)
        return SigningSecret(row.id, row.name, secret, row.webhook_secret_at)

    async def replace(self, which: str) -> SigningSecret:
        """Give an API key another secret; messages carry both signatures for a day. Raises as `show` does."""
        known = await self.show(which)
        if known.key_id == LOCAL_KEY_ID:
            raise InvalidRequest("A gateway without keys has one secret, which changes with GATEWAY_SECRET_KEY.")
        now = self._db.clock.now()
        number = func.coalesce(api_keys.c.webhook_secret_number, 0) + 1
        async with self._db.write() as connection:
            await connection.execute(
                update(api_keys)
                .where(api_keys.c.id == known.key_id)
                .values(webhook_secret_number=number, webhook_secret_at=now)
            )
        return await self.show(known.key_id)

    def _derived(self, key_id: str, number: int) -> str:
        made = hmac.new(self._master, f"{key_id}/{number}".encode(), hashlib.sha256).digest()
        return PREFIX + base64.b64encode(made).decode()


def headers(message_id: str, body: str, secrets: Sequence[str], now: datetime) -> dict[str, str]:
    """Return the three headers that prove who sent *body*, and when."""
    at = str(int(now.timestamp()))
    signed = f"{message_id}.{at}.{body}".encode()
    proofs = [hmac.new(_bytes_of(secret), signed, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(proof).decode()}" for proof in proofs),
    }


def _bytes_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX) + "==")


def _check(secret: str) -> None:
    try:
        size = len(_bytes_of(secret))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(PREFIX) or not 24 <= size <= 64:
        raise StartRefused(
            "GATEWAY_NOTIFY_WEBHOOK_SECRET is not whsec_ followed by 24 to 64 bytes in base64; leave it away to have one made"
        )
