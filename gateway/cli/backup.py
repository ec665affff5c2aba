"""``gateway backup`` and ``gateway restore``: one file, and a gateway from it again."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json, chosen
from gateway.cli.output import emit, note

if TYPE_CHECKING:
    from gateway.backups.archive import Manifest
    from gateway.backups.restoring import Restored
    from gateway.cli.house import House
    from gateway.settings import Settings


def backup(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write.", show_default=False)],
    media: Annotated[bool, typer.Option("--media", help="Also the videos and pictures themselves.")] = False,
    with_secret: Annotated[
        bool,
        typer.Option(
            "--with-secret", help="Also the secret key: then whoever has the file has your sign-ins. Keep it safe."
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write database, sealed sign-ins and the list of files to one file; the gateway may run meanwhile.

    The sign-ins in it are encrypted with the secret key, which is not in it unless you ask: keep secret.key (or what you set as
    GATEWAY_SECRET_KEY) somewhere else. With several nodes, back up each: sign-ins lie on the node that has the profile."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.progress import Shown  # noqa: PLC0415

    if out.exists():
        raise CommandError("file_exists", f"{out} exists already; give another name")
    if not out.absolute().parent.is_dir():
        raise CommandError("no_directory", f"there is no directory {out.absolute().parent}")

    async def work(house: House) -> tuple[Manifest, int]:
        from gateway.backups.taking import Source, take  # noqa: PLC0415
        from gateway.media.opening import open_media  # noqa: PLC0415

        kept = open_media(house.settings, house.db) if media else None
        source = Source(house.settings, house.profiles.node, house.secret, house.db, kept)
        return await take(source, out.absolute(), with_secret=with_secret, progress=Shown(as_json=as_json))

    manifest, missing = in_house(work, data_dir)
    size = out.stat().st_size
    told = {
        "file": out.absolute(),
        "bytes": size,
        "rows": dict(manifest.rows),
        "profiles": list(manifest.profiles),
        "profiles_elsewhere": dict(manifest.elsewhere),
        "media": manifest.media,
        "files_gone": missing,
        "with_secret": manifest.with_secret,
        "made_at": manifest.made_at,
    }
    emit(
        told,
        f"{out}: {sum(manifest.rows.values())} rows, sign-ins of {len(manifest.profiles)} profiles, {size / 1e6:.1f} MB",
        as_json=as_json,
    )
    if not with_secret:
        note(
            "the secret key is not in it: keep secret.key (or GATEWAY_SECRET_KEY) elsewhere; without it nobody can sign in "
            "from this file",
            as_json=as_json,
        )
    for name, node in manifest.elsewhere.items():
        note(f"profile {name} lives on node {node}: back it up there, too", as_json=as_json)


def restore(  # noqa: PLR0917 (typer calls by name)
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What gateway backup wrote.", show_default=False)],
    into: Annotated[
        str | None,
        typer.Option(
            "--into",
            metavar="DIR|URL",
            help="An empty data directory, or an empty database (sqlite:///…, postgresql://…); default: the configured ones.",
            show_default=False,
        ),
    ] = None,
    unfinished: Annotated[
        Literal["keep", "fail"],
        typer.Option(
            "--unfinished",
            help="Tasks not finished when the backup was made: keep goes on with them (if the old gateway worked on after the "
            "backup, they may be made twice), fail ends them.",
        ),
    ] = "keep",
    new_secret: Annotated[
        bool,
        typer.Option(
            "--new-secret", help="The old secret key is lost: sign in again and make new API keys afterwards."
        ),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a gateway from a backup, into an empty data directory or another database."""
    from gateway.db.address import naming  # noqa: PLC0415

    is_url = into is not None and "://" in into
    where = data_dir if is_url or into is None else Path(into)
    settings = chosen.settings(where, database_url=into if is_url else None)

    restored = asyncio.run(_restore(settings, file, fail=unfinished == "fail", new_secret=new_secret, as_json=as_json))
    database = naming(settings.effective_database_url)
    told = {"data_dir": settings.data_dir, "database": database, **asdict(restored)}
    # An --into of this command is no setting of the next one.
    start = f"set GATEWAY_DATABASE_URL to {database} and start it" if is_url else "start it"
    emit(
        told,
        f"restored into {settings.data_dir}{f' and {database}' if is_url else ''}: {restored.profiles} profiles, "
        f"{restored.files} files; {start} with: gateway serve --data-dir {settings.data_dir}",
        as_json=as_json,
    )
    if restored.unfinished:
        note(
            f"{restored.unfinished} tasks were not finished and go on at the start; if the old gateway worked on after the "
            "backup, they may be made twice: restore with --unfinished fail to end them instead",
            as_json=as_json,
        )


async def _restore(settings: Settings, file: Path, *, fail: bool, new_secret: bool, as_json: bool) -> Restored:
    from gateway.auth.secret import keep_secret, load_secret, place_of  # noqa: PLC0415
    from gateway.backups import archive as archives  # noqa: PLC0415
    from gateway.backups.restoring import Target, refuse_other_secret, restore  # noqa: PLC0415
    from gateway.cli.house import make_data_dir  # noqa: PLC0415
    from gateway.cli.logs import quiet  # noqa: PLC0415
    from gateway.cli.progress import Shown  # noqa: PLC0415
    from gateway.db.connect import Database  # noqa: PLC0415
    from gateway.instance import running  # noqa: PLC0415
    from gateway.media.opening import open_media  # noqa: PLC0415
    from gateway.profiles.node import node_id  # noqa: PLC0415

    quiet(settings)
    if running(settings.data_dir) is not None:
        raise CommandError("gateway_running", f"a gateway works on {settings.data_dir}: stop it first")
    with archives.opened(file) as (archive, manifest):
        if manifest.with_secret and settings.secret_key is None:
            keep_secret(settings, archive.read(archives.SECRET_MEMBER).decode())
        make_data_dir(settings.data_dir)
        made_here = not place_of(settings).exists() and settings.secret_key is None
        try:
            if not new_secret:
                refuse_other_secret(manifest, load_secret(settings), settings.data_dir)
        except archives.BadBackup:
            if made_here:  # the secret made just now is of no use, and would be in the way of the right one
                place_of(settings).unlink(missing_ok=True)
            raise
        node = node_id(settings.data_dir, settings.node_id or manifest.node)
        async with Database.open(settings.effective_database_url, bus_url=settings.bus_url) as db:
            target = Target(settings, node, db, open_media(settings, db))
            return await restore(archive, manifest, target, end_unfinished=fail, progress=Shown(as_json=as_json))
