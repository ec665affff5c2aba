"""Which addresses may be opened by hand: web pages out there, nothing of this machine and its networks."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?!\d)", re.I)
_LOCAL = re.compile(r"(^|\.)(localhost|local|internal|lan|home\.arpa|intranet)$", re.I)
RESOLVE_S = 3.0


class AddressRefused(Exception):
    """An address that must not be opened. code: "scheme", "private", "malformed"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Addresses:
    """The policy for one profile. own: origins of the site itself, always allowed."""

    def __init__(self, own: Iterable[str], *, allow_private: bool, behind_proxy: bool) -> None:
        self._own = frozenset(filter(None, map(_origin, own)))
        self._allow_private = allow_private
        self._behind_proxy = behind_proxy

    async def checked(self, typed: str) -> str:
        """Return the full address of what was typed. Raises AddressRefused.

        A name is looked up here only without a proxy: with one it is the proxy that knows the name.
        """
        url = _full(typed)
        if (reason := self.refusal(url)) is not None:
            raise reason
        host = urlsplit(url).hostname or ""
        if not self._allow_private and not self._behind_proxy and _origin(url) not in self._own and _is_name(host):
            for address in await _resolved(host):
                if not _public(address):
                    raise AddressRefused("private", f"{host} lies in a private network")
        return url

    def refusal(self, url: str) -> AddressRefused | None:
        """Say why a page may not be at *url*, as far as its text tells; None when it may."""
        if url == "about:blank":
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return AddressRefused("scheme", "only web pages (http and https) can be opened")
        host = (parts.hostname or "").rstrip(".")
        if not host:
            return AddressRefused("malformed", "that is not an address of a web page")
        if self._allow_private or _origin(url) in self._own:
            return None
        if _LOCAL.search(host) or (_is_name(host) and "." not in host) or not _public(host):
            return AddressRefused("private", f"{host} lies in a private network")
        return None


def _full(typed: str) -> str:
    text = typed.strip()
    if not text or any(character.isspace() for character in text):
        raise AddressRefused("malformed", "that is not an address of a web page")
    if not _SCHEME.match(text):
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise AddressRefused("malformed", "that is not an address of a web page") from None
    if parts.username is not None:  # https://bank.example@evil.example: names a place it does not lead to
        raise AddressRefused("malformed", "an address with a name or password in it is not opened")
    return urlunsplit(parts._replace(path=parts.path or "/"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def _as_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        pass
    if re.fullmatch(r"[0-9a-fx.]+", host, re.I) and host[0].isdigit():  # 127.1, 0x7f000001, 2130706433
        try:
            return ipaddress.ip_address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def _is_name(host: str) -> bool:
    return _as_address(host) is None


def _public(host: str) -> bool:
    """Whether an address is one of the open internet; names count as public here."""
    address = _as_address(host)
    if address is None:
        return True
    inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    return address.is_global and not address.is_multicast and (inner is None or inner.is_global)


async def _resolved(host: str) -> list[str]:
    """Look a name up; nothing when it is unknown here, which the browser then says itself."""
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]
