"""Where the passphrase of a bundle comes from: a file, the environment, or whoever sits at the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from gateway.cli.failures import CommandError

VARIABLE = "GATEWAY_BUNDLE_PASSPHRASE"


def passphrase(file: str | None, *, new: bool) -> str:
    """Return the passphrase. new: it is being chosen, so it is asked for twice. Raises CommandError."""
    if file is not None:
        try:
            given = Path(file).expanduser().read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "not a text file"
            raise CommandError(
                "bad_passphrase_file", f"{file} cannot be read: {(reason or str(exc)).lower()}"
            ) from None
        if not given:
            raise CommandError("bad_passphrase_file", f"{file} is empty; put the passphrase in it")
        return given
    if given := os.environ.get(VARIABLE, ""):
        return given
    if not sys.stdin.isatty():
        raise CommandError(
            "passphrase_needed", f"say the bundle's passphrase with --passphrase-file FILE or {VARIABLE}", exit_code=2
        )
    asked: str = typer.prompt("Passphrase of the bundle", hide_input=True, confirmation_prompt=new, err=True)
    return asked
