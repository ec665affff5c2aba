"""Takes tasks from workers that are gone, and gives up what waited too long. Every node does; it does not matter who."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from gateway.errors import GatewayError
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.states import State
from gateway.tasks.store import TaskStore

log = structlog.get_logger(__name__)


class Rescuer:
    """After a time without the database this process's own claims look lost to it too. So what it has still to write goes
    first (*caught_up*), and its own heartbeat (*renew_own*)."""

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

    async def run(self) -> None:
        while True:
            try:
                await self._caught_up()
                await self._renew_own()
                await self.sweep()
            except (GatewayError, TimeoutError) as exc:
                log.warning("sweep failed", reason=str(exc))
            await asyncio.sleep(self._every_s)

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
