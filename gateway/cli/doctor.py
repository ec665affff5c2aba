"""``gateway doctor``: what is wrong here, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.options import DataDir, Json, chosen


def doctor(
    site: Annotated[bool, typer.Option("--site", help="Also ask the site about each profile.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Look at browser, machine, data directory, database and profiles; exit code 1 when something fails."""
    from gateway.cli.diagnosis import diagnose  # noqa: PLC0415

    if not diagnose(chosen.settings(data_dir), site=site, as_json=as_json):
        raise typer.Exit(1)
