"""Options every command understands, before or after its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Directory of everything the gateway keeps (GATEWAY_DATA_DIR).", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with JSON on standard output.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.", show_default=False)]


class Chosen:
    """What was said before the command's name, for the command to fall back on."""

    def __init__(self) -> None:
        self.data_dir: Path | None = None

    def take(self, *, data_dir: Path | None) -> None:
        self.data_dir = data_dir

    def settings(self, data_dir: Path | None = None, **overrides: object) -> Settings:
        """Read the settings; *data_dir* and *overrides* are what the command line says (None: nothing).

        Raises ConfigurationError, naming the setting and where it came from.
        """
        from gateway.cli.configuration import read_settings  # noqa: PLC0415 (pydantic is slow to import)

        return read_settings(data_dir=data_dir or self.data_dir, **overrides)


chosen = Chosen()
