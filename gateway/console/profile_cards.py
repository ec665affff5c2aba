"""What is shown of a profile, on its card and on its page: its row, and for this node's own how it stands this moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from browser.clearance import Cooldown
from browser.status import ProfileStatus, SlotCount
from gateway.console.house import House
from gateway.console.language import has_text, text
from gateway.console.wording import ago
from gateway.profiles.health import Health
from gateway.profiles.model import Profile, ProfileNote
from gateway.profiles.states import LINE, Remedy, State

#: Hints that are told within so long of each other are one answer of the site's.
TOGETHER = timedelta(minutes=1)
#: Where a state that is none of the line's own stands: it keeps the profile from this place.
BESIDE = LINE.index("ready")


@dataclass(frozen=True, slots=True)
class Quota:
    """What the site said is left of one kind of work."""

    kind: str
    remaining: int
    total: int | None
    media: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One profile. here: it lives on this node. leaving: its removal was asked for. running: its browser is; memory: what
    that takes, in bytes, None until it was measured. quota: hints, by the moment they were told. place: which step of the
    line it stands at (or beside)."""

    profile: Profile
    state: State
    remedy: Remedy
    here: bool
    slots: Mapping[str, SlotCount]
    running: bool
    memory: int | None
    resting: Sequence[Cooldown]
    quota: Sequence[tuple[datetime, Sequence[Quota]]]
    health: Health

    @property
    def leaving(self) -> bool:
        return self.profile.removed_at is not None

    @property
    def checking(self) -> bool:
        """Whether somebody waits for the answer to a look, or for an earlier copy to be put back."""
        return (
            self.profile.enabled
            and not self.profile.away
            and (self.profile.check_wanted or self.profile.restore_generation is not None)
        )

    @property
    def worked(self) -> bool:
        """Whether there was anything within the last day to judge its health by."""
        return any(bar is not None for bar in self.health.bars)

    @property
    def way_out(self) -> tuple[str, datetime] | None:
        """The address its requests come from, and when that was seen; None where nobody asks for it."""
        seen = self.profile.egress.get("seen")
        return (seen["address"], datetime.fromisoformat(seen["at"])) if seen else None

    @property
    def place(self) -> int:
        return LINE.index(self.state.name) if self.state.name in LINE else BESIDE


def cards_of(house: House, rows: Iterable[Profile]) -> Sequence[Card]:
    """Return the cards of *rows*, in their order."""
    statuses = {status.name: status for status in house.statuses()}
    return [card_of(row, node=house.registry.node, status=statuses.get(row.name)) for row in rows]


def card_of(profile: Profile, *, node: str, status: ProfileStatus | None = None) -> Card:
    """Return one card. *status* is fresher than what its node last wrote into the row."""
    now = datetime.now(UTC)
    here = profile.node_id == node
    fresh = status if here else None
    gone = profile.away
    live: Mapping[str, Any] = profile.live
    return Card(
        profile=profile,
        state=profile.state(now),
        remedy=profile.remedy(now),
        here=here,
        slots=({} if gone else _stored_slots(profile)) if fresh is None else fresh.slots,
        running=not gone and bool(live.get("running")) if fresh is None else fresh.running,
        memory=live.get("pss_bytes") if fresh is None else fresh.pss_bytes,
        resting=profile.resting(now),
        quota=_quota(profile),
        health=profile.health_at(now),
    )


def told(note: ProfileNote) -> Markup:
    """A line of the history as a sentence; what is not known here is told by its name."""
    key = "profiles.event_" + note.type.replace(" ", "_").replace("-", "_")
    if not has_text(key):
        return Markup("{}").format(note.type)
    data = note.data
    state = str(data.get("clearance") or "")
    until = data.get("until")
    return text(
        key,
        state=text(f"words.profile_{state}") if has_text(f"words.profile_{state}") else state,
        generation=data.get("generation", "?"),
        cookies=data.get("cookies", "?"),
        kind=kind_word(str(data.get("kind", "?"))),
        until=ago(datetime.fromisoformat(until)) if until else "?",
        origin=data.get("from", "?"),
        to=data.get("to", "?"),
    )


def kind_word(kind: str) -> Markup:
    """The name of a kind of work; what rests by itself is written ``chat:MODE`` or ``image:edits``."""
    if has_text(whole := f"profiles.kind_{kind.replace(':', '_')}"):
        return text(whole)
    word, _, mode = kind.partition(":")
    known = text(f"profiles.kind_{word}") if has_text(f"profiles.kind_{word}") else Markup("{}").format(word)
    return Markup("{} {}").format(known, text("words.aside", what=mode)) if mode else known


def _stored_slots(profile: Profile) -> Mapping[str, SlotCount]:
    stored: Mapping[str, Sequence[int]] = profile.live.get("slots") or {}
    return {kind: SlotCount(used, total) for kind, (used, total) in stored.items()}


def _quota(profile: Profile) -> Sequence[tuple[datetime, Sequence[Quota]]]:
    """The hints that were told together stand together, with that moment: the media's first, then the chat modes'."""
    groups: list[tuple[datetime, list[Quota]]] = []
    hints = ((datetime.fromisoformat(entry["told_at"]), kind, entry) for kind, entry in profile.quota.items())
    for told_at, kind, entry in sorted(hints, key=lambda hint: hint[0]):
        if entry.get("remaining") is not None:
            if not groups or told_at - groups[-1][0] > TOGETHER:
                groups.append((told_at, []))
            groups[-1][1].append(Quota(kind, entry["remaining"], entry.get("total"), bool(entry.get("media"))))
    return [(at, sorted(lines, key=lambda line: (not line.media, line.kind))) for at, lines in reversed(groups)]
