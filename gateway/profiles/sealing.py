"""Proxy addresses hold passwords: sealed in the row, masked wherever they are shown."""

from __future__ import annotations

import base64
import os
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.profiles.errors import ProxyUnreadable

NONCE_BYTES = 12


def seal(text: str, key: bytes, *, bound_to: str) -> str:
    """Encrypt *text* for one row (AES-256-GCM); *bound_to* keeps it from being moved to another."""
    nonce = os.urandom(NONCE_BYTES)
    return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, text.encode(), bound_to.encode())).decode()


def unseal(sealed: str, key: bytes, *, bound_to: str) -> str:
    """Undo `seal`. Raises ProxyUnreadable when the key is another one, or the text was changed."""
    try:
        raw = base64.urlsafe_b64decode(sealed)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode()).decode()
    except (InvalidTag, ValueError):
        raise ProxyUnreadable(f"the proxy of profile {bound_to} was sealed with another secret key") from None


def masked(proxy: str | None) -> str | None:
    """Return *proxy* as it may be shown: without its password."""
    if proxy is None:
        return None
    parts = urlsplit(proxy)
    if not parts.username and not parts.password:
        return proxy
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{parts.username}:***@{host}:{parts.port}"
