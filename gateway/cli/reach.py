"""Reaching the gateway that has a profile, through the profile's row: ask, then wait for the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gateway.cli.failures import CommandError
from gateway.profiles.errors import ProfileElsewhere, UnknownProfile

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile

LOOK_EVERY_S = 0.25


def lives_here(house: House, profile: Profile) -> bool:
    """Whether the profile's directory belongs to this data directory."""
    return profile.node_id == house.profiles.node


def here_or_refuse(house: House, profile: Profile) -> None:
    """Raise ProfileElsewhere when the profile is another node's."""
    if not lives_here(house, profile):
        raise ProfileElsewhere(f"profile {profile.name} lives on node {profile.node_id}; run this command there")


async def wait_until(
    house: House, name: str, met: Callable[[Profile], bool], *, timeout_s: float, otherwise: str
) -> Profile:
    """Return the profile as soon as its row meets the condition. Raises CommandError with *otherwise* when it does not."""
    deadline = time.monotonic() + timeout_s
    while True:
        profile = await house.profiles.get(name)
        if met(profile):
            return profile
        if time.monotonic() > deadline:
            raise CommandError("no_answer", otherwise)
        await asyncio.sleep(LOOK_EVERY_S)


async def wait_until_gone(house: House, name: str, *, timeout_s: float, otherwise: str) -> None:
    """Return when the profile's row is gone. Raises CommandError with *otherwise* when it stays."""
    try:
        await wait_until(house, name, lambda _: False, timeout_s=timeout_s, otherwise=otherwise)
    except UnknownProfile:
        return
