"""A produced or uploaded file, and the port of the store that keeps it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from gateway.media.reading import Reader


class AssetKind(StrEnum):
    """What a file is to us."""

    INPUT = "input"
    VIDEO = "video"
    THUMBNAIL = "thumbnail"
    IMAGE = "image"


def kind_of(word: str) -> AssetKind:
    """The kind a row names; a file of a kind that only a later version knows is nobody's result: it counts as INPUT."""
    return next((kind for kind in AssetKind if kind.value == word), AssetKind.INPUT)


SUFFIX: dict[AssetKind, str] = {AssetKind.VIDEO: ".mp4", AssetKind.THUMBNAIL: ".jpg"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One complete file. size in bytes, width/height in pixels, duration in seconds; *suffix* with its dot. prompt: what a
    picture was asked for with."""

    id: str
    kind: AssetKind
    media_type: str
    suffix: str
    size_bytes: int
    sha256: str
    key_id: str | None = None
    task_id: str | None = None
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    prompt: str | None = None


def video_asset_id(task_id: str) -> str:
    """The id of a task's video: known before the file exists, so that readers can follow a running download."""
    return f"{task_id}.v"


def thumbnail_asset_id(task_id: str) -> str:
    return f"{task_id}.t"


class Media(Protocol):
    """Where files are kept. Implementations: a directory (``file://``), a bucket (``s3://``)."""

    def target(self, asset_id: str, suffix: str) -> Path:
        """Where a file of that id is written on this node. ``<target>.part`` may grow there first. Makes its directory."""
        ...

    async def record(self, asset: Asset) -> Asset:
        """Take a file that is complete at its target into the store; durable when this returns. Same id: replaced."""
        ...

    async def add(self, data: bytes, *, kind: AssetKind, suffix: str, media_type: str, **facts: object) -> Asset:
        """Keep *data* as a new asset; *facts*: ``id`` (else one is made), ``key_id``, ``task_id``, ``file_name``,
        ``width``, ``height``, ``duration_s``, ``expires_at``."""
        ...

    def draft(self) -> Path:
        """A name for a file that is still being received; swept away when it is left behind."""
        ...

    async def take(self, file: Path, *, kind: AssetKind, suffix: str, media_type: str, **facts: object) -> Asset:
        """Move the complete *file*, written to a `draft`, into the store as a new asset; *facts* as for `add`."""
        ...

    async def keep_until(self, asset_ids: Collection[str], moment: datetime) -> None:
        """Put off the removal of files that are needed for longer than was thought."""
        ...

    async def get(self, asset_id: str) -> Asset:
        """Return the asset, or raise FileMissing."""
        ...

    def local(self, asset: Asset) -> AbstractAsyncContextManager[Path]:
        """A readable local file with the asset's bytes for the length of the block."""
        ...

    def reading(self, asset: Asset) -> AbstractAsyncContextManager[Reader]:
        """The stored file, open for the length of the block. Raises FileMissing, MediaUnavailable."""
        ...

    async def remove(self, asset_ids: Collection[str]) -> int:
        """Delete files (also half-written ones) and their records; returns the bytes freed. Unknown ids are ignored."""
        ...

    async def remove_of_task(self, task_ids: Collection[str]) -> int:
        """Delete everything kept for these tasks: results, thumbnails, pictures fetched for them. Returns bytes freed."""
        ...
