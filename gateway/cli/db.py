"""``gateway db …``: the database's tables, and moving to another one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json, chosen
from gateway.cli.output import emit, facts, note

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

app = typer.Typer(help="The database: its tables, and moving to another one.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option("--url", help="Another database than the configured one.", show_default=False),
]


@app.command("status")
def status(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show where the database is and whether its tables are up to date; exit code 1 when they are not. Changes nothing."""
    from gateway.db.address import parse  # noqa: PLC0415
    from gateway.db.connect import Database  # noqa: PLC0415
    from gateway.db.copying import filled_tables  # noqa: PLC0415
    from gateway.db.migrate import HEAD, REVISIONS, current  # noqa: PLC0415

    settings = chosen.settings(data_dir)
    where, bus_url = (url, "") if url else (settings.effective_database_url, settings.bus_url)

    async def work() -> dict[str, Any]:
        address = parse(where)
        if address.dialect == "sqlite" and not address.file.exists():
            return {"database": address.shown, "kind": "sqlite", "schema": None, "rows": {}}
        async with Database.open(where, bus_url=bus_url, migrate=False) as db:
            revision = await current(db)
            counts = {}
            if revision == HEAD:
                async with db.read() as connection:
                    counts = {name: await _count(connection, name) for name in await filled_tables(connection)}
            return {"database": db.shown, "kind": db.dialect, "schema": revision, "rows": counts}

    found = _run(work, data_dir)
    found |= {"needed": HEAD, "up_to_date": found["schema"] == HEAD}
    if found["up_to_date"]:
        state = f"{HEAD}, up to date"
    elif found["schema"] is None:
        state = "no tables yet; they are made at the first start, or with: gateway db upgrade"
    elif found["schema"] not in REVISIONS:
        state = f"{found['schema']}, of a newer gateway; this one knows {HEAD}: update this one"
    else:
        state = f"{found['schema']}, needed is {HEAD}; next: gateway db upgrade"
    held = ", ".join(f"{name} {number}" for name, number in found["rows"].items())
    emit(found, facts({"database": found["database"], "schema": state, "rows": held}), as_json=as_json)
    if not found["up_to_date"]:
        raise typer.Exit(1)


@app.command("upgrade")
def upgrade(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Make the tables, or bring them up to date. Every start does so by itself; nodes of the version before go on meanwhile."""
    from gateway.db.connect import Database  # noqa: PLC0415
    from gateway.db.migrate import current  # noqa: PLC0415

    settings = chosen.settings(data_dir)
    where, bus_url = (url, "") if url else (settings.effective_database_url, settings.bus_url)

    async def work() -> dict[str, Any]:
        from gateway.db.migrate import upgrade as bring_up  # noqa: PLC0415

        async with Database.open(where, bus_url=bus_url, migrate=False) as db:
            before = await current(db)
            await bring_up(db)
            return {"database": db.shown, "before": before, "schema": await current(db)}

    found = _run(work, data_dir)
    done = (
        "was up to date"
        if found["before"] == found["schema"]
        else f"brought up to date (was: {found['before'] or 'empty'})"
    )
    emit(found, f"{found['database']} is at schema {found['schema']}: {done}", as_json=as_json)


@app.command("copy")
def copy(
    source: Annotated[
        str, typer.Option("--from", metavar="URL", help="sqlite:///FILE or postgresql://…", show_default=False)
    ],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database.", show_default=False)],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Carry everything from one database to another while the gateway is stopped: SQLite to PostgreSQL, or back.

    All rows in one transaction, counted again at the end; on any trouble the target stays empty."""
    from gateway.cli.progress import Shown  # noqa: PLC0415
    from gateway.db.address import naming, parse  # noqa: PLC0415
    from gateway.db.connect import Database  # noqa: PLC0415
    from gateway.db.copying import copy as carry  # noqa: PLC0415
    from gateway.db.copying import refuse_source  # noqa: PLC0415

    there = parse(source)
    if there.dialect == "sqlite" and not there.file.is_file():
        raise CommandError("no_database", f"there is no database {there.shown}; check --from")
    if there.url == parse(target).url:
        raise CommandError("same_database", "--from and --to name the same database")

    async def work() -> dict[str, Any]:
        shown = Shown(as_json=as_json)
        async with Database.open(source, migrate=False) as reading:
            await refuse_source(reading)
            async with Database.open(target) as writing:
                copied = await carry(reading, writing, progress=shown)
                return {"from": reading.shown, "to": writing.shown, "rows": dict(copied)}

    done = _run(work, data_dir)
    rows = sum(done["rows"].values())
    emit(done, f"{rows} rows in {len(done['rows'])} tables copied and counted", as_json=as_json)
    note(
        f"now set GATEWAY_DATABASE_URL to {naming(target)}; the secret key and GATEWAY_MEDIA_URL stay as they are",
        as_json=as_json,
    )


async def _count(connection: Any, name: str) -> int:
    from gateway.db import rows  # noqa: PLC0415
    from gateway.db.tables import metadata  # noqa: PLC0415

    return await rows.count(connection, metadata.tables[name])


def _run(work: Callable[[], Coroutine[Any, Any, dict[str, Any]]], data_dir: Any) -> dict[str, Any]:
    from gateway.cli.logs import quiet  # noqa: PLC0415

    quiet(chosen.settings(data_dir))
    return asyncio.run(work())
