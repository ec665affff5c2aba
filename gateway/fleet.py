"""This node and the others as one: what all profiles together can do, for clients who do not care where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.nodes.model import READY
from gateway.nodes.neighbours import Neighbours
from gateway.site import SiteParts, offers_of, why_nobody


@dataclass(frozen=True, slots=True)
class Fleet:
    """parts: of this node."""

    parts: SiteParts
    others: Neighbours

    def free_here(self, kind: str, detail: str) -> int:
        """How much work of *kind* profiles of this node could begin now. detail: a finer kind that may rest by itself."""
        now = datetime.now(UTC)
        return sum(offer.free(kind, detail, now) for offer in offers_of(self.parts))

    def is_able_here(self, kind: str, detail: str) -> bool:
        """Whether a profile of this node does such work now, busy or not, or may in a moment."""
        now = datetime.now(UTC)
        return any(
            kind in offer.places and (offer.is_able((kind, detail), now) or offer.is_coming)
            for offer in offers_of(self.parts)
        )

    def allows(self) -> frozenset[str]:
        """What some signed-in account can do beyond the ordinary, on whichever node."""
        return self.parts.allows() | self.others.allows()

    def modes(self) -> frozenset[str] | None:
        """The chat modes that some account may choose, None while the site told of none."""
        here, elsewhere = self.parts.modes(), self.others.modes()
        return elsewhere if here is None else here | (elsewhere or frozenset())

    def facts(self) -> Mapping[str, Any]:
        """What other nodes are told beside the profiles."""
        modes = self.parts.modes()
        return {"modes": None if modes is None else sorted(modes)}

    def video_places(self) -> int:
        """How many videos all ready profiles make side by side, free or not."""
        offers = [*offers_of(self.parts), *(offer for node in self.others.live for offer in node.offers)]
        return sum(
            offer.places["video"].total for offer in offers if offer.clearance == READY and "video" in offer.places
        )

    def why_waiting(self) -> tuple[str, str] | None:
        """(code, sentence) when no profile of any node could take work, None when one could."""
        if self.others.ready():
            return None
        here = self.parts.profiles()
        elsewhere = self.others.clearances()
        return why_nobody([profile.clearance.value for profile in here] + list(elsewhere))
