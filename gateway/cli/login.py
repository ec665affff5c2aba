"""``gateway login``: sign in by hand, in a window."""

from __future__ import annotations

import typer

from gateway.cli.options import DataDir, Json, Name


def login(name: Name, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Open the profile's browser on your display and wait until the site says that you are signed in."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.cli.sign_in import sign_in  # noqa: PLC0415

    if not in_house(lambda house: sign_in(house, name, as_json=as_json), data_dir):
        raise typer.Exit(1)
