"""Where nodes reach each other."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from gateway.errors import StartRefused
from gateway.settings import Settings


def own_address(settings: Settings) -> str:
    """Return the address others reach this node at: as set, else from host and port (a wildcard: by this host's name).

    Raises StartRefused for one that is none.
    """
    if settings.node_url:
        parts = urlsplit(settings.node_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StartRefused(f"GATEWAY_NODE_URL {settings.node_url!r} is no address: give http://HOST:PORT")
        return settings.node_url.rstrip("/")
    host = socket.gethostname() if is_wildcard(settings.host) else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def leads_home(address: str) -> bool:
    """Whether *address* leads, from whatever machine, to that machine itself."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}


def is_wildcard(host: str) -> bool:
    """Whether listening on *host* means every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
