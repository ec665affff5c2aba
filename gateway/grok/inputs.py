"""A caller's pictures given to the site, for a call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from browser.transport import FilePart
from gateway.grok.client import GrokClient
from gateway.grok.wire.uploads import UploadedFile
from gateway.media.assets import Media


async def upload_inputs(client: GrokClient, media: Media, asset_ids: Sequence[str]) -> list[UploadedFile]:
    """Upload each picture once and return them in the caller's order. Raises GatewayError."""
    files: dict[str, UploadedFile] = {}
    for asset_id in asset_ids:
        if asset_id not in files:
            asset = await media.get(asset_id)
            async with media.local(asset) as path:
                name = PurePosixPath(asset.file_name or "").name or f"image{asset.suffix}"
                files[asset_id] = await client.upload(FilePart(path=path, file_name=name, media_type=asset.media_type))
    return [files[asset_id] for asset_id in asset_ids]
