"""A gateway from a backup: into a database that is empty and a data directory that has none of its profiles."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Table, func, select, update

from browser.profiles import check_name
from gateway.auth.secret import Secret
from gateway.backups.archive import BadBackup, Manifest, row_of
from gateway.backups.taking import Progress
from gateway.db import rows
from gateway.db.connect import Database
from gateway.db.copying import refuse_filled, refuse_running
from gateway.db.migrate import REVISIONS
from gateway.db.tables import profiles, tasks
from gateway.errors import OutcomeUnknown
from gateway.media.disk import DiskMedia
from gateway.profiles.places import directory_of
from gateway.settings import Settings
from gateway.tasks.model import Failure
from gateway.tasks.outcome_sql import fail
from gateway.tasks.states import State

UNFINISHED = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. unfinished: tasks that go on here; ended: those that were ended instead."""

    profiles: int
    files: int
    unfinished: int
    ended: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where it goes. node: the name of the node there."""

    settings: Settings
    node: str
    db: Database
    media: DiskMedia


def refuse_other_secret(manifest: Manifest, secret: Secret, data_dir: Path) -> None:
    """Raise BadBackup when the sign-ins and keys of the backup cannot be opened here."""
    if secret.mark != manifest.secret:
        raise BadBackup(
            "this backup's sign-ins and API keys belong to another secret key: put the old gateway's secret.key into "
            f"{data_dir} (0600) or set GATEWAY_SECRET_KEY to its content; if it is lost, --new-secret restores the rest"
        )


async def restore(
    archive: zipfile.ZipFile, manifest: Manifest, target: Target, *, end_unfinished: bool, progress: Progress
) -> Restored:
    """Bring everything back. Raises BadBackup, NotCopied before anything was changed."""
    if manifest.schema not in REVISIONS:
        raise BadBackup(
            f"this backup is of a newer gateway ({manifest.version}, schema {manifest.schema}): update this one"
        )
    await refuse_running(target.db)
    await refuse_filled(target.db)
    for name in manifest.profiles:
        check_name(name)
        if directory_of(target.settings, name).checkpoints.is_dir():
            raise BadBackup(
                f"there is a profile {name} in {target.settings.data_dir} already; give an empty data directory"
            )
    async with target.db.write() as writing:
        for table in rows.tables():
            done = 0
            for batch in _batches(archive, table):
                await rows.write(writing, table, batch)
                done += len(batch)
                progress(table.name, done, manifest.rows.get(table.name, done))
            if (arrived := await rows.count(writing, table)) != manifest.rows.get(table.name, arrived):
                raise BadBackup(f"rows of {table.name} are missing: {arrived} of {manifest.rows[table.name]}")
        await rows.settle(target.db, writing)
        await writing.execute(update(profiles).where(profiles.c.node_id == manifest.node).values(node_id=target.node))
    for name in manifest.profiles:
        _unpack_sign_ins(archive, name, target.settings)
    files = await _restore_media(archive, target, progress)
    ended = await _end_unfinished(target.db, manifest) if end_unfinished else 0
    async with target.db.read() as reading:
        wanted = select(func.count()).select_from(tasks).where(tasks.c.state.in_(UNFINISHED))
        unfinished = int((await reading.execute(wanted)).scalar_one())
    return Restored(profiles=len(manifest.profiles), files=files, unfinished=unfinished, ended=ended)


def _batches(archive: zipfile.ZipFile, table: Table) -> Iterator[list[dict[str, Any]]]:
    """The rows of one table; none for a table that is younger than the backup."""
    name = f"tables/{table.name}.jsonl"
    if name not in archive.namelist():
        return
    batch: list[dict[str, Any]] = []
    with archive.open(name) as file:
        for text in file:
            batch.append(row_of(table, text))
            if len(batch) == rows.BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _unpack_sign_ins(archive: zipfile.ZipFile, profile: str, settings: Settings) -> None:
    folder = directory_of(settings, profile)
    folder.create()
    start = f"profiles/{profile}/checkpoints/"
    for name in archive.namelist():
        if not name.startswith(start):
            continue
        fd = os.open(folder.checkpoints / PurePosixPath(name).name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(archive.read(name))


async def _restore_media(archive: zipfile.ZipFile, target: Target, progress: Progress) -> int:
    names = [name for name in archive.namelist() if name.startswith("media/")]
    for number, name in enumerate(names, 1):
        file_name = PurePosixPath(name).name
        suffix = PurePosixPath(name).suffix
        asset = await target.media.get(file_name.removesuffix(suffix))
        path = target.media.target(asset.id, asset.suffix)
        with archive.open(name) as packed, path.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            shutil.copyfileobj(packed, file)
        await target.media.keep(asset, path)
        progress("files", number, len(names))
    return len(names)


async def _end_unfinished(db: Database, manifest: Manifest) -> int:
    """Fail what was not finished when the backup was made; whoever wants it asks again."""
    failure = Failure(
        OutcomeUnknown.code,
        f"This task was not finished when the gateway was backed up ({manifest.made_at}); whether it was made after that is not "
        "known here.",
        retryable=True,
    )
    ended = 0
    async with db.write() as connection:
        for state in (State.QUEUED, State.RUNNING):
            found = await connection.execute(select(tasks.c.id).where(tasks.c.state == state.value))
            for task_id in found.scalars().all():
                ended += (await fail(db, connection, state, failure, tasks.c.id == task_id)) is not None
    return ended
