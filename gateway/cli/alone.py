"""Working with one profile while no gateway has it: a pool of our own, with just that profile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from browser.clearance import Clearance
from browser.pool import Pool
from browser.profiles import ProfileSpec
from gateway.cli.house import House
from gateway.errors import GatewayError
from gateway.grok.site import grok_site
from gateway.profiles.events import ProfileEvents
from gateway.profiles.model import Profile
from gateway.profiles.places import copies_of
from gateway.profiles.pool import make_pool
from gateway.profiles.recorder import Recorder
from gateway.settings import Headless


@dataclass(frozen=True, slots=True)
class Alone:
    """The pool, and what writes its news into the row."""

    pool: Pool
    recorder: Recorder


@asynccontextmanager
async def alone_with(
    house: House, profile: Profile, *, clearance: Clearance, headless: Headless | None = None
) -> AsyncIterator[Alone]:
    """Have the profile's browser for the length of the block. Raises ProfileBusy when another process has it."""
    events = ProfileEvents()
    pool = make_pool(grok_site(), house.settings, house.secret, on_event=events.put, headless=headless)
    recorder = Recorder(
        house.profiles,
        events,
        lambda name: next((status for status in pool.status() if status.name == name), None),
        copies=lambda name: copies_of(house.settings, house.secret, name),
    )
    async with pool:
        spec = ProfileSpec(name=profile.name, proxy=house.profiles.proxy_of(profile))
        await pool.add(spec, clearance=clearance, reason=profile.reason)
        try:
            yield Alone(pool, recorder)
        finally:
            with suppress(GatewayError):
                await recorder.flush()
