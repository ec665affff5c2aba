"""What is shown of a node: its row, the profiles that live on it, and what it is doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.console.house import House
from gateway.nodes.model import Node
from gateway.nodes.registry import NodeRegistry
from gateway.profiles.model import Profile
from gateway.profiles.states import State


@dataclass(frozen=True, slots=True)
class Home:
    """A node with the profiles that live on it. state: ``live``, ``stopped`` or ``stale``; here: this very one.

    running: videos it is making. used, places: of all its ready profiles together, for videos.
    """

    node: Node
    state: str
    here: bool
    profiles: Sequence[tuple[Profile, State]]
    running: int
    used: int
    places: int

    @property
    def ready(self) -> int:
        return sum(state.name == "ready" for _, state in self.profiles)

    @property
    def missed(self) -> bool:
        """Whether it fell silent without a word while profiles of its own should work: somebody has to look."""
        return self.state == "stale" and any(profile.enabled for profile, _ in self.profiles)


async def homes_of(house: House) -> Sequence[Home]:
    """Every node there is a row of; this one first, then those at work, then the silent and the stopped."""
    registry = NodeRegistry(house.db)
    now, here = datetime.now(UTC), house.registry.node
    rows = [row for row in await house.registry.list() if row.removed_at is None]
    found = []
    for node in await registry.everybody():
        live = node.is_live(registry.stale_s)
        places = [offer.places["video"] for offer in node.offers if "video" in offer.places and live]
        total = sum(place.total for place in places)
        found.append(
            Home(
                node=node,
                state=node.state(registry.stale_s),
                here=node.id == here,
                profiles=[(row, row.state(now)) for row in rows if row.node_id == node.id],
                running=int(node.info.get("running", 0)) if live else 0,
                used=total - sum(place.free for place in places),
                places=total,
            )
        )
    order = {"live": 0, "stale": 1, "stopped": 2}
    return sorted(found, key=lambda home: (not home.here, order[home.state], home.node.id))
