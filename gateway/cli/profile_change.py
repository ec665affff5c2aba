"""Small changes of a profile's row: enable, disable, another proxy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.cli.house import House, in_house
from gateway.cli.output import emit
from gateway.cli.profile_view import as_dict, find
from gateway.profiles.model import Profile


def change(
    name: str, how: Callable[[House], Awaitable[None]], done: str, *, data_dir: Path | None, as_json: bool
) -> None:
    """Change profile *name*, then say *done* (or show the profile as JSON)."""

    async def work(house: House) -> Profile:
        await find(house, name)
        await how(house)
        return await find(house, name)

    emit(as_dict(in_house(work, data_dir)), done, as_json=as_json)
