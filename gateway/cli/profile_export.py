"""``gateway profile export``: a sign-in, sealed for another machine."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.failures import CommandError
from gateway.cli.output import ago, emit, note
from gateway.cli.passphrase import passphrase
from gateway.cli.profile_view import checkpoints, find
from gateway.profiles.bundle import seal
from gateway.profiles.carrying import pack
from gateway.profiles.sealing import masked

if TYPE_CHECKING:
    from gateway.cli.house import House


async def send_out(
    house: House, name: str, out: str, *, with_proxy: bool, force: bool, passphrase_file: str | None, as_json: bool
) -> None:
    """Write the bundle of profile *name* to *out* ('-': standard output), readable by its owner only."""
    place = _place(out, force=force, as_json=as_json)
    await find(house, name)
    bundle = await pack(house.profiles, checkpoints(house, name), name, with_proxy=with_proxy)
    sealed = await asyncio.to_thread(seal, bundle, passphrase(passphrase_file, new=True))
    # Written down first: whoever can read the bundle must not be able to keep it out of the log.
    await house.write_down("profile.exported", name, proxy="along" if bundle.proxy else "left out")
    if place is None:
        sys.stdout.buffer.write(sealed)
        sys.stdout.flush()
        note(f"the sign-in of profile {name} as it was {ago(bundle.taken_at)}")
        return
    _write(place, sealed)
    emit(
        {
            "name": name,
            "file": str(place),
            "bytes": len(sealed),
            "taken_at": bundle.taken_at,
            "account": dict(bundle.account),
            "proxy": masked(bundle.proxy),
        },
        f"the sign-in of profile {name}, as it was {ago(bundle.taken_at)}, is sealed in {place}; bring it to another "
        f"machine and there: gateway profile import {name} --bundle {place.name}",
        as_json=as_json,
    )


def _place(out: str, *, force: bool, as_json: bool) -> Path | None:
    """Return the file to write, None for standard output. Raises CommandError."""
    if out == "-":
        if as_json or sys.stdout.isatty():
            raise CommandError("bad_output", "a bundle is no text: give --out a file, or pipe it on", exit_code=2)
        return None
    place = Path(out).expanduser()
    if place.exists() and not force:
        raise CommandError("file_exists", f"{place} is there already; say --force to replace it")
    return place


def _write(place: Path, sealed: bytes) -> None:
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise CommandError("bad_output", f"{place} cannot be written: {(exc.strerror or str(exc)).lower()}") from None
