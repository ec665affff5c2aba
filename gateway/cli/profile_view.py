"""How profiles are shown: `profile list`, `profile show`, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from browser.checkpoint import Checkpoint, CheckpointStore
from browser.clearance import Clearance
from gateway.cli.failures import CommandError
from gateway.cli.output import ago, did_you_mean, emit, facts, note, shortened, table
from gateway.cli.quota_view import quota, quota_in_words
from gateway.instance import running
from gateway.profiles.errors import UnknownProfile
from gateway.profiles.places import copies_of

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile, ProfileNote

#: Lines of a profile's history: for people, for programs.
NOTES_SHOWN, NOTES_TOLD = 10, 50


async def find(house: House, name: str) -> Profile:
    """Return the profile; an unknown name is answered with the nearest known one."""
    try:
        return await house.profiles.get(name)
    except UnknownProfile:
        known = [profile.name for profile in await house.profiles.list()]
        hint = did_you_mean(name, known) or f"add it: gateway profile add {name}"
        raise CommandError("unknown_profile", f"there is no profile {name!r}; {hint}") from None


def state_of(profile: Profile) -> str:
    """Return the profile's state in one word for people and programs."""
    return profile.state(datetime.now(UTC)).name


def in_words(profile: Profile) -> str:
    """Return one sentence: the state, whose account, why, and what to do next."""
    said = f"profile {profile.name} is {state_of(profile)}"
    if state_of(profile) == Clearance.READY:
        who = profile.account.get("name") or profile.account.get("id")
        return said + (f", signed in as {who}" if who else "")
    if profile.why:
        said += f": {profile.why}"
    return said + (f"; {profile.next_action}" if profile.next_action else "")


def as_dict(profile: Profile) -> dict[str, Any]:
    now = datetime.now(UTC)
    state, health = profile.state(now), profile.health_at(now)
    return {
        "name": profile.name,
        "state": state.name,
        "means": state.means,
        "moves": sorted(state.moves),
        "reason": profile.why,
        "since": profile.since,
        "next_action": profile.next_action,
        "enabled": profile.enabled,
        "account": dict(profile.account),
        "proxy": profile.shown_proxy,
        "egress": egress(profile),
        "cooldowns": [{"kind": c.kind, "until": c.until, "reason": c.reason} for c in profile.resting(now)],
        "health": {"score": health.score, "good": health.good, "reasons": dict(health.reasons)},
        "protocol": profile.protocol,
        "quota": quota(profile, now),
        "live": dict(profile.live),
        "checked_at": profile.checked_at,
        "last_checkpoint_at": profile.last_checkpoint_at,
        "node": profile.node_id,
        "created_at": profile.created_at,
    }


def egress(profile: Profile) -> dict[str, Any]:
    """Return the way out the profile signed in through, the present one, and what is to be warned of."""
    warning = profile.egress_warning
    return {
        "signed_in": profile.egress.get("signed_in"),
        "now": {"proxy": profile.shown_proxy, **(profile.egress.get("seen") or {})},
        "warning": None if warning is None else {"code": warning.code, "message": warning.message},
    }


async def listing(house: House, *, as_json: bool) -> None:
    """Print all profiles, and on standard error what is on disk without a row."""
    found = await house.profiles.list()
    if as_json:
        emit([as_dict(profile) for profile in found], as_json=True)
        return
    if not found:
        emit("", "no profiles yet; add one: gateway profile add NAME, or gateway login NAME", as_json=False)
    else:
        emit("", overview(found, here=house.profiles.node), as_json=False)
    if unknown := without_row(house, found):
        note(f"on disk without an entry: {', '.join(unknown)}; take up with: gateway profile add NAME")
    if found and running(house.settings.data_dir) is None:
        note("no gateway runs on this data directory; states are the last known")


def overview(found: Sequence[Profile], *, here: str) -> str:
    """Return the table of `profile list`."""
    elsewhere = any(profile.node_id != here for profile in found)
    headings = ["NAME", "STATE", "SINCE", "ACCOUNT", *(["NODE"] if elsewhere else []), "NOTE"]
    rows = [
        [
            shortened(profile.name, 20),
            state_of(profile),
            ago(profile.since),
            shortened(profile.account.get("name") or profile.account.get("id") or "-", 16),
            *([profile.node_id] if elsewhere else []),
            _note(profile),
        ]
        for profile in found
    ]
    return table(headings, rows)


def _note(profile: Profile) -> str:
    now = datetime.now(UTC)
    resting = [f"{c.kind} rests until {c.until.astimezone():%H:%M}" for c in profile.cooldowns if c.until > now]
    warning = profile.egress_warning
    if resting or state_of(profile) == Clearance.READY:
        return "; ".join([*resting, *(["its way out is not the one it signed in through"] if warning else [])])
    return profile.next_action.split(", or ")[0] or profile.why


def without_row(house: House, found: Sequence[Profile]) -> list[str]:
    """Return the profile folders nobody has an entry for (a moved or restored data directory)."""
    folder = house.settings.profiles_dir
    known = {profile.name for profile in found}
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name not in known)


async def detail(house: House, name: str, *, as_json: bool) -> None:
    """Print everything about one profile."""
    profile = await find(house, name)
    notes = await house.profiles.notes(name, limit=NOTES_TOLD if as_json else NOTES_SHOWN)
    copies = checkpoints(house, name).list()
    if as_json:
        value = as_dict(profile)
        value["checkpoints"] = [
            {
                "generation": c.generation,
                "taken_at": c.taken_at,
                "age_s": round(c.age_s),
                "bytes": c.size_bytes,
                "imported": c.imported,
            }
            for c in copies
        ]
        value["events"] = [{"at": n.at, "type": n.type, "data": n.data} for n in reversed(notes)]
        emit(value, as_json=True)
        return
    emit("", _detail(house, profile, copies, notes), as_json=False)


def _detail(house: House, profile: Profile, copies: Sequence[Checkpoint], notes: Sequence[ProfileNote]) -> str:
    now, warning = datetime.now(UTC), profile.egress_warning
    account = ", ".join(f"{value} ({key})" for key, value in profile.account.items() if value)
    text = facts(
        {
            "profile": profile.name,
            "state": f"{state_of(profile)} since {ago(profile.since)}" if profile.since else state_of(profile),
            "reason": profile.why,
            "next": profile.next_action,
            "account": account,
            "rests": "; ".join(f"{c.kind} until {ago(c.until)}: {c.reason}" for c in profile.resting(now)),
            "health": _health(profile, now),
            "proxy": profile.shown_proxy or "",
            "address": str((profile.egress.get("seen") or {}).get("address") or ""),
            "warning": warning.message if warning is not None else "",
            "memory": f"{memory / 1024 / 1024:.0f} MB" if (memory := profile.live.get("pss_bytes")) else "",
            "protocol": profile.protocol or "",
            "quota": quota_in_words(quota(profile, now), now),
            "checked": ago(profile.checked_at),
            "sign-ins": _kept(copies),
            "folder": str(house.settings.profiles_dir / profile.name),
        }
    )
    if notes:
        lines = [f"  {n.at.astimezone():%Y-%m-%d %H:%M:%S}  {n.type}{_shown(n)}" for n in reversed(notes)]
        text += "\n\nhistory\n" + "\n".join(lines)
    return text


def _health(profile: Profile, now: datetime) -> str:
    health = profile.health_at(now)
    lost = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in health.reasons[:4])
    return f"{health.score} of 100 ({health.good} good answers{f'; {lost}' if lost else ''} in a day)"


def _kept(copies: Sequence[Checkpoint]) -> str:
    if not copies:
        return "none kept yet"
    waiting = "; an imported one waits to be applied" if any(copy.imported for copy in copies) else ""
    return f"{len(copies)} kept, the newest {ago(copies[0].taken_at)}{waiting}"


def _shown(line: ProfileNote) -> str:
    said = {key: value for key, value in line.data.items() if value not in (None, "", {}, [])}
    told = ", ".join(f"{value} {key}" if isinstance(value, int) else str(value) for key, value in said.items())
    return f"  {shortened(told, 80)}" if told else ""


def checkpoints(house: House, name: str) -> CheckpointStore:
    """Return the profile's sealed copies."""
    return copies_of(house.settings, house.secret, name)
