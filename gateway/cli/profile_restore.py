"""``gateway profile checkpoints`` and ``restore``: the copies of a sign-in, and going back to one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from browser.clearance import Clearance
from gateway.cli.failures import CommandError
from gateway.cli.output import ago, emit, note, table
from gateway.cli.profile_view import as_dict, checkpoints, find, in_words
from gateway.cli.reach import lives_here, wait_until
from gateway.instance import running
from gateway.profiles.carrying import copies_to_json, put_back

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile

VERIFY_S = 90.0


async def kept(house: House, name: str, *, as_json: bool) -> None:
    """Print the copies with their age."""
    profile = await find(house, name)
    found = _copies(house, profile)
    if as_json:
        emit({"name": name, "checkpoints": [as_value(one) for one in found]}, as_json=True)
        return
    if not found:
        emit("", f"no copy of profile {name} is kept yet; sign in first: gateway login {name}", as_json=False)
        return
    rows = [
        [
            str(one["generation"]),
            ago(datetime.fromisoformat(one["taken_at"])),
            f"{one['bytes'] / 1024:.1f} kB",
            "imported, waits to be applied" if one["imported"] else "",
        ]
        for one in found
    ]
    emit("", table(["GENERATION", "TAKEN", "SIZE", "NOTE"], rows), as_json=False)
    note(f"go back to one with: gateway profile restore {name} --generation N")


def as_value(copy: dict[str, Any]) -> dict[str, Any]:
    """Return one copy as programs are told of it."""
    taken_at = datetime.fromisoformat(copy["taken_at"])
    return {**copy, "taken_at": taken_at, "age_s": round((datetime.now(UTC) - taken_at).total_seconds())}


async def bring_back(house: House, name: str, generation: int, *, wait: bool, as_json: bool) -> bool:
    """Have copy *generation* applied and verified; False when the site does not accept it."""
    profile = await find(house, name)
    if not any(one["generation"] == generation for one in _copies(house, profile)):
        raise CommandError(
            "no_checkpoint", f"profile {name} has no copy {generation}; see: gateway profile checkpoints {name}"
        )
    await house.write_down("profile.restore_requested", name, generation=generation)
    here = lives_here(house, profile)
    if here and running(house.settings.data_dir) is None:
        await put_back(house.profiles, checkpoints(house, name), name, generation)
        seen = await find(house, name)
        emit(
            as_dict(seen),
            f"copy {generation} of profile {name} lies ready; it is applied and verified when the gateway starts; now: "
            f"gateway profile check {name}",
            as_json=as_json,
        )
        return True
    asked_at = await house.profiles.request_restore(name, generation)
    if not wait or not profile.enabled:
        emit(as_dict(await find(house, name)), f"profile {name}: copy {generation} is put back next", as_json=as_json)
        return True
    note(f"the gateway puts copy {generation} back and asks the site …", as_json=as_json)
    answered = await wait_until(
        house,
        name,
        lambda seen: seen.restore_generation is None,
        timeout_s=VERIFY_S,
        otherwise=f"the gateway on node {profile.node_id} has not answered within {VERIFY_S:g} s; "
        f"see: gateway profile show {name}",
    )
    for line in await house.profiles.notes(name):
        if line.type == "restore_failed" and line.at >= asked_at:
            raise CommandError("restore_failed", f"copy {generation} was not put back: {line.data.get('reason')}")
    wanted = answered.check_requested_at or asked_at
    seen = await wait_until(
        house,
        name,
        lambda row: row.checked_at is not None and row.checked_at >= wanted,
        timeout_s=VERIFY_S,
        otherwise=f"the gateway has not verified profile {name} yet; see: gateway profile show {name}",
    )
    emit(as_dict(seen), in_words(seen), as_json=as_json)
    return seen.clearance is Clearance.READY


def _copies(house: House, profile: Profile) -> list[dict[str, Any]]:
    """Return the copies as they lie on this disk, or as the node that has them last said."""
    if lives_here(house, profile):
        return copies_to_json(checkpoints(house, profile.name))
    return [dict(one) for one in profile.checkpoints]
