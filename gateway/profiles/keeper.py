"""Keeps this node's pool and the rows of its profiles in step, in both directions, for as long as the gateway runs.

Rows → pool: a profile that is new, changed, imported, disabled, removed, to be checked or to be released is found within a
second or two (by a hint at once). Each profile is tended by one task at a time, so a slow one keeps nobody waiting.
Pool → rows: `recorder.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

import structlog

from browser.pool import Pool
from browser.status import ProfileStatus
from gateway.auth.secret import Purpose, Secret
from gateway.db.connect import Database
from gateway.errors import GatewayError
from gateway.profiles.egress import EgressWatch
from gateway.profiles.events import ProfileEvents
from gateway.profiles.measuring import Measuring
from gateway.profiles.model import Profile
from gateway.profiles.node import node_id
from gateway.profiles.places import copies_of
from gateway.profiles.recorder import Recorder
from gateway.profiles.registry import TOPIC, Registry
from gateway.profiles.tender import Tender
from gateway.settings import Settings

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.5
#: A profile whose last tending failed is left alone for so long.
REST_S = 5.0
LAST_WRITE_S = 5.0


class ProfileKeeper:
    """An async context manager: enter it when pool and database are open, leave it before they close.

    events: what the pool was given as its ``on_event`` (`ProfileEvents.put`).
    """

    def __init__(self, pool: Pool, db: Database, settings: Settings, secret: Secret, *, events: ProfileEvents) -> None:
        self.registry = Registry(
            db, node=node_id(settings.data_dir, settings.node_id), proxy_key=secret.key(Purpose.PROXIES)
        )
        self._db = db
        self._profiles_dir = settings.profiles_dir
        self._events = events
        self._egress = EgressWatch(pool, self.registry, settings.egress_check_url)
        self._recorder = Recorder(
            self.registry,
            events,
            lambda name: _status(pool, name),
            copies=lambda name: copies_of(settings, secret, name),
            on_sign_in=self._egress.again,
        )
        self._measuring = Measuring(pool, self.registry, events)
        self._tender = Tender(pool, self.registry, self._recorder, settings=settings, secret=secret)
        self._tending: dict[str, asyncio.Task[None]] = {}
        self._resting: dict[str, float] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._running())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, exc, trace)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[None]:
        rows = await self.registry.list(node=self.registry.node)
        self._report_strays(rows)
        for row in rows:
            self._events.health.load(row.name, row.health)
        async with asyncio.TaskGroup() as group:
            self._tend(rows, group)
            loops = [
                group.create_task(work)
                for work in (
                    self._recorder.run(),
                    self._recorder.prune(),
                    self._mirror(group),
                    self._egress.run(),
                    self._measuring.run(),
                )
            ]
            try:
                yield
            finally:
                for task in (*loops, *self._tending.values()):
                    task.cancel()
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(LAST_WRITE_S):
                await self._recorder.flush()

    async def _mirror(self, group: asyncio.TaskGroup) -> None:
        """Look at the rows again and again; a database that is away is waited for."""
        away = False
        with self._db.changes.listen(TOPIC) as hint:
            while True:
                await hint.wait(LOOK_EVERY_S)
                try:
                    rows = await self.registry.list(node=self.registry.node)
                except GatewayError as exc:
                    if not away:
                        log.warning("profiles cannot be read", error=str(exc))
                    away = True
                    await asyncio.sleep(LOOK_EVERY_S)
                    continue
                away = False
                self._tend(rows, group)

    def _tend(self, rows: Sequence[Profile], group: asyncio.TaskGroup) -> None:
        """Start a task for each profile that has something to be done and none at work."""
        now, loop_time = datetime.now(UTC), asyncio.get_running_loop().time()
        jobs: dict[str, Callable[[], Coroutine[object, object, None]]] = {
            name: partial(self._tender.forget, name) for name in self._tender.known() - {row.name for row in rows}
        }
        jobs |= {row.name: partial(self._tender.tend, row) for row in rows if self._tender.wants(row, now)}
        for name, job in jobs.items():
            if name not in self._tending and loop_time >= self._resting.get(name, 0.0):
                self._tending[name] = group.create_task(self._tended(name, job))

    async def _tended(self, name: str, job: Callable[[], Coroutine[object, object, None]]) -> None:
        try:
            await job()
        except Exception as exc:  # one profile's trouble must not end the service
            self._resting[name] = asyncio.get_running_loop().time() + REST_S
            log.warning("profile not tended", profile=name, error=str(exc) or type(exc).__name__)
        finally:
            del self._tending[name]

    def _report_strays(self, rows: Sequence[Profile]) -> None:
        folder = self._profiles_dir
        known = {row.name for row in rows}
        strays = (
            sorted(e.name for e in folder.iterdir() if e.is_dir() and e.name not in known) if folder.is_dir() else []
        )
        for name in strays:
            log.warning("profile without an entry", profile=name, take_up=f"gateway profile add {name}")


def _status(pool: Pool, name: str) -> ProfileStatus | None:
    return next((status for status in pool.status() if status.name == name), None)
