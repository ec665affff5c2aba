"""How the house is doing, gathered when somebody asks: the checks of ``/readyz`` and the gauges of ``/metrics``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from browser.clearance import Clearance
from gateway.db.connect import Database
from gateway.db.migrate import serves
from gateway.errors import GatewayError
from gateway.nodes.neighbours import Neighbours
from gateway.site import SiteParts, reasons
from gateway.tasks.engine import Engine
from gateway.tasks.store import TaskStore
from gateway.telemetry import Metrics, set_all
from gateway.web.health import Check

ASK_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """What can be asked. leaving: set once the gateway begins to stop; lease_s: of a claim; others: the
    other nodes."""

    db: Database
    store: TaskStore
    site: SiteParts
    engine: Engine
    metrics: Metrics
    leaving: asyncio.Event
    lease_s: float
    others: Neighbours

    async def checks(self) -> Mapping[str, Check]:
        """Every check of readiness, by name."""
        found = {
            "serving": Check(False, "the gateway is stopping") if self.leaving.is_set() else Check(True),
            "database": await self._database(),
            "engine": self._engine(),
            "profiles": self._profiles(),
        }
        self.metrics.ready.set(all(check.ok for check in found.values()))
        return found

    async def text(self) -> bytes:
        """The metrics, with gauges as they are now."""
        profiles = self.site.profiles()
        by_clearance = Counter(profile.clearance for profile in profiles)
        set_all(self.metrics.profiles, (((state.value,), by_clearance[state]) for state in Clearance))
        used: Counter[str] = Counter()
        total: Counter[str] = Counter()
        for profile in profiles:
            for kind, count in profile.slots.items():
                used[kind] += count.used
                total[kind] += count.total
        set_all(
            self.metrics.slots,
            [((kind, "used"), used[kind]) for kind in total]
            + [((kind, "free"), total[kind] - used[kind]) for kind in total],
        )
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                counts = await self.store.counts()
        except (GatewayError, TimeoutError):
            self.metrics.tasks.clear()  # unknown is better than yesterday's number
        else:
            set_all(self.metrics.tasks, (((state.value,), number) for state, number in counts.by_state.items()))
            self.metrics.oldest_queued.set(counts.oldest_queued_age_s or 0.0)
        self.metrics.nodes.set(1 + len(self.others.live))
        await self.checks()
        return self.metrics.text()

    async def _database(self) -> Check:
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                revision = await serves(self.db)
        except TimeoutError:
            return Check(False, f"the database does not answer within {ASK_WITHIN_S:g} s")
        except GatewayError as exc:
            return Check(False, exc.message)
        return Check(True, facts={"schema": revision})

    def _engine(self) -> Check:
        age_s, facts = self.engine.heartbeat_age_s, {"running": len(self.engine.running)}
        if age_s > self.lease_s:
            return Check(False, f"no heartbeat of running tasks got through for {age_s:.0f} s", facts)
        return Check(True, facts=facts)

    def _profiles(self) -> Check:
        profiles = self.site.profiles()
        by_state = Counter(profile.clearance.value for profile in profiles)
        facts = {"by_state": dict(by_state)}
        if by_state[Clearance.READY.value]:
            return Check(True, facts=facts)
        if elsewhere := self.others.ready():  # work that comes here is passed on to them
            return Check(True, facts=facts | {"ready_on_other_nodes": elsewhere})
        said = "; ".join(reasons(profiles)) or "none is on this node (gateway login NAME), others: gateway profile list"
        return Check(False, f"no profile is ready: {said}", facts)
