"""Whether files can be kept where the settings say."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from pathlib import Path

from gateway.doctor.finding import Finding, fail, ok
from gateway.errors import FileMissing, GatewayError
from gateway.media.bucket import Bucket
from gateway.media.disk import media_directory
from gateway.settings import Settings

ABOUT = "media"
LONGEST_S = 30.0


async def media(settings: Settings) -> Finding:
    """For a bucket: writes a few bytes, reads them and deletes them again."""
    try:
        if not settings.effective_media_url.startswith("s3:"):
            return ok(ABOUT, str(media_directory(settings.effective_media_url)))
        bucket = Bucket.open(settings)
        async with asyncio.timeout(LONGEST_S):
            await _try(bucket)
    except (GatewayError, TimeoutError) as exc:
        said = str(exc) or "the media store does not answer"
        return fail(ABOUT, said, "check GATEWAY_MEDIA_URL, GATEWAY_S3_… (or AWS_…) and that the bucket exists")
    return ok(ABOUT, f"{bucket.name} takes, gives and deletes files")


async def _try(bucket: Bucket) -> None:
    key, data = f"doctor/{secrets.token_hex(8)}", secrets.token_bytes(64)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "probe"
        await asyncio.to_thread(file.write_bytes, data)
        await bucket.put(key, file, media_type="application/octet-stream")
    try:
        if b"".join([piece async for piece in bucket.read(key, 0, len(data))]) != data:
            raise FileMissing("the media store returned other bytes than it was given")
    finally:
        await bucket.delete([key])
