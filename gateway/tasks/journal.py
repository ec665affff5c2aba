"""A running task's record, as its maker sees it. Every write is fenced, and survives both a database that is away for a
while and the cancellation of whoever asked for it: what the site revealed must not be lost because a task was stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from gateway.errors import DatabaseUnavailable, StorageFull
from gateway.tasks.model import Step, Task
from gateway.tasks.persistence import Persistence
from gateway.tasks.states import Stage
from gateway.tasks.store import Claim, LeaseLost, TaskStore

PROGRESS_EVERY_S = 0.25
#: How long a cancelled caller waits for its write to be committed; after that it goes on in the background.
LAST_WORD_S = 2.0
T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, Any]], "asyncio.Task[Any]"]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Refused:
    error: Exception


class FencedJournal:
    """`upstream.Journal` over the store. *spawn* starts work that outlives a cancelled caller; *on_lost* stops the maker,
    *is_lost* tells whether it is stopped because others may take over."""

    def __init__(
        self,
        store: TaskStore,
        claim: Claim,
        persistence: Persistence,
        *,
        spawn: Spawn,
        on_lost: Callable[[], object],
        is_lost: Callable[[], bool],
    ) -> None:
        self._store = store
        self._task = claim.task
        self._token = claim.token
        self._steps = dict(claim.steps)
        self._persistence = persistence
        self._spawn = spawn
        self._on_lost = on_lost
        self._is_lost = is_lost
        self._first_word: Callable[[], None] | None = None
        self._percent = claim.task.progress
        self._written_at = 0.0
        self._flushing: asyncio.Task[None] | None = None
        self.bound = claim.task.account_id is not None or bool(claim.steps)

    @property
    def task(self) -> Task:
        """The task as far as this journal changed it."""
        return self._task

    @property
    def steps(self) -> Mapping[str, Step]:
        return self._steps

    def on_first_word(self, call: Callable[[], None]) -> None:
        """Call *call* at the maker's first write: it has its slot."""
        self._first_word = call

    async def begin(self, step: str, intent: Mapping[str, Any]) -> None:
        self._spoke()
        self._steps[step] = await self._surely(lambda: self._store.begin_step(self._task.id, self._token, step, intent))

    async def note(self, step: str, external: Mapping[str, Any]) -> None:
        self._spoke()
        self._steps[step] = await self._surely(
            lambda: self._store.note_step(self._task.id, self._token, step, external)
        )

    async def finish(self, step: str, output: Mapping[str, Any]) -> None:
        self._spoke()
        self._steps[step] = await self._surely(
            lambda: self._store.finish_step(self._task.id, self._token, step, output)
        )

    async def forget(self, step: str) -> None:
        self._spoke()
        await self._surely(lambda: self._store.forget_step(self._task.id, self._token, step))
        self._steps.pop(step, None)
        self.bound = bool(self._steps)

    async def bind(self, *, account_id: str | None, profile: str) -> None:
        self._spoke()
        await self._surely(lambda: self._store.bind(self._task.id, self._token, account_id=account_id, profile=profile))
        self.bound = True
        self._task = replace(self._task, account_id=account_id, profile=profile)

    async def stage(self, stage: Stage, progress: int | None = None) -> None:
        """Shown, not needed: a database that is away does not stop the work here."""
        self._spoke()
        self._task = replace(self._task, stage=stage)
        self._percent = max(self._percent, progress or 0)
        percent = self._percent if self._percent > self._task.progress else progress
        try:
            await self._store.set_stage(self._task.id, self._token, stage, percent)
        except (DatabaseUnavailable, StorageFull) as exc:
            log.warning("stage not written", stage=stage.value, reason=exc.message)
        else:
            self._written_at = time.monotonic()
            self._task = replace(self._task, progress=self._percent)

    async def progress(self, percent: int) -> None:
        """Returns at once; the newest value is written within a quarter of a second."""
        self._spoke()
        if percent <= self._percent:
            return
        self._percent = min(100, percent)
        if self._flushing is None or self._flushing.done():
            self._flushing = self._spawn(self._flush())

    async def close(self) -> None:
        """Stop writing progress: what follows is the outcome."""
        if self._flushing is not None and not self._flushing.done():
            self._flushing.cancel()
            await asyncio.wait({self._flushing})

    # -- inside --------------------------------------------------------------------------------------------------
    def _spoke(self) -> None:
        if self._first_word is not None:
            call, self._first_word = self._first_word, None
            call()

    async def _flush(self) -> None:
        while self._percent > self._task.progress:
            await asyncio.sleep(max(0.0, self._written_at + PROGRESS_EVERY_S - time.monotonic()))
            percent = self._percent
            self._written_at = time.monotonic()
            try:
                await self._store.set_progress(self._task.id, self._token, percent)
            except LeaseLost:
                self._on_lost()
                return
            except (DatabaseUnavailable, StorageFull):
                continue  # the next value will do
            except Exception:
                log.exception("progress not written")
                return
            self._task = replace(self._task, progress=max(percent, self._task.progress))

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write, again while the database is away; a cancelled caller leaves only after its write, or LAST_WORD_S."""
        writing: asyncio.Task[T | _Refused] = self._spawn(self._kept(write))
        try:
            await asyncio.wait({writing})
        except asyncio.CancelledError:
            # Fenced, the maker has to be gone at once; the write goes on by itself, and its token decides.
            await asyncio.wait({writing}, timeout=0 if self._is_lost() else LAST_WORD_S)
            raise
        written = writing.result()
        if isinstance(written, _Refused):
            raise written.error
        return written

    async def _kept(self, write: Callable[[], Awaitable[T]]) -> T | _Refused:
        """Runs in the engine's group, where an exception would stop everything; so it is returned."""
        try:
            return await self._persistence.write("step", write)
        except Exception as exc:
            return _Refused(exc)
