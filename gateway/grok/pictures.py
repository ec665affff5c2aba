"""A finished picture of the site: fetched with the profile's own browser, checked, and kept in the media store."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from browser import errors as browser
from gateway.calls.model import Picture
from gateway.errors import DownloadFailed, GatewayError, InvalidImage, InvalidMedia
from gateway.grok.addresses import asset_url
from gateway.grok.exchange import from_browser
from gateway.grok.ports import Lease
from gateway.media.assets import AssetKind, Media
from gateway.media.inspect import ImageFacts, inspect_image, picture_fingerprint
from gateway.settings import Settings

log = structlog.get_logger(__name__)

#: A file that is not there yet is asked for again so long, with growing pauses; less where its bytes are at hand anyway.
LATE_S, LATE_WITH_BLOB_S = 20.0, 0.0
FIRST_PAUSE_S = 0.3
_START_S = 15.0
_TRANSFER_S = 60.0


@dataclass(frozen=True, slots=True)
class PictureStore:
    """Fetches and keeps pictures for one caller, through one lease. asked: the caller's own words, kept with the picture.

    repeats: whether a picture of that fingerprint was returned before, for other words; None where nobody asks.
    """

    lease: Lease
    media: Media
    settings: Settings
    key_id: str = ""
    asked: str = ""
    repeats: Callable[[str], bool] | None = None

    async def keep(self, url: str, *, blob: str = "", prompt: str = "") -> Picture:
        """Return the picture at *url*, or the one in *blob* (base64) where the file cannot be had.

        Raises DownloadFailed, InvalidMedia, StorageFull, BrowserFailed.
        """
        data = decoded(blob)
        if url:
            try:
                return await self._fetched(asset_url(url, field="imageUrl"), prompt, patient=not data)
            except GatewayError as exc:
                if not data:
                    raise
                log.info("picture taken from the socket", reason=exc.message)
        if not data:
            raise DownloadFailed("the site finished a picture and named no file for it")
        draft = self.media.draft()
        await asyncio.to_thread(draft.write_bytes, data)
        return await self._kept(draft, prompt)

    async def _fetched(self, url: str, prompt: str, *, patient: bool) -> Picture:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (LATE_S if patient else LATE_WITH_BLOB_S)
        pause_s = FIRST_PAUSE_S
        while True:
            draft = self.media.draft()
            try:
                await self.lease.transport.download(
                    url,
                    into=draft,
                    limit_bytes=self.settings.max_image_bytes,
                    start_timeout_s=_START_S,
                    timeout_s=_TRANSFER_S,
                )
                return await self._kept(draft, prompt)
            except browser.TooLarge as exc:
                raise InvalidMedia(f"the picture is larger than {self.settings.max_image_bytes} bytes") from exc
            except browser.TransportFailed as exc:
                error: GatewayError = DownloadFailed(f"the picture exists at the site and could not be fetched: {exc}")
            except browser.BrowserError as exc:
                raise from_browser(exc) from exc
            except InvalidMedia as exc:
                error = exc  # a page in the file's place, or a transfer that lost something
            if loop.time() + pause_s > deadline:
                raise error
            await asyncio.sleep(pause_s)
            pause_s = min(4.0, pause_s * 2)

    async def _kept(self, draft: Path, prompt: str) -> Picture:
        """Take the file at *draft* into the store; it is gone from there in any case."""
        try:
            facts: ImageFacts = await asyncio.to_thread(inspect_image, draft)
            suspect = self.repeats is not None and self.repeats(await asyncio.to_thread(picture_fingerprint, draft))
            asset = await self.media.take(
                draft,
                kind=AssetKind.IMAGE,
                suffix=facts.suffix,
                media_type=facts.media_type,
                key_id=self.key_id or None,
                width=facts.width,
                height=facts.height,
                prompt=self.asked or prompt,
                expires_at=datetime.now(UTC) + timedelta(seconds=self.settings.retention_s),
            )
        except InvalidImage as exc:
            raise InvalidMedia(f"what the site sent is not the picture it promised: {exc.message}") from exc
        finally:
            await asyncio.to_thread(draft.unlink, missing_ok=True)
        return Picture(asset.id, facts.width, facts.height, facts.media_type, prompt, asset.size_bytes, suspect)


def decoded(blob: str) -> bytes:
    """Return the bytes of base64 text, with or without a data URL in front; empty when it is none."""
    if blob.startswith("data:"):
        blob = blob.partition(",")[2]
    try:
        return base64.b64decode(blob, validate=False)
    except (binascii.Error, ValueError):
        return b""
