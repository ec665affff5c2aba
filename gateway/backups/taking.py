"""Taking a backup, while the gateway runs or not: the database as it is at one moment, and the files beside it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.auth.secret import Secret
from gateway.backups.archive import MANIFEST, SECRET_MEMBER, Manifest, new_archive, row_line
from gateway.db import rows
from gateway.db.connect import Database
from gateway.db.migrate import HEAD
from gateway.db.tables import assets, profiles
from gateway.errors import FileMissing
from gateway.media.disk import DiskMedia
from gateway.profiles.places import directory_of
from gateway.settings import Settings

#: (what, how many so far, of how many)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up: the data directory of the settings with its node's name, the database, the files (None: not them)."""

    settings: Settings
    node: str
    secret: Secret
    db: Database
    media: DiskMedia | None = None


async def take(source: Source, out: Path, *, with_secret: bool, progress: Progress) -> tuple[Manifest, int]:
    """Write the backup to *out*; returns its manifest and how many files were gone meanwhile."""
    missing = 0
    with new_archive(out) as archive:
        async with source.db.snapshot() as reading:
            manifest = await _manifest(source, reading, with_secret=with_secret)
            archive.writestr(MANIFEST, manifest.to_json())
            for table in rows.tables():
                done = 0
                with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
                    async for batch in rows.read(reading, table):
                        file.writelines(map(row_line, batch))
                        done += len(batch)
                        progress(table.name, done, manifest.rows[table.name])
            if source.media is not None:
                missing = await _add_media(source.media, reading, archive, progress)
        for name in manifest.profiles:
            for file_path in _checkpoints(source.settings, name):
                archive.write(file_path, f"profiles/{name}/checkpoints/{file_path.name}")
        if with_secret:
            archive.writestr(SECRET_MEMBER, source.secret.text)
    return manifest, missing


async def _manifest(source: Source, reading: AsyncConnection, *, with_secret: bool) -> Manifest:
    found = (await reading.execute(select(profiles.c.name, profiles.c.node_id).order_by(profiles.c.name))).all()
    return Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("grok-gateway"),
        schema=HEAD,
        database=source.db.dialect,
        node=source.node,
        secret=source.secret.mark,
        rows={table.name: await rows.count(reading, table) for table in rows.tables()},
        profiles=[row.name for row in found if row.node_id == source.node],
        elsewhere={row.name: row.node_id for row in found if row.node_id != source.node},
        media=source.media is not None,
        with_secret=with_secret,
    )


def _checkpoints(settings: Settings, profile: str) -> Iterator[Path]:
    directory = directory_of(settings, profile)
    directory.bring_copies_out()
    if directory.checkpoints.is_dir():
        yield from sorted(path for path in directory.checkpoints.iterdir() if path.suffix == ".sealed")


async def _add_media(media: DiskMedia, reading: AsyncConnection, archive: zipfile.ZipFile, progress: Progress) -> int:
    """Add every file that is still there; what was removed while we read is told by its number."""
    missing = 0
    ids = (await reading.execute(select(assets.c.id).order_by(assets.c.id))).scalars().all()
    for done, asset_id in enumerate(ids, 1):
        try:
            asset = await media.get(asset_id)
            async with media.reading(asset) as reader:
                member = zipfile.ZipInfo(f"media/{asset.id}{asset.suffix}", datetime.now(UTC).timetuple()[:6])
                with archive.open(
                    member, "w", force_zip64=True
                ) as file:  # stored: pictures and videos are packed already
                    async for piece in reader.read(0, reader.size_bytes):
                        file.write(piece)
        except FileMissing:
            missing += 1
        progress("files", done, len(ids))
    return missing
