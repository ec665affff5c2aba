"""What a leased page can do for its borrower: the port that site adapters are written against.

All times are seconds. Every call has a deadline. ``page_transport.py`` is the implementation over a real page;
nothing here knows Playwright.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol


class World(Enum):
    """Which JavaScript world of the page performs a call.

    MAIN is the site's own: whatever its scripts add to ``fetch`` is added by them. ISOLATED is ours: the same
    cookies and the same network stack, unseen by the site's scripts.
    """

    ISOLATED = "isolated"
    MAIN = "main"


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer. Header names are lower case; *text* is the decoded body; *url* the final address."""

    status: int
    headers: Mapping[str, str]
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A finished download: its place, size in bytes, SHA-256 (hex) and bare media type as the site named it."""

    path: Path
    size_bytes: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A local file to send: its place, the name and media type the site is told, and the form field it goes in."""

    path: Path
    file_name: str
    media_type: str
    field: str = "file"


class StreamReply(Protocol):
    """An answer whose body arrives piece by piece. Iterate once; leaving the context aborts the request."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[str]:
        """Yield decoded text as it arrives (UTF-8 characters are never split).

        Raises TransportTimeout when idle for longer than asked, TransportFailed when the connection breaks,
        SlotLost when the page is gone. Ends at the end of the body.
        """
        ...


class Socket(Protocol):
    """A WebSocket opened by the page."""

    async def send(self, text: str) -> None: ...

    def post(self, text: str) -> None:
        """Send a last word without waiting for anything: it leaves before the closing that follows it, or not at all."""
        ...

    async def receive(self, *, timeout_s: float) -> str:
        """Return the next text frame. Raises TransportFailed (closed, with code and reason) or TransportTimeout."""
        ...


class Transport(Protocol):
    """The calls a leased page offers. All raise SlotLost when the page or its browser is gone."""

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        timeout_s: float = 30.0,
        limit_bytes: int = 8 * 1024 * 1024,
    ) -> Reply:
        """Perform one exchange inside the page and return the whole answer, whatever its status.

        url: absolute, or a path on the site's origin. json: sent as the body with its content type.
        Raises TransportTimeout, TransportFailed, TooLarge.
        """
        ...

    def stream(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        start_timeout_s: float = 30.0,
        idle_timeout_s: float = 120.0,
    ) -> AbstractAsyncContextManager[StreamReply]:
        """Open an exchange whose body is read piece by piece; leaving the block aborts it at the site at once."""
        ...

    async def download(
        self,
        url: str,
        *,
        into: Path,
        limit_bytes: int,
        start_timeout_s: float = 30.0,
        timeout_s: float = 600.0,
    ) -> Download:
        """Save *url* with the browser's own network stack and the profile's cookies.

        ``<into>.part`` grows while bytes arrive (it may be read meanwhile); *into* appears only when complete.
        Raises TransportRefused (HTTP error status), TooLarge, StorageFull, TransportTimeout, TransportFailed.
        """
        ...

    async def upload(
        self,
        url: str,
        *,
        file: FilePart,
        form: Mapping[str, str] = {},
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        """POST a local file as multipart/form-data, with *form* as further fields."""
        ...

    async def upload_base64(
        self,
        url: str,
        *,
        file: FilePart,
        key: str,
        json: Mapping[str, Any],
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        """POST *json* with the file's bytes as base64 text under *key* (the body is built inside the page)."""
        ...

    def open_socket(self, url: str, *, timeout_s: float = 20.0) -> AbstractAsyncContextManager[Socket]:
        """Open a WebSocket from the page; leaving the block closes it.

        Raises TransportRefused when the page could not open it (``status`` 0 when the browser does not tell).
        """
        ...


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a navigation of the page showed, for the site adapter to judge."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    body_start: str = ""
