"""The engine: claims tasks while profiles offer themselves, and sees each to its end. Everything runs in one TaskGroup."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import structlog

from gateway.db.beside import beside
from gateway.errors import GatewayError
from gateway.media.assets import Media
from gateway.settings import Settings
from gateway.tasks.attempt import Attempts, OnSuspect, Running, Why, unheard
from gateway.tasks.leases import Leases
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.pruner import Pruner
from gateway.tasks.rescuer import Rescuer
from gateway.tasks.store import Claim, TaskStore
from gateway.tasks.upstream import Capacity, Offer, VideoMaker

KIND = "video"
POLL_S = 5.0
#: After the drain, how long stopped makers get to tell the site; then their tasks are handed over regardless.
LAST_MOMENTS_S = 5.0
log = structlog.get_logger(__name__)


class Engine:
    """``async with Engine(...)``: works for the length of the block; leaving it drains and hands the rest over.

    worker_id: names this node over restarts. What an earlier life of it held is taken back at once at the start.
    on_suspect: told of each result that repeats the picture of another prompt.
    """

    def __init__(  # noqa: PLR0917 - in the order in which the house is built
        self,
        store: TaskStore,
        maker: VideoMaker,
        capacity: Capacity,
        settings: Settings,
        media: Media,
        worker_id: str,
        *,
        metrics: EngineMetrics | None = None,
        on_suspect: OnSuspect = unheard,
        poll_s: float = POLL_S,
    ) -> None:
        self.worker = f"{worker_id}/{secrets.token_hex(4)}"
        self.metrics = metrics or EngineMetrics()
        self._store = store
        self._capacity = capacity
        self._settings = settings
        self._poll_s = poll_s
        self._running: dict[str, Running] = {}
        self._attempts = Attempts(store, maker, media, settings, self.metrics, on_suspect=on_suspect)
        self._leases = Leases(store, self.worker, self._running, lease_s=settings.lease_s, metrics=self.metrics)
        self._rescuer = Rescuer(
            store,
            every_s=settings.lease_s / 3,
            caught_up=self._attempts.persistence.caught_up,
            renew_own=self._leases.catch_up,
            metrics=self.metrics,
        )
        self._pruner = Pruner(store, media, task_retention_s=settings.task_retention_s, metrics=self.metrics)
        self._work = asyncio.Event()
        self._changed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._group: asyncio.TaskGroup
        self._spawned: set[asyncio.Task[Any]] = set()
        self._stack = AsyncExitStack()

    # -- life ----------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        for task in await self._store.take_back(self.worker):
            self.metrics.rescued.labels("restarted").inc()
            log.info("task taken back", task=task.id, state=task.state.value)
        loops = (
            self._claim_loop(),
            self._watch_capacity(),
            self._listen(),
            self._leases.keep(),
            self._leases.watch(),
            self._rescuer.run(),
            self._pruner.run(),
        )
        self._group = await self._stack.enter_async_context(beside(*loops))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._stack.push(self._cut_off)
        self._stack.push_async_callback(self.drain, 0.0 if kind is not None else self._settings.drain_s)
        return await self._stack.__aexit__(kind, exc, trace)

    async def run(self) -> None:
        """Work until cancelled."""
        async with self:
            await asyncio.Event().wait()

    def stop_claiming(self) -> None:
        """Take nothing new; what runs goes on."""
        self._stopping = True

    async def drain(self, within_s: float) -> None:
        """Stop claiming, wait *within_s* for what runs, then hand the rest over so that others start on it at once."""
        self.stop_claiming()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_MOMENTS_S), self._claiming:
                pass  # none is under way any more
        await self._until_idle(within_s)
        for one in list(self._running.values()):
            one.stop(Why.STOP)
        await self._until_idle(LAST_MOMENTS_S)
        with suppress(GatewayError):  # then their leases end by themselves
            for task in await self._store.release(self.worker):
                log.info("task handed over", task=task.id)

    # -- what it does now ------------------------------------------------------------------------------------------
    @property
    def running(self) -> Sequence[Claim]:
        """The claims at work in this process."""
        return [one.claim for one in self._running.values()]

    @property
    def heartbeat_age_s(self) -> float:
        """Since the last heartbeat that got through; 0 with nothing at work. Above the lease this node is not ready."""
        return time.monotonic() - self._leases.last_beat_at if self._running else 0.0

    # -- loops ---------------------------------------------------------------------------------------------------
    async def _claim_loop(self) -> None:
        while True:
            self._work.clear()
            pause_s = self._poll_s
            if offers := self._free():
                try:
                    # Asked before the claim: what becomes runnable in between is then in one answer or the other.
                    left_s = await self._store.runnable_in_s(KIND)
                    await self._claim(offers)
                    if left_s is not None:
                        pause_s = min(pause_s, max(0.02, left_s))
                except GatewayError as exc:
                    log.warning("claim failed", reason=exc.message)
                    pause_s = 1.0
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._work.wait()

    async def _claim(self, offers: Sequence[Offer]) -> None:
        async with self._claiming:
            if self._stopping:
                return
            asked_at = time.monotonic()
            claims = await self._store.claim(self.worker, KIND, offers, lease_s=self._settings.lease_s)
            if claims:
                self.metrics.claim_seconds.observe(time.monotonic() - asked_at)
            for claim in claims:
                self._start(claim, asked_at)
                self._work.set()  # ask again: see `candidates_sql`

    def _start(self, claim: Claim, asked_at: float) -> None:
        # Swept while it was ours, and ours again before a heartbeat said so.
        earlier = self._running.get(claim.id)
        if earlier is not None:
            earlier.stop(Why.LOST)
        one = self._running[claim.id] = Running(claim, renewed_at=asked_at)
        if claim.task.run_at is not None:
            waited_s = (datetime.now(UTC) - claim.task.run_at).total_seconds()
            self.metrics.queued_seconds.observe(max(0.0, waited_s))
        self.metrics.running.set(len(self._running))
        one.work = self._spawn(self._carry_out(one, after=None if earlier is None else earlier.work))

    async def _carry_out(self, one: Running, *, after: asyncio.Task[None] | None) -> None:
        try:
            if after is not None:  # never two attempts at once at the site
                await asyncio.wait({after})
            await self._attempts.run(one, spawn=self._spawn, on_placed=self._work.set)
        except Exception:  # a bug with one task must not stop the others; its lease ends, and that counts as an attempt
            log.exception("attempt broken off", task=one.claim.id)
        finally:
            if self._running.get(one.claim.id) is one:
                del self._running[one.claim.id]
            self.metrics.running.set(len(self._running))
            self._work.set()
            self._changed.set()

    async def _watch_capacity(self) -> None:
        seen = -1
        while True:
            seen = await self._capacity.wait_changed(seen)
            self._work.set()

    async def _listen(self) -> None:
        while True:
            try:
                async for _ in self._store.subscribe():
                    self._work.set()
                    await self._leases.hear_cancellations()
            except GatewayError as exc:
                log.warning("listening failed", reason=exc.message)
            await asyncio.sleep(1.0)

    # -- inside --------------------------------------------------------------------------------------------------
    def _free(self) -> list[Offer]:
        """What profiles offer, less what is on its way to them: a claim whose maker has no slot yet."""
        if self._stopping:
            return []
        coming = Counter(one.claim.task.profile for one in self._running.values() if not one.placed)
        left = [replace(o, free=o.free - coming[o.profile]) for o in self._capacity.offers(KIND)]
        return [offer for offer in left if offer.free > 0]

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._group.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    def _cut_off(self, *_exc: object) -> None:
        """End what did not end by itself: the database is away, or a maker does not listen."""
        for task in self._spawned:
            task.cancel()

    async def _until_idle(self, within_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._running:
                    self._changed.clear()
                    await self._changed.wait()
