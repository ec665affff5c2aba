"""Small changes of a profile's row: enable, disable, another proxy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from gateway.cli.house import House, in_house
from gateway.cli.output import emit
from gateway.cli.profile_view import as_dict, find
from gateway.profiles.model import Profile

#: What the audit log calls a change, and what belongs to it.
Written = tuple[str, Mapping[str, str]]


def change(
    name: str,
    how: Callable[[House], Awaitable[None]],
    written: Written,
    done: str,
    *,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Change profile *name*, write that down, then say *done* (or show the profile as JSON)."""

    async def work(house: House) -> Profile:
        await find(house, name)
        await how(house)
        action, data = written
        await house.write_down(action, name, **data)
        return await find(house, name)

    emit(as_dict(in_house(work, data_dir)), done, as_json=as_json)
