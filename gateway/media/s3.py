"""Files in a bucket (``s3://``), each with a row in ``assets``; every node serves every file.

What is made here is written to a spool directory of this node first, exactly as files are kept on disk: a running download
can be followed there. When it is whole it is streamed into the bucket, and only then recorded: a row means that the object
is there. The spool's copy stays for a short while, for those who still read it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from gateway.db.connect import Database
from gateway.db.tables import assets
from gateway.errors import FileMissing
from gateway.media.assets import SUFFIX, Asset, AssetKind, thumbnail_asset_id, video_asset_id
from gateway.media.bucket import Bucket, Stored
from gateway.media.disk import ORPHAN_AGE_S, PART, DiskMedia, older_than
from gateway.media.reading import Reader
from gateway.media.tail import TransferBroken

#: How long the spool's copy of a file outlives its way into the bucket.
SPOOL_KEPT_S = 120.0

_KEY = re.compile(r"[0-9a-f]{2}/([A-Za-z0-9][A-Za-z0-9_.-]*?)(\.[a-z0-9]{1,8})")


class S3Media(DiskMedia):
    """The Media port over a bucket. Its directory, *spool*, is this node's alone; its prefix belongs to one gateway."""

    def __init__(self, bucket: Bucket, spool: Path, db: Database) -> None:
        super().__init__(spool, db)
        self._bucket = bucket

    async def keep(self, asset: Asset, path: Path) -> None:
        """Stream the spooled file into the bucket. Raises MediaUnavailable; the spool's copy stays then."""
        await self._bucket.put(key_of(asset.id, asset.suffix), path, media_type=asset.media_type)

    # -- reading -------------------------------------------------------------------------------------------------
    @asynccontextmanager
    async def reading(self, asset: Asset) -> AsyncIterator[Reader]:
        """The object, read in ranges. Raises FileMissing, MediaUnavailable."""
        key = key_of(asset.id, asset.suffix)
        yield _BucketReader(self._bucket, key, await self._bucket.size(key))

    @asynccontextmanager
    async def local(self, asset: Asset) -> AsyncIterator[Path]:
        """A copy of the file in the spool, gone after the block. Raises FileMissing, MediaUnavailable."""
        copy = self.draft()
        try:
            if not await asyncio.to_thread(_link, self.place(asset.id, asset.suffix), copy):
                await self._fetch(asset, copy)
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    async def _fetch(self, asset: Asset, into: Path) -> None:
        async with self.reading(asset) as reader:
            with await asyncio.to_thread(_create, into) as file:
                try:
                    async for piece in reader.read(0, reader.size_bytes):
                        await asyncio.to_thread(file.write, piece)
                except TransferBroken as exc:
                    raise FileMissing("The file was removed while it was read.") from exc

    # -- removing ------------------------------------------------------------------------------------------------
    async def unlink(self, asset_ids: Sequence[str]) -> int:
        """Delete objects and what the spool has of them; returns the bytes freed."""
        async with self._db.read() as connection:
            chosen = select(assets.c.id, assets.c.suffix, assets.c.size_bytes).where(assets.c.id.in_(asset_ids))
            rows = {row.id: row for row in (await connection.execute(chosen)).all()}
        keys = [key_of(row.id, row.suffix) for row in rows.values()]
        # A task that died between the upload and its record leaves an object without a row.
        keys += [key_of(one, suffix) for one in asset_ids if one not in rows and (suffix := _usual_suffix(one))]
        await self._bucket.delete(keys)
        freed = await super().unlink([one for one in asset_ids if one not in rows])
        await super().unlink(list(rows))
        return freed + sum(int(row.size_bytes) for row in rows.values())

    async def sweep(self, *, older_than_s: float = ORPHAN_AGE_S) -> int:
        """Delete objects, and files of the spool, that no record knows; returns how many. Young ones are let be."""
        removed = await super().sweep(older_than_s=older_than_s)
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)
        async for page in self._bucket.pages():
            # What does not look like ours is not ours: the bucket may hold other things.
            old = {found[0]: one for one in page if one.modified_at < before and (found := _read_key(one))}
            known = await self._known(old)
            orphans = [one.key for asset_id, one in old.items() if asset_id not in known]
            await self._bucket.delete(orphans)
            removed += len(orphans)
        return removed

    async def clear_spool(self, *, older_than_s: float = SPOOL_KEPT_S) -> int:
        """Delete the spool's copies of what is in the bucket; returns how many."""
        removed = 0
        for shard in await asyncio.to_thread(self.shards):
            old = await asyncio.to_thread(older_than, shard, time.time() - older_than_s)
            ids = {file.name[: -len(file.suffix)]: file for file in old if file.suffix != PART}
            for asset_id in await self._known(ids):
                ids[asset_id].unlink(missing_ok=True)
                removed += 1
        return removed

    async def _known(self, ids: Collection[str]) -> set[str]:
        async with self._db.read() as connection:
            return set((await connection.execute(select(assets.c.id).where(assets.c.id.in_(list(ids))))).scalars())


class _BucketReader:
    def __init__(self, bucket: Bucket, key: str, size_bytes: int) -> None:
        self._bucket = bucket
        self._key = key
        self.size_bytes = size_bytes

    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        return self._bucket.read(self._key, start, length)


def key_of(asset_id: str, suffix: str) -> str:
    """The object's name below the prefix; spread by a hash, as on disk."""
    return f"{hashlib.sha256(asset_id.encode()).hexdigest()[:2]}/{asset_id}{suffix}"


def _read_key(stored: Stored) -> tuple[str, str] | None:
    """Return (asset id, suffix) of an object of ours, None for any other."""
    found = _KEY.fullmatch(stored.key)
    return (found[1], found[2]) if found and key_of(found[1], found[2]) == stored.key else None


def _usual_suffix(asset_id: str) -> str | None:
    task_id = asset_id[:-2]
    if asset_id == video_asset_id(task_id):
        return SUFFIX[AssetKind.VIDEO]
    return SUFFIX[AssetKind.THUMBNAIL] if asset_id == thumbnail_asset_id(task_id) else None


def _link(path: Path, copy: Path) -> bool:
    """Hold the spooled file under a second name, so that clearing the spool cannot take it away."""
    with suppress(FileNotFoundError):
        os.link(path, copy)
        return True
    return False


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
