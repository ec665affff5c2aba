"""Fetching an address that a caller named, without being turned against our own network.

The name is resolved once per hop, every address it has must be allowed, and the connection goes to exactly the address
that was checked: a name that changes its mind in between (DNS rebinding) changes nothing. Redirects are followed by us,
each through the same gate. What comes back is judged by its bytes, elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx2

from gateway.errors import ImageFetchFailed, ImageTooLarge
from gateway.media.addresses import Address, is_public, read_address

MAX_REDIRECTS = 5
CONNECT_TIMEOUT_S = 10.0
MAX_URL_CHARS = 8192
USER_AGENT = "grok-gateway (fetching a picture its user named)"

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: bytes written, the bare media type the server claimed, and the last address' file name."""

    size_bytes: int
    media_type: str
    file_name: str


class Fetcher:
    """Fetches callers' URLs. timeout_s: for the whole fetch; allow_private: the operator's own decision."""

    def __init__(
        self,
        *,
        limit_bytes: int,
        timeout_s: float,
        allow_private: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._allow_private = allow_private
        self._resolve = resolve or resolve_host
        self._tls: ssl.SSLContext | None = None

    async def fetch(self, url: str, into: Path) -> Fetched:
        """Write what is at *url* to the new file *into*. Raises ImageFetchFailed, ImageTooLarge."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, into)
        except TimeoutError:
            raise failed(f"it took longer than {self._timeout_s:g} s") from None
        except httpx2.TimeoutException as exc:
            raise failed("the server did not answer in time") from exc
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
            raise failed(_in_words(exc)) from exc

    async def _follow(self, url: str, into: Path) -> Fetched:
        target = read_url(url)
        if self._tls is None:  # reading the authorities takes long enough to be done once, and not in the loop
            self._tls = await asyncio.to_thread(httpx2.create_ssl_context, trust_env=False)
        for _ in range(MAX_REDIRECTS + 1):
            pinned, headers, extensions = await self._pin(target)
            # A client per hop: a kept connection to an address must not serve another name there.
            async with (
                httpx2.AsyncClient(
                    verify=self._tls, trust_env=False, follow_redirects=False, timeout=CONNECT_TIMEOUT_S
                ) as client,
                client.stream("GET", pinned, headers=headers, extensions=extensions) as response,
            ):
                if not response.has_redirect_location:
                    return await self._receive(response, target, into)
                target = read_url(str(target.join(response.headers["location"])))
        raise failed(f"it was redirected more than {MAX_REDIRECTS} times")

    async def _pin(self, target: httpx2.URL) -> tuple[httpx2.URL, dict[str, str], dict[str, str]]:
        """Return *target* with an allowed address in place of its name, and what keeps the name for HTTP and TLS."""
        host = target.raw_host.decode("ascii")
        try:
            found = await self._resolve(host, target.port or (443 if target.scheme == "https" else 80))
        except (OSError, ValueError) as exc:  # ValueError: a name no resolver takes
            raise failed(f"there is no host {host!r}") from exc
        if not found:
            raise failed(f"there is no host {host!r}")
        if not self._allow_private and not all(is_public(address) for address in found):
            raise failed(f"{host!r} is not on the public internet")
        headers = {
            "host": target.netloc.decode("ascii"),
            "user-agent": USER_AGENT,
            "accept": "image/png, image/jpeg, image/webp, image/*;q=0.5",
            "accept-encoding": "identity",
        }
        return target.copy_with(host=str(found[0])), headers, {"sni_hostname": host}

    async def _receive(self, response: httpx2.Response, target: httpx2.URL, into: Path) -> Fetched:
        if response.status_code != 200:
            raise failed(f"the server answered {response.status_code}")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise failed("the server insists on compressing it")
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit_bytes:
            raise self._too_large()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type in {"text/html", "application/xhtml+xml"}:
            raise failed("it is a web page, not an image")
        with await asyncio.to_thread(into.open, "xb") as file:
            size_bytes = await self._copy(response, file)
        return Fetched(size_bytes=size_bytes, media_type=media_type, file_name=target.path.rpartition("/")[2][:200])

    async def _copy(self, response: httpx2.Response, file: BinaryIO) -> int:
        size_bytes = 0
        async for chunk in response.aiter_raw():
            size_bytes += len(chunk)
            if size_bytes > self._limit_bytes:
                raise self._too_large()
            await asyncio.to_thread(file.write, chunk)
        return size_bytes

    def _too_large(self) -> ImageTooLarge:
        return ImageTooLarge(
            f"The image behind the URL is larger than {self._limit_bytes // (1024 * 1024)} MB.", param="image_url"
        )


def read_url(text: str) -> httpx2.URL:
    """Parse *text* once, for the check and for the request alike. Raises ImageFetchFailed for what is never fetched."""
    if len(text) > MAX_URL_CHARS:
        raise failed("the URL is too long")
    try:
        url = httpx2.URL(text.strip())
    except (httpx2.InvalidURL, ValueError, TypeError) as exc:
        raise failed("it is not a valid URL") from exc
    if url.scheme not in {"http", "https"} or not url.host:
        raise failed("only http:// and https:// addresses are fetched")
    if url.port is not None and not 0 < url.port < 65536:
        raise failed("it is not a valid URL")
    if url.userinfo:
        raise failed("addresses with a user name or password in them are not fetched")
    return url


async def resolve_host(host: str, port: int) -> Sequence[Address]:
    """Every address of *host*, as the system knows it; also of the odd spellings of IPv4 it understands."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(read_address(str(entry[4][0])) for entry in found))


def failed(why: str) -> ImageFetchFailed:
    return ImageFetchFailed(f"Image URL could not be fetched: {why}.", param="image_url")


def _in_words(exc: Exception) -> str:
    match exc:
        case httpx2.ConnectError():
            return "the server cannot be reached"
        case httpx2.InvalidURL():
            return "it is not a valid URL"
    return "the server broke the connection or answered nonsense"
