"""Where a request comes from: the address of the connection, or what a proxy that is trusted says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from gateway.settings import Network


def far_end(connection: HTTPConnection, trusted: Sequence[Network]) -> str:
    """Return the address of whoever asks.

    Each proxy adds the address it was asked from to the end of ``X-Forwarded-For``; so the last one that is no trusted proxy
    is the client's, and what stands before it anybody may have written.
    """
    address = connection.client.host if connection.client else ""
    said = ",".join(connection.headers.getlist("x-forwarded-for"))
    for before in reversed([word.strip() for word in said.split(",") if word.strip()]):
        if not _is_among(address, trusted) or _read(before) is None:
            break
        address = before
    return address


def _is_among(address: str, trusted: Sequence[Network]) -> bool:
    found = _read(address)
    return found is not None and any(found in network for network in trusted)


def _read(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found
