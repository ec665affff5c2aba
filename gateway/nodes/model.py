"""A node as its row says it, and what its profiles can do. Plain values; times are aware UTC, ages seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: Clearances of a profile that may become READY by themselves within moments.
COMING = frozenset({"new", "verifying", "stale_page"})
READY = "ready"


@dataclass(frozen=True, slots=True)
class Places:
    """Places of one kind of work on one profile."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class ProfileOffer:
    """What one profile of a node can do now.

    rests: kinds of work (``chat``, ``chat:expert``) that rest, and until when. allows: what its account can do beyond the
    ordinary.
    """

    name: str
    clearance: str
    account_id: str | None = None
    allows: frozenset[str] = frozenset()
    places: Mapping[str, Places] = field(default_factory=dict)
    rests: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def is_coming(self) -> bool:
        """Whether it may be ready in a moment, by itself."""
        return self.clearance in COMING

    def is_able(self, kinds: Collection[str], now: datetime) -> bool:
        """Whether it is ready and rests for none of *kinds*."""
        return self.clearance == READY and not any(until > now for kind, until in self.rests.items() if kind in kinds)

    def free(self, kind: str, detail: str, now: datetime) -> int:
        """How many pieces of work of *kind* it could begin now. detail: a finer kind that may rest by itself."""
        places = self.places.get(kind)
        return places.free if places is not None and self.is_able((kind, detail), now) else 0


@dataclass(frozen=True, slots=True)
class Node:
    """One node. age_s: since its last sign of life, by the database's clock; left_at: it stopped in good order.

    info: ``store`` (which media store), ``secret`` (mark of its secret key), ``machine``, ``pid``, ``running`` (tasks),
    ``modes`` (chat modes that its accounts may choose, where the site told).
    """

    id: str
    hostname: str
    address: str
    role: str
    version: str
    started_at: datetime
    heartbeat_at: datetime
    age_s: float
    left_at: datetime | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    offers: Sequence[ProfileOffer] = ()

    def is_live(self, stale_s: float) -> bool:
        """Whether it is at work as far as anybody can know."""
        return self.left_at is None and self.age_s < stale_s

    def state(self, stale_s: float) -> str:
        """``live``, ``stopped`` (in good order) or ``stale`` (silent: it crashed, or cannot reach the database)."""
        if self.left_at is not None:
            return "stopped"
        return "live" if self.is_live(stale_s) else "stale"

    def free(self, kind: str, detail: str, now: datetime) -> int:
        return sum(offer.free(kind, detail, now) for offer in self.offers)

    def is_able(self, kind: str, detail: str, now: datetime) -> bool:
        """Whether one of its profiles does work of this kind at all now, busy or not."""
        return any(kind in offer.places and offer.is_able((kind, detail), now) for offer in self.offers)


def offers_to_json(offers: Sequence[ProfileOffer]) -> list[dict[str, Any]]:
    return [
        {
            "name": offer.name,
            "clearance": offer.clearance,
            "account": offer.account_id,
            "allows": sorted(offer.allows),
            "places": {kind: [places.free, places.total] for kind, places in offer.places.items()},
            "rests": {kind: until.isoformat() for kind, until in offer.rests.items()},
        }
        for offer in offers
    ]


def offers_from_json(stored: Sequence[Mapping[str, Any]] | None) -> tuple[ProfileOffer, ...]:
    """Read what a node wrote; one of another version may have written more."""
    return tuple(
        ProfileOffer(
            name=str(one["name"]),
            clearance=str(one["clearance"]),
            account_id=one.get("account"),
            allows=frozenset(one.get("allows", ())),
            places={kind: Places(free, total) for kind, (free, total) in one.get("places", {}).items()},
            rests={kind: datetime.fromisoformat(until) for kind, until in one.get("rests", {}).items()},
        )
        for one in stored or ()
    )
