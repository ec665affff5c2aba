"""Files in a directory of this machine (``file://``), each with a row in ``assets``.

A file is whole or not there: it is written beside its name as ``.part``, renamed, synced, and only then recorded.
Directories are 0700 and spread over 256 shards by a hash of the id, so that no directory grows large.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import delete, insert, select, update

from gateway.db.connect import Database
from gateway.db.tables import assets
from gateway.errors import FileMissing, StartRefused, StorageFull
from gateway.media.assets import Asset, AssetKind, kind_of
from gateway.media.reading import DiskReader, Reader

PART = ".part"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")

#: Files without a record that are younger than this may still be on their way.
ORPHAN_AGE_S = 3600.0
REMOVE_BATCH = 400


def media_directory(url: str) -> Path:
    """Return the directory a ``file://`` media URL names. Raises StartRefused for anything else."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"}:
        raise StartRefused(f"GATEWAY_MEDIA_URL {url!r} cannot be used: give file:///DIRECTORY")
    path = Path(unquote(parts.path))
    if not path.is_absolute():
        raise StartRefused(f"GATEWAY_MEDIA_URL {url!r} needs three slashes and a full path: file:///DIRECTORY")
    return path


class DiskMedia:
    """The Media port over a directory."""

    def __init__(self, root: Path, db: Database) -> None:
        self._root = root
        self._db = db
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    # -- writing -------------------------------------------------------------------------------------------------
    def target(self, asset_id: str, suffix: str) -> Path:
        """Where a file of that id is written. Makes its directory."""
        path = self.place(asset_id, suffix)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return path

    def place(self, asset_id: str, suffix: str) -> Path:
        """Like `target`, touching nothing. Raises FileMissing for what cannot be an id of ours."""
        if not _ID.fullmatch(asset_id) or not _SUFFIX.fullmatch(suffix):
            raise FileMissing("There is no such file.")
        shard = hashlib.sha256(asset_id.encode()).hexdigest()[:2]
        return self._root / shard / f"{asset_id}{suffix}"

    async def record(self, asset: Asset) -> Asset:
        """Take a file that is complete at its target into the store; durable when this returns. Same id: replaced."""
        path = self.place(asset.id, asset.suffix)
        await asyncio.to_thread(_sync, path)
        await self.keep(asset, path)
        asset = replace(asset, created_at=asset.created_at or datetime.now(UTC))
        async with self._db.write() as connection:
            await connection.execute(delete(assets).where(assets.c.id == asset.id))
            await connection.execute(insert(assets).values(**_row(asset)))
        return asset

    async def keep(self, asset: Asset, path: Path) -> None:
        """Bring the whole file to where it is kept before it is recorded: here it lies there already."""

    async def add(self, data: bytes, *, kind: AssetKind, suffix: str, media_type: str, **facts: object) -> Asset:
        """Keep *data* as a new asset; *facts* are further fields of Asset (``id`` too, else one is made)."""
        asset_id = str(facts.pop("id", None) or new_asset_id(kind))
        await asyncio.to_thread(_write, self.target(asset_id, suffix), data)
        asset = Asset(
            id=asset_id,
            kind=kind,
            media_type=media_type,
            suffix=suffix,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        return await self.record(replace(asset, **facts))  # type: ignore[arg-type]  # checked by the dataclass

    async def take(self, file: Path, *, kind: AssetKind, suffix: str, media_type: str, **facts: object) -> Asset:
        """Move the complete *file*, made with `draft`, into the store as a new asset."""
        asset_id = str(facts.pop("id", None) or new_asset_id(kind))
        target = self.target(asset_id, suffix)
        size_bytes, sha256 = await asyncio.to_thread(_move, file, target)
        asset = Asset(
            id=asset_id, kind=kind, media_type=media_type, suffix=suffix, size_bytes=size_bytes, sha256=sha256
        )
        return await self.record(replace(asset, **facts))  # type: ignore[arg-type]

    def draft(self) -> Path:
        """A name on the store's file system for a file that is still being received; swept when left behind."""
        directory = self._root / "drafts"
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory / f"{secrets.token_hex(16)}{PART}"

    async def keep_until(self, asset_ids: Collection[str], moment: datetime) -> None:
        """Put off the removal of files that are needed for longer than was thought."""
        async with self._db.write() as connection:
            await connection.execute(
                update(assets)
                .where(assets.c.id.in_(asset_ids), assets.c.expires_at.is_not(None), assets.c.expires_at < moment)
                .values(expires_at=moment)
            )

    # -- reading -------------------------------------------------------------------------------------------------
    async def get(self, asset_id: str) -> Asset:
        """Return the asset, or raise FileMissing."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(assets).where(assets.c.id == asset_id))).mappings().first()
        if row is None:
            raise FileMissing("There is no such file, or it was removed when its time was over.")
        return _asset(row)

    @asynccontextmanager
    async def local(self, asset: Asset) -> AsyncIterator[Path]:
        """The asset's file itself: it must not be changed."""
        path = self.place(asset.id, asset.suffix)
        if not path.is_file():
            raise FileMissing("The file is gone.")
        yield path

    @asynccontextmanager
    async def reading(self, asset: Asset) -> AsyncIterator[Reader]:
        """The open file. Raises FileMissing."""
        try:
            fd = await asyncio.to_thread(os.open, self.place(asset.id, asset.suffix), os.O_RDONLY)
        except FileNotFoundError:
            raise FileMissing("The file is gone: it was removed when its time was over.") from None
        try:
            yield DiskReader(fd)
        finally:
            os.close(fd)

    # -- removing ------------------------------------------------------------------------------------------------
    async def remove(self, asset_ids: Collection[str]) -> int:
        """Delete files (also half-written ones) and their records; returns the bytes freed. Unknown ids are ignored."""
        freed = 0
        known = sorted({asset_id for asset_id in asset_ids if _ID.fullmatch(asset_id)})
        for start in range(0, len(known), REMOVE_BATCH):
            batch = known[start : start + REMOVE_BATCH]
            # Files first: when we die in between, the record is still there and removal is tried again.
            freed += await self.unlink(batch)
            async with self._db.write() as connection:
                await connection.execute(delete(assets).where(assets.c.id.in_(batch)))
        return freed

    async def unlink(self, asset_ids: Sequence[str]) -> int:
        """Delete files, not their records; returns the bytes freed."""
        return await asyncio.to_thread(self._unlink, asset_ids)

    async def remove_of_task(self, task_ids: Collection[str]) -> int:
        """Delete everything kept for these tasks: results, thumbnails and pictures fetched for them."""
        found: list[str] = []
        ids = list(task_ids)
        async with self._db.read() as connection:
            for start in range(0, len(ids), REMOVE_BATCH):
                chosen = select(assets.c.id).where(assets.c.task_id.in_(ids[start : start + REMOVE_BATCH]))
                found += (await connection.execute(chosen)).scalars().all()
        return await self.remove(found)

    async def remove_expired(self, now: datetime, *, limit: int = 500) -> int:
        """Delete inputs and images whose time is over; videos and thumbnails go with their tasks. Returns how many."""
        chosen = (
            select(assets.c.id)
            .where(assets.c.expires_at < now, assets.c.kind.in_([AssetKind.INPUT, AssetKind.IMAGE]))
            .limit(limit)
        )
        async with self._db.read() as connection:
            ids = (await connection.execute(chosen)).scalars().all()
        await self.remove(ids)
        return len(ids)

    async def sweep(self, *, older_than_s: float = ORPHAN_AGE_S) -> int:
        """Delete files that no record knows, left behind by a crash; returns how many. Young ones are let be."""
        removed = 0
        for shard in await asyncio.to_thread(self.shards):
            old = await asyncio.to_thread(older_than, shard, time.time() - older_than_s)
            ids = {file.name[: -len(file.suffix)] for file in old if file.suffix != PART}
            async with self._db.read() as connection:
                known = set((await connection.execute(select(assets.c.id).where(assets.c.id.in_(ids)))).scalars())
            for file in old:
                if file.suffix == PART or file.name[: -len(file.suffix)] not in known:
                    file.unlink(missing_ok=True)
                    removed += 1
        return removed

    async def clear_spool(self) -> int:
        """Delete what is kept twice: nothing is."""
        return 0

    def shards(self) -> Sequence[Path]:
        return sorted(path for path in self._root.iterdir() if path.is_dir())

    def _unlink(self, asset_ids: Sequence[str]) -> int:
        freed = 0
        for asset_id in asset_ids:
            shard = self.place(asset_id, ".x").parent
            for file in _files_of(shard, asset_id):
                freed += file.stat().st_size
                file.unlink(missing_ok=True)
        return freed


def new_asset_id(kind: AssetKind) -> str:
    """A fresh id; what clients upload is called a file, as they know it."""
    return f"{'file' if kind is AssetKind.INPUT else kind.value}_{uuid.uuid4().hex}"


def _files_of(shard: Path, asset_id: str) -> Iterator[Path]:
    """The file of that id and what is half-written of it. Ids hold dots, so the rest of the name must be a suffix."""
    for file in shard.glob(f"{asset_id}.*") if shard.is_dir() else ():
        if _SUFFIX.fullmatch(file.name.removeprefix(asset_id).removesuffix(PART)):
            yield file


def older_than(directory: Path, moment: float) -> Sequence[Path]:
    with os.scandir(directory) as entries:
        return [Path(entry.path) for entry in entries if entry.is_file() and entry.stat().st_mtime < moment]


def _write(target: Path, data: bytes) -> None:
    part = target.with_name(target.name + PART)
    try:
        with part.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
        part.replace(target)
    except OSError as exc:
        part.unlink(missing_ok=True)
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull("The gateway's disk is full; its operator has to free some room.") from exc
        raise


def _sync(path: Path) -> None:
    """Make the file and its name survive a power cut."""
    for place, flags in ((path, os.O_RDONLY), (path.parent, os.O_RDONLY | os.O_DIRECTORY)):
        try:
            fd = os.open(place, flags)
        except FileNotFoundError as exc:
            raise FileMissing(f"{path.name} is not there to be recorded.") from exc
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _move(file: Path, target: Path) -> tuple[int, str]:
    """Rename *file* to *target*; returns its size in bytes and its SHA-256 (hex)."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256")
        size_bytes = opened.tell()
    file.replace(target)
    return size_bytes, digest.hexdigest()


def _row(asset: Asset) -> dict[str, Any]:
    return {name: value for name, value in asdict(asset).items() if name in assets.c}


def _asset(row: Any) -> Asset:
    return Asset(**{**{name: row[name] for name in Asset.__slots__}, "kind": kind_of(row["kind"])})
