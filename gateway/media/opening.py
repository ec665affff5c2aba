"""The media store that the settings name."""

from __future__ import annotations

import secrets

from gateway.db.connect import Database
from gateway.errors import StartRefused
from gateway.media.bucket import Bucket
from gateway.media.disk import DiskMedia, media_directory
from gateway.media.s3 import S3Media
from gateway.settings import Settings


def open_media(settings: Settings, db: Database) -> DiskMedia:
    """Return the store of ``media_url``; asks nothing of it yet. Raises StartRefused."""
    url = settings.effective_media_url
    if url.startswith("s3:"):
        return S3Media(Bucket.open(settings), settings.data_dir / "spool", db)
    if not url.startswith("file:"):
        raise StartRefused(f"GATEWAY_MEDIA_URL {url!r} cannot be used: give file:///DIRECTORY or s3://BUCKET/PREFIX")
    return DiskMedia(media_directory(url), db)


def store_of(settings: Settings) -> str:
    """Tell one media store from another. A directory is known by a mark kept in it: two nodes may share one."""
    url = settings.effective_media_url
    if not url.startswith("file:"):
        return f"{url.rstrip('/')} at {settings.s3_endpoint}" if settings.s3_endpoint else url.rstrip("/")
    mark = media_directory(url) / ".store"
    try:
        with mark.open("x", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
    except FileExistsError:
        pass
    return f"file:{mark.read_text('ascii')}"
