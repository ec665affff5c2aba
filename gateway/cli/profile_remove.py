"""``gateway profile remove``: deletes what the profile was, on disk and in the database."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import typer

from gateway.cli.failures import CommandError
from gateway.cli.output import emit
from gateway.cli.profile_view import find
from gateway.cli.reach import lives_here, wait_until_gone
from gateway.instance import running
from gateway.profiles.places import directory_of

if TYPE_CHECKING:
    from gateway.cli.house import House

REMOVAL_S = 60.0


async def take_away(house: House, name: str, *, yes: bool, as_json: bool) -> None:
    """Delete the profile: through the gateway that has it, or by ourselves when none runs."""
    profile = await find(house, name)
    directory = directory_of(house.settings, name)
    here = lives_here(house, profile)
    size_bytes = await asyncio.to_thread(directory.size_bytes)
    size = f"{size_bytes / 1024 / 1024:.1f} MB" if size_bytes else "nothing there yet"
    what = (
        f"its browser data and saved sign-ins ({directory.root}, {size})" if here else f"it on node {profile.node_id}"
    )
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise CommandError("confirmation_needed", f"this deletes {what}; say --yes to do it", exit_code=2)
        typer.confirm(f"Delete profile {name}: {what}?", abort=True, err=True)
    if here and running(house.settings.data_dir) is None:
        await directory.delete()
        await house.profiles.remove(name)
        await house.write_down("profile.removed", name)
    else:
        await house.profiles.request_removal(name)
        await house.write_down("profile.removal_requested", name)
        await wait_until_gone(
            house,
            name,
            timeout_s=REMOVAL_S,
            otherwise=f"profile {name} still finishes its work; it is deleted when that is done",
        )
    emit({"name": name, "removed": True}, f"profile {name} removed: {what}", as_json=as_json)
