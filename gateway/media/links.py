"""Signed addresses of files: whoever has one may read that one file until it ends, without a key.

    <base>/media/<end, hex seconds>.<signature>/<asset id><suffix>

The path ends in the file's suffix because players and other services look at nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.errors import FileMissing, PermissionDenied
from gateway.media.assets import Asset

#: Ends are rounded up to this, so that the same file keeps the same address from one poll to the next.
ROUNDED_TO_S = 3600
SIGNATURE_BYTES = 16
_PATH = re.compile(r"/media/([0-9a-f]{1,12})\.([A-Za-z0-9_-]{22})/([A-Za-z0-9][A-Za-z0-9_.-]*?)(\.[a-z0-9]{1,8})")


@dataclass(frozen=True, slots=True)
class Linked:
    """What a valid link names, and when it ends (Unix seconds)."""

    asset_id: str
    suffix: str
    ends_at: int


class Links:
    """Makes and checks links. *key*: the sub-key they are signed with; *ttl_s*: the least time one is good for."""

    def __init__(self, key: bytes, *, ttl_s: float) -> None:
        self._key = key
        self._ttl_s = ttl_s

    def path(self, asset_id: str, suffix: str, *, now: float) -> str:
        """Return the path for a file, good from *now* (Unix seconds) for the configured time or a little longer."""
        ends_at = math.ceil((now + self._ttl_s) / ROUNDED_TO_S) * ROUNDED_TO_S
        name = f"{asset_id}{suffix}"
        return f"/media/{ends_at:x}.{self._sign(ends_at, name)}/{name}"

    def of(self, asset: Asset, *, base: str, now: float) -> str:
        """Return the absolute address of *asset*; *base* is where clients reach the gateway."""
        return base.rstrip("/") + self.path(asset.id, asset.suffix, now=now)

    def read(self, url: str) -> Linked | None:
        """Return what *url* (absolute, or its path) names when it is a link of ours, whatever host it was reached
        under; None when it is not. Whether it has ended is the caller's to ask: see `check`."""
        found = _PATH.fullmatch(urlsplit(url).path)
        if found is None:
            return None
        ends_at, name = int(found[1], 16), found[3] + found[4]
        if not hmac.compare_digest(self._sign(ends_at, name), found[2]):
            return None
        return Linked(asset_id=found[3], suffix=found[4], ends_at=ends_at)

    def check(self, path: str, *, now: float) -> Linked:
        """Return what *path* names. Raises FileMissing (not a link of ours) or PermissionDenied (its time is over)."""
        linked = self.read(path)
        if linked is None:
            raise FileMissing("This link is not valid: it was cut, changed, or made by another gateway.")
        if linked.ends_at < now:
            raise PermissionDenied("This link has expired; ask for the task again to get a new one.")
        return linked

    def _sign(self, ends_at: int, name: str) -> str:
        digest = hmac.new(self._key, f"{ends_at:x}/{name}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).rstrip(b"=").decode()
