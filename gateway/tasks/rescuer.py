"""Takes tasks from workers that are gone, and gives up what waited too long. Every node does; it does not matter who."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from gateway.errors import GatewayError
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.states import State
from gateway.tasks.store import TaskStore

#: An answer that took longer says little about the time.
SLOW_S = 0.5
log = structlog.get_logger(__name__)


class Rescuer:
    """After a time without the database this process's own claims look lost to it too. So what it has still to write goes
    first (*caught_up*), and its own heartbeat (*renew_own*). After the database's clock was set, everybody's claims look lost,
    or safe: all get the length of a lease to renew them before any is taken away."""

    def __init__(
        self,
        store: TaskStore,
        *,
        every_s: float,
        caught_up: Callable[[], Awaitable[None]],
        renew_own: Callable[[], Awaitable[None]],
        metrics: EngineMetrics,
    ) -> None:
        self._store = store
        self._every_s = every_s
        self._caught_up = caught_up
        self._renew_own = renew_own
        self._metrics = metrics
        self._seen: tuple[datetime, float] | None = None
        self._patient_until = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self._caught_up()
                await self._renew_own()
                if not await self._clock_was_set():
                    await self.sweep()
            except (GatewayError, TimeoutError) as exc:
                log.warning("sweep failed", reason=str(exc))
            await asyncio.sleep(self._every_s)

    async def _clock_was_set(self) -> bool:
        asked = time.monotonic()
        told, here = await self._store.now(), time.monotonic()
        before, self._seen = self._seen, (told, here)
        if here - asked > SLOW_S:
            self._seen = None  # when it was that time is not known well enough
        elif before is not None:
            by_s = (told - before[0]).total_seconds() - (here - before[1])
            if abs(by_s) > self._every_s:
                log.warning("clock was set", by_s=round(by_s, 1), reason="claims get a lease's time to be renewed")
                self._patient_until = here + 3 * self._every_s
        return here < self._patient_until

    async def sweep(self) -> int:
        """One look; returns how many tasks were moved."""
        began = time.monotonic()
        taken = await self._store.sweep()
        self._metrics.sweep_seconds.observe(time.monotonic() - began)
        for task in taken:
            why = "late" if task.state is State.FAILED and task.claims == 0 else "lost"
            self._metrics.rescued.labels(why).inc()
            log.warning("task rescued", task=task.id, state=task.state.value, attempt=task.attempt)
        return len(taken)
