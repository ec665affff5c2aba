"""``gateway profile check``: the site's own word on whether the profile may work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from browser.clearance import Clearance
from gateway.cli.alone import alone_with
from gateway.cli.failures import CommandError
from gateway.cli.output import emit, note
from gateway.cli.profile_view import as_dict, find, in_words
from gateway.cli.reach import lives_here, wait_until
from gateway.instance import running

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile


async def look_at(house: House, name: str, *, timeout_s: float, as_json: bool) -> bool:
    """Print what the site says of the profile; True when it may work."""
    profile = await find(house, name)
    if not profile.enabled:
        raise CommandError("profile_disabled", f"profile {name} is disabled; enable it: gateway profile enable {name}")
    seen = await checked(house, profile, timeout_s=timeout_s, as_json=as_json)
    emit(as_dict(seen), in_words(seen), as_json=as_json)
    return seen.clearance is Clearance.READY


async def checked(house: House, profile: Profile, *, timeout_s: float, as_json: bool) -> Profile:
    """Have the profile verified, by the gateway that has it or by ourselves, and return what came out."""
    name = profile.name
    if lives_here(house, profile) and running(house.settings.data_dir) is None:
        note("no gateway runs; starting the profile's browser …", as_json=as_json)
        async with alone_with(house, profile, clearance=Clearance.NEW) as work:
            await work.pool.check(name)
            await work.recorder.write(name, checked_for=datetime.now(UTC))
        return await house.profiles.get(name)
    asked_at = await house.profiles.request_check(name)
    return await wait_until(
        house,
        name,
        lambda seen: seen.checked_at is not None and seen.checked_at >= asked_at,
        timeout_s=timeout_s,
        otherwise=f"the gateway on node {profile.node_id} has not answered within {timeout_s:g} s; "
        f"see: gateway profile show {name}",
    )
