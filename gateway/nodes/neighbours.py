"""The other nodes as this one sees them: at most some seconds old, refreshed at every hint."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from gateway.db.changes import PROFILES
from gateway.db.connect import Database
from gateway.db.one_host import this_host
from gateway.errors import GatewayError
from gateway.nodes.addresses import leads_home
from gateway.nodes.model import Node
from gateway.nodes.registry import TOPIC, NodeRegistry

log = structlog.get_logger(__name__)

#: A node that could not be reached is asked last for so long.
AVOIDED_S = 5.0


class Neighbours:
    """Run `keep` beside whatever asks."""

    def __init__(self, db: Database, registry: NodeRegistry, own: str) -> None:
        self._db = db
        self._registry = registry
        self._machine = this_host()["boot"]
        self._nodes: Sequence[Node] = ()
        self._seen_at = time.monotonic()
        self._avoided: dict[str, float] = {}
        self._at_work: set[str] = set()
        self.own = own

    async def keep(self) -> None:
        """Look again and again, until cancelled."""
        with self._db.changes.listen(TOPIC) as hint:
            while True:
                await hint.wait(self._registry.beat_s)
                try:
                    await self.look()
                except GatewayError as exc:
                    log.debug("nodes cannot be read", reason=exc.message)
                    await asyncio.sleep(1.0)
                except (KeyError, TypeError, ValueError) as exc:  # a row that another version wrote
                    log.warning("nodes cannot be understood", reason=repr(exc))

    async def look(self) -> None:
        found = [node for node in await self._registry.everybody() if node.id != self.own]
        self._nodes, self._seen_at = found, time.monotonic()
        at_work = {node.id for node in found if node.is_live(self._registry.stale_s)}
        if at_work != self._at_work:  # nobody tells of a node that died: who shows its profiles must look again
            self._at_work = at_work
            self._db.changes.wake(PROFILES)

    @property
    def live(self) -> Sequence[Node]:
        """The others that are at work."""
        since_s = time.monotonic() - self._seen_at
        return [
            node for node in self._nodes if replace(node, age_s=node.age_s + since_s).is_live(self._registry.stale_s)
        ]

    def find(self, node_id: str) -> Node | None:
        """The node of that name, if it is another one, at work, and can be reached from here."""
        return next((node for node in self.live if node.id == node_id and self._is_reachable(node)), None)

    def with_places(self, kind: str, detail: str = "") -> Sequence[Node]:
        """Those that could begin such work now, most free places first; those that could not be reached lately last."""
        now = datetime.now(UTC)
        free = [(node, count) for node in self._workers() if (count := node.free(kind, detail, now))]
        return [node for node, _ in sorted(free, key=lambda one: (self._is_avoided(one[0]), -one[1], one[0].id))]

    def able(self, kind: str, detail: str = "") -> Sequence[Node]:
        """Those that do such work, busy or not."""
        now = datetime.now(UTC)
        return [node for node in self._workers() if node.is_able(kind, detail, now) and not self._is_avoided(node)]

    def avoid(self, node: Node) -> None:
        """Remember that *node* could not be reached."""
        self._avoided[node.id] = time.monotonic() + AVOIDED_S

    def allows(self) -> frozenset[str]:
        """What some signed-in account elsewhere can do beyond the ordinary."""
        return frozenset().union(
            *(offer.allows for node in self.live for offer in node.offers if offer.clearance != "disabled")
        )

    def modes(self) -> frozenset[str] | None:
        """The chat modes that accounts elsewhere may choose, None while the site told of none."""
        told = [frozenset(node.info["modes"]) for node in self.live if node.info.get("modes") is not None]
        return frozenset().union(*told) if told else None

    def ready(self) -> int:
        """How many profiles elsewhere are ready."""
        return sum(offer.clearance == "ready" for node in self.live for offer in node.offers)

    def clearances(self) -> Collection[str]:
        return {offer.clearance for node in self.live for offer in node.offers}

    def _workers(self) -> Sequence[Node]:
        return [node for node in self.live if self._is_reachable(node)]

    def _is_avoided(self, node: Node) -> bool:
        return self._avoided.get(node.id, 0.0) > time.monotonic()

    def _is_reachable(self, node: Node) -> bool:
        """A loopback address leads nowhere from another machine."""
        if node.info.get("machine") == self._machine:
            return bool(node.address)
        return not leads_home(node.address)
