"""How many tasks wait for a profile that needs its operator."""

from __future__ import annotations

from collections.abc import Iterable

from browser.clearance import Clearance
from gateway.profiles.model import Profile
from gateway.tasks.store import TaskStore


async def awaiting(store: TaskStore, profile: Profile, profiles: Iterable[Profile]) -> int:
    """Return how many tasks wait for *profile*, being one of all *profiles*."""
    others = any(
        one.enabled and not one.away and one.clearance is Clearance.READY
        for one in profiles
        if one.name != profile.name
    )
    return await store.awaiting(profile.name, profile.account_id, only_one=not others)
