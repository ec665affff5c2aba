"""From a picture in the store to what a client gets: in the format asked for, as a link, as bytes."""

from __future__ import annotations

import asyncio
import base64
import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image

from gateway.calls.model import Picture
from gateway.dialects.images.translate import Asked, Made, Wanted
from gateway.media.assets import Asset, AssetKind
from gateway.web.services import Services

_ENCODERS = {"image/png": ("PNG", ".png"), "image/jpeg": ("JPEG", ".jpg"), "image/webp": ("WEBP", ".webp")}
_USUAL_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Delivery:
    """Shows pictures to one caller. base: where the caller reaches the gateway."""

    services: Services
    base: str
    key_id: str
    asked: Asked

    async def show(self, picture: Picture) -> Made:
        asset = await self.services.media.get(picture.asset_id)
        output = self.asked.output
        if output is not None and (output != asset.media_type or self.asked.compression is not None):
            asset = await self._converted(asset, output)
        url = self.services.links.of(asset, base=self.base, now=self.services.now())
        made = Made(url, "", picture.width, picture.height, asset.media_type, picture.prompt, picture.suspect)
        if self.asked.wanted is Wanted.URL and not self.asked.stream:
            return made
        async with self.services.media.local(asset) as path:
            return replace(made, data=await asyncio.to_thread(_base64, path))

    async def _converted(self, asset: Asset, media_type: str) -> Asset:
        kind, suffix = _ENCODERS[media_type]
        async with self.services.media.local(asset) as path:
            data = await asyncio.to_thread(_encode, path, kind, self.asked.compression)
        until = datetime.fromtimestamp(self.services.now(), UTC) + timedelta(seconds=self.services.settings.retention_s)
        return await self.services.media.add(
            data,
            kind=AssetKind.IMAGE,
            suffix=suffix,
            media_type=media_type,
            key_id=self.key_id,
            width=asset.width,
            height=asset.height,
            expires_at=until,
        )


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _base64(path: Path) -> str:
    return encoded(path.read_bytes())


def _encode(path: Path, kind: str, compression: int | None) -> bytes:
    buffer = io.BytesIO()
    with Image.open(path) as image:
        if kind == "PNG":
            image.save(buffer, kind)
        else:
            plain = image.convert("RGB") if image.mode not in {"RGB", "L"} else image
            plain.save(buffer, kind, quality=_USUAL_QUALITY if compression is None else compression)
    return buffer.getvalue()
