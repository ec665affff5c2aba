"""Fetching a picture that a caller named, without being turned against our own network (`outbound.pinning`).

Redirects are followed by us, each through the same gate. What comes back is judged by its bytes, elsewhere.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx2

from gateway.errors import ImageFetchFailed, ImageTooLarge
from gateway.outbound import pinning
from gateway.outbound.pinning import Pinning, Refused, Resolve

MAX_REDIRECTS = 5
HEADERS = {
    "user-agent": "grok-gateway (fetching a picture its user named)",
    "accept": "image/png, image/jpeg, image/webp, image/*;q=0.5",
    "accept-encoding": "identity",
}


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
        self._pinning = Pinning(allow_private=allow_private, resolve=resolve)

    async def fetch(self, url: str, into: Path) -> Fetched:
        """Write what is at *url* to the new file *into*. Raises ImageFetchFailed, ImageTooLarge."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, into)
        except TimeoutError:
            raise failed(f"it took longer than {self._timeout_s:g} s") from None
        except Refused as exc:
            raise failed(str(exc)) from exc
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
            raise failed(pinning.in_words(exc)) from exc

    async def _follow(self, url: str, into: Path) -> Fetched:
        target = pinning.read_url(url)
        for _ in range(MAX_REDIRECTS + 1):
            pinned = await self._pinning.pin(target)
            async with self._pinning.request("GET", pinned, headers=HEADERS) as response:
                if not response.has_redirect_location:
                    return await self._receive(response, target, into)
                target = pinning.read_url(str(target.join(response.headers["location"])))
        raise failed(f"it was redirected more than {MAX_REDIRECTS} times")

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


def failed(why: str) -> ImageFetchFailed:
    return ImageFetchFailed(f"Image URL could not be fetched: {why}.", param="image_url")
