"""Keeping claims: heartbeats for live coroutines only, cancellations heard, and letting go in time when no heartbeat gets
through, so that nobody else can have taken a task over while its old worker still works at the site."""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping

import structlog

from gateway.errors import GatewayError
from gateway.tasks.attempt import Running, Why
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.store import TaskStore

log = structlog.get_logger(__name__)


class Leases:
    """The claims in *running*, which the engine fills."""

    def __init__(
        self,
        store: TaskStore,
        worker: str,
        running: MutableMapping[str, Running],
        *,
        lease_s: float,
        metrics: EngineMetrics,
    ) -> None:
        self._store = store
        self._worker = worker
        self._running = running
        self._lease_s = lease_s
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self.last_beat_at = time.monotonic()

    @property
    def fence_s(self) -> float:
        """Without a heartbeat for this long, work stops."""
        return self._lease_s * 2 / 3

    async def beat(self) -> None:
        """Renew every claim that has a live coroutine; stop what is lost or not wanted any more."""
        async with self._turn:
            # Compared with what was alive before the question: a task claimed meanwhile is not in the answer.
            asked = dict(self._running)
            sent_at = time.monotonic()
            async with asyncio.timeout(self._lease_s / 3):
                answer = await self._store.heartbeat(
                    self._worker, [(one.claim.id, one.claim.token) for one in asked.values()], lease_s=self._lease_s
                )
            self.last_beat_at = sent_at
            self._metrics.heartbeat_age.set(0)
            for task_id, one in asked.items():
                if self._running.get(task_id) is not one:
                    continue
                if (task_id, one.claim.token) in answer.alive:
                    one.renewed_at = max(one.renewed_at, sent_at)
                    if task_id in answer.cancel:
                        one.stop(Why.CANCEL)
                elif one.stop(Why.LOST):
                    self._metrics.fenced.inc()
                    log.warning("claim lost", task=task_id, reason="the heartbeat says so")

    async def catch_up(self) -> None:
        """Beat now if the last one is late: after a time without the database."""
        if time.monotonic() - self.last_beat_at > self._lease_s / 2:
            await self.beat()

    async def keep(self) -> None:
        """Heartbeats, three to a lease; sooner again after one that failed."""
        while True:
            pause_s = self._lease_s / 3
            if self._running:
                try:
                    await self.beat()
                except (GatewayError, TimeoutError) as exc:
                    log.warning("heartbeat failed", reason=str(exc) or "the database does not answer")
                    pause_s = min(1.0, self._lease_s / 15)
            self._metrics.heartbeat_age.set(time.monotonic() - self.last_beat_at if self._running else 0)
            await asyncio.sleep(pause_s)

    async def watch(self) -> None:
        """Self-fence: by this process's own clock, whatever the database or the network does."""
        while True:
            now = time.monotonic()
            for one in list(self._running.values()):
                if now - one.renewed_at >= self.fence_s and one.stop(Why.LOST):
                    self._metrics.self_fenced.inc()
                    log.error(
                        "work stopped", task=one.claim.id, reason="no heartbeat got through; others may take over"
                    )
            ends = [one.renewed_at + self.fence_s for one in self._running.values() if one.stoppable]
            await asyncio.sleep(min(max(min(ends, default=now + 1.0) - now, 0.02), 1.0))

    async def hear_cancellations(self) -> None:
        """Stop what is not wanted any more, if any of ours is."""
        if not self._running:
            return
        for task_id in await self._store.unwanted(list(self._running)):
            if one := self._running.get(task_id):
                one.stop(Why.CANCEL)
