"""A connection to exactly the address that was checked.

A name is resolved once, every address it has must be allowed, and the connection goes to one of those: a name that changes
its mind in between (DNS rebinding) changes nothing. Redirects are not followed; whoever wants to pins the next hop, too.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from gateway.outbound.addresses import Address, is_metadata, is_public, read_address

CONNECT_TIMEOUT_S = 10.0
MAX_URL_CHARS = 8192
HTTP_OR_HTTPS = frozenset({"http", "https"})

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class Refused(Exception):
    """This address is not gone to. The text says why, as the end of a sentence: ``there is no host 'x'``."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """Where to connect: *url* with an allowed address in place of its name, and the name for HTTP (*host*) and TLS (*name*)."""

    url: httpx2.URL
    host: str
    name: str


async def resolve_host(host: str, port: int) -> Sequence[Address]:
    """Every address of *host*, as the system knows it; also of the odd spellings of IPv4 it understands."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(read_address(str(entry[4][0])) for entry in found))


def read_url(text: str, *, schemes: Collection[str] = HTTP_OR_HTTPS, max_chars: int = MAX_URL_CHARS) -> httpx2.URL:
    """Parse *text* once, for the check and for the request alike. Raises Refused for what is never gone to."""
    if len(text) > max_chars:
        raise Refused("the URL is too long")
    try:
        url = httpx2.URL(text.strip())
    except (httpx2.InvalidURL, ValueError, TypeError) as exc:
        raise Refused("it is not a valid URL") from exc
    if url.scheme not in schemes or not url.host:
        listed = " and ".join(f"{scheme}://" for scheme in sorted(schemes))
        raise Refused(f"only {listed} addresses are taken")
    if url.port is not None and not 0 < url.port < 65536:
        raise Refused("it is not a valid URL")
    if url.userinfo:
        raise Refused("addresses with a user name or password in them are not taken")
    return url


class Pinning:
    """Finds and judges addresses. allow_private: the operator's own decision. resolve: how names become addresses."""

    def __init__(
        self, *, allow_private: bool = False, resolve: Resolve | None = None, environment_tls: bool = False
    ) -> None:
        """environment_tls: believe the authorities that ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name."""
        self.allow_private = allow_private
        self._resolve = resolve or resolve_host
        self._environment_tls = environment_tls
        self._tls: ssl.SSLContext | None = None

    async def pin(self, target: httpx2.URL) -> Pinned:
        """Return where a connection to *target* goes. Raises Refused."""
        host = target.raw_host.decode("ascii")
        try:
            found = await self._resolve(host, target.port or (443 if target.scheme == "https" else 80))
        except (OSError, ValueError) as exc:  # ValueError: a name no resolver takes
            raise Refused(f"there is no host {host!r}") from exc
        if not found:
            raise Refused(f"there is no host {host!r}")
        if not self.allow_private and not all(is_public(address) for address in found):
            raise Refused(f"{host!r} is not on the public internet")
        if any(is_metadata(address) for address in found):
            raise Refused(f"{host!r} is an address of this machine's link or cloud, which is never gone to")
        return Pinned(target.copy_with(host=str(found[0])), target.netloc.decode("ascii"), host)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        pinned: Pinned,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> AsyncIterator[httpx2.Response]:
        """Send one request and yield its answer, the body not yet read. timeout_s: of connecting and of each silence.

        Each has a client of its own: a kept connection to an address must not serve another name there. Raises what httpx2
        raises.
        """
        if self._tls is None:  # reading the authorities takes long enough to be done once, and not in the loop
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=self._environment_tls)
        async with (
            httpx2.AsyncClient(verify=self._tls, trust_env=False, follow_redirects=False, timeout=timeout_s) as client,
            client.stream(
                method,
                pinned.url,
                headers={"host": pinned.host, **headers},
                content=content,
                extensions={"sni_hostname": pinned.name},
            ) as response,
        ):
            yield response


def in_words(exc: Exception) -> str:
    """What a failed request failed of, as the end of a sentence."""
    match exc:
        case httpx2.TimeoutException():
            return "the server did not answer in time"
        case httpx2.ConnectError():
            return "the server cannot be reached"
        case httpx2.InvalidURL():
            return "it is not a valid URL"
    return "the server broke the connection or answered nonsense"
