"""A caller's picture, in whatever way it was given, as a checked asset of ours; before anything is spent.

Taken are: an http(s) URL, a ``data:image/…`` URL, a link of ours, the id of a file uploaded before (also as the
``uploads/ID/NAME`` that an upload answers with), and a file of a form. GIF, BMP, AVIF and TIFF become PNG (`convert`).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote_to_bytes

from gateway.errors import FileMissing, ImageFetchFailed, ImageTooLarge, InvalidImage
from gateway.media.assets import Asset, AssetKind, Media
from gateway.media.convert import convert_image
from gateway.media.fetch import Fetcher
from gateway.media.inspect import ImageFacts, inspect_image
from gateway.media.links import Links

_FILE_ID = re.compile(r"(?:/?uploads/)?(file_[0-9a-f]{32})(?:/.*)?")
_PICTURES = frozenset({AssetKind.INPUT, AssetKind.IMAGE, AssetKind.THUMBNAIL})


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a picture becomes: the key, the task it is fetched for (None: kept for later), and until when it is kept."""

    key_id: str
    expires_at: datetime
    task_id: str | None = None


class Inputs:
    """Turns references to pictures into assets."""

    def __init__(self, media: Media, links: Links, fetcher: Fetcher, *, limit_bytes: int) -> None:
        self._media = media
        self._links = links
        self._fetcher = fetcher
        self._limit_bytes = limit_bytes

    async def resolve(self, reference: str, owner: Owner, *, param: str = "image_url") -> Asset:
        """Return the picture that *reference* names. One of ours is used as it is and kept for as long as it is needed.

        Raises InvalidImage, ImageFetchFailed or ImageTooLarge, all with *param*.
        """
        reference = reference.strip()
        try:
            own = await self._own(reference, owner)
            if own is not None:
                await self._media.keep_until([own.id], owner.expires_at)
                return own
            if reference[:5].lower() == "data:":
                return await self._from_data_url(reference, owner)
            if reference[:7].lower() == "http://" or reference[:8].lower() == "https://":
                return await self._from_url(reference, owner)
        except InvalidImage as exc:
            exc.param = param
            raise
        raise InvalidImage(
            "An image is given as an http(s) URL, a data:image/… URL, or the file_id of an upload.", param=param
        )

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[Path]:
        """A place to write a file to; whatever is still there afterwards is removed."""
        draft = self._media.draft()
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    async def keep(self, draft: Path, owner: Owner, *, file_name: str | None, param: str = "file") -> Asset:
        """Check the received *draft* and take it into the store. Raises InvalidImage, ImageTooLarge."""
        try:
            facts = await self._inspect(draft)
        except InvalidImage as exc:
            exc.param = param
            raise
        return await self._media.take(
            draft,
            kind=AssetKind.INPUT,
            suffix=facts.suffix,
            media_type=facts.media_type,
            key_id=owner.key_id,
            task_id=owner.task_id,
            expires_at=owner.expires_at,
            file_name=file_name,
            width=facts.width,
            height=facts.height,
        )

    async def _inspect(self, draft: Path) -> ImageFacts:
        await asyncio.to_thread(convert_image, draft)
        facts = await asyncio.to_thread(inspect_image, draft)
        if facts.size_bytes > self._limit_bytes:
            raise self._too_large()
        return facts

    async def _own(self, reference: str, owner: Owner) -> Asset | None:
        linked = self._links.read(reference)
        found = _FILE_ID.fullmatch(reference)
        if linked is None and found is None:
            return None
        try:
            asset = await self._media.get(linked.asset_id if linked else found[1] if found else "")
        except FileMissing:
            asset = None
        # A link was given to somebody by us and counts for whoever has it; a bare id only for its own key.
        if asset is None or (linked is None and asset.key_id != owner.key_id):
            raise ImageFetchFailed(
                "Image URL could not be fetched: this file was never uploaded here, or its time is over."
            )
        if asset.kind not in _PICTURES:
            raise InvalidImage("This file is a video, not an image.")
        return asset

    async def _from_url(self, url: str, owner: Owner) -> Asset:
        async with self.receiving() as draft:
            fetched = await self._fetcher.fetch(url, draft)
            return await self.keep(draft, owner, file_name=fetched.file_name or None, param="image_url")

    async def _from_data_url(self, url: str, owner: Owner) -> Asset:
        if len(url) > self._limit_bytes * 3:
            raise self._too_large()
        data = await asyncio.to_thread(decode_data_url, url)
        if len(data) > self._limit_bytes:
            raise self._too_large()
        async with self.receiving() as draft:
            await asyncio.to_thread(draft.write_bytes, data)
            return await self.keep(draft, owner, file_name=None, param="image_url")

    def _too_large(self) -> ImageTooLarge:
        return ImageTooLarge(f"The image is too large: at most {self._limit_bytes // (1024 * 1024)} MB are taken.")


def decode_data_url(url: str) -> bytes:
    """Return the bytes in a ``data:`` URL. Lenient about white space and missing padding; the bytes tell the type."""
    head, comma, body = url.partition(",")
    if not comma:
        raise InvalidImage("The data URL has no data: data:image/png;base64,… is expected.")
    if not head[5:].lower().startswith(("image/", "application/octet-stream", ";")):
        raise InvalidImage("The data URL is not an image: data:image/png;base64,… is expected.")
    raw = unquote_to_bytes(body)
    if not head.lower().endswith(";base64"):
        return raw
    raw = b"".join(raw.split()).replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4), validate=True)
    except binascii.Error as exc:
        raise InvalidImage("The data URL is not valid base64.") from exc
