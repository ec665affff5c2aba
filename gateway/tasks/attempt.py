"""One claim, from the maker's first step to the final write."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeAlias

import structlog

from gateway.errors import DeadlineExceeded, GatewayError, Internal, SuspectOutput
from gateway.media.assets import Media, thumbnail_asset_id, video_asset_id
from gateway.settings import Settings
from gateway.tasks.journal import FencedJournal, Spawn
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.persistence import Persistence
from gateway.tasks.retry import GiveUp, TryAgain, decide, failure_of
from gateway.tasks.store import Claim, LeaseLost, TaskStore
from gateway.tasks.upstream import VideoMaker

log = structlog.get_logger(__name__)


class Why(Enum):
    """Why an attempt is stopped from outside."""

    CANCEL = "cancel"
    LOST = "lost"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Made:
    """The maker delivered."""

    result: VideoResult


@dataclass(frozen=True, slots=True)
class Stopped:
    """The maker was stopped, or its claim is gone."""

    why: Why


Outcome: TypeAlias = Made | TryAgain | GiveUp | Stopped


@dataclass(eq=False, slots=True)
class Running:
    """A claim at work in this process.

    renewed_at: monotonic time at which the last heartbeat that got through was sent. placed: it holds its slot, so the pool
    counts it. settling: the maker is done; from here on only the database is written to, under the token, so it is never
    stopped.
    """

    claim: Claim
    renewed_at: float
    work: asyncio.Task[None] | None = None
    why: Why | None = None
    placed: bool = False
    settling: bool = False
    began_at: float = field(default_factory=time.monotonic)

    @property
    def stoppable(self) -> bool:
        return self.why is None and not self.settling and self.work is not None

    def stop(self, why: Why) -> bool:
        """Cancel the maker; False when there is nothing left to stop. A lost claim outweighs the other reasons."""
        first = self.stoppable
        if first or why is Why.LOST:
            self.why = why
        if first:
            assert self.work is not None
            self.work.cancel()
        return first


#: (profile it was made on, task, the task that has the same picture)
OnSuspect: TypeAlias = Callable[[str, str, str], None]


def unheard(_profile: str, _task_id: str, _other_task_id: str) -> None:
    """An OnSuspect that tells nobody."""


class Attempts:
    """Carries out claims."""

    def __init__(
        self,
        store: TaskStore,
        maker: VideoMaker,
        media: Media,
        settings: Settings,
        metrics: EngineMetrics,
        *,
        on_suspect: OnSuspect = unheard,
    ) -> None:
        self._on_suspect = on_suspect
        self._store = store
        self._maker = maker
        self._media = media
        self._settings = settings
        self._metrics = metrics
        self.persistence = Persistence()

    async def run(self, running: Running, *, spawn: Spawn, on_placed: Callable[[], None]) -> None:
        """Make the video and write down what came of it. Returns when that is committed, or the claim is gone."""
        claim = running.claim
        task = claim.task
        journal = FencedJournal(
            self._store,
            claim,
            self.persistence,
            spawn=spawn,
            on_lost=lambda: running.stop(Why.LOST),
            is_lost=lambda: running.why is Why.LOST,
        )

        def first_word() -> None:
            running.placed = True
            on_placed()

        journal.on_first_word(first_word)
        with structlog.contextvars.bound_contextvars(task=task.id, attempt=task.claims, profile=task.profile):
            log.info("attempt started", resumes=sorted(claim.steps))
            try:
                outcome = await self._make(running, journal)
            finally:
                running.settling = True
            await journal.close()
            word = await self._settle(task, claim.token, outcome)
            took_s = time.monotonic() - running.began_at
            self._metrics.attempt_seconds.labels(word).observe(took_s)
            log.info("attempt ended", outcome=word, seconds=round(took_s, 2))

    async def _make(self, running: Running, journal: FencedJournal) -> Outcome:
        task = running.claim.task
        try:
            async with _within(left_s(task, lease_s=self._settings.lease_s)):
                return Made(await self._maker.make(task, journal))
        except asyncio.CancelledError:
            if running.why is None:
                raise  # the engine itself goes down; the claim is taken over
            _stay()
            return Stopped(running.why)
        except Exception as exc:
            error = _root(exc)
            if isinstance(error, LeaseLost):
                self._metrics.fenced.inc()
                return Stopped(Why.LOST)
            return await self._decided(error, journal)

    async def _decided(self, error: Exception, journal: FencedJournal) -> Outcome:
        task = journal.task
        ours = isinstance(error, GatewayError)
        if not ours:
            log.error("attempt failed by a bug", exc_info=error)
        bug_before = False
        if not ours:
            try:
                attempts = await self._store.attempts(task.id)
                bug_before = any(a.failure is not None and a.failure.code == Internal.code for a in attempts)
            except GatewayError:
                log.warning("earlier attempts unknown")
        decision = decide(
            error,
            task,
            bound=journal.bound,
            bug_before=bug_before,
            chance=random.random(),  # noqa: S311
        )
        self._metrics.failures.labels(decision.failure.code).inc()
        return decision

    async def _settle(self, task: Task, token: int, outcome: Outcome) -> str:
        """Write the outcome, as often as it takes: the token makes that safe however long the database was away."""
        match outcome:
            case Made(result):
                return await self._persist(lambda: self._deliver(task, token, result))
            case TryAgain(failure, after_s, charged):
                log.warning("attempt failed", code=failure.code, reason=failure.message, again_in_s=round(after_s, 1))
                self._metrics.retries.labels(failure.code, str(charged).lower()).inc()
                return await self._persist(
                    lambda: self._ended(self._store.retry(task.id, token, failure, after_s=after_s, charged=charged)),
                )
            case GiveUp(failure):
                log.warning("task failed", code=failure.code, reason=failure.message)
                return await self._persist(lambda: self._ended(self._store.fail(task.id, token, failure)))
            case Stopped(Why.CANCEL):
                return await self._persist(lambda: self._ended(self._store.finish_cancel(task.id, token)))
            case Stopped(Why.STOP):
                return "stopped"  # the engine hands all of these over together
            case _:
                return "lost"

    async def _deliver(self, task: Task, token: int, result: VideoResult) -> str:
        prompt = task.spec.prompt
        other = result.fingerprint and await self._store.seen_fingerprint(
            result.fingerprint, prompt=prompt, task_id=task.id
        )
        if other:
            log.warning("output suspected", same_picture_as=other)
            self._on_suspect(task.profile or "", task.id, other)
            await self._remove_files(task, result)
            error = SuspectOutput(
                "The site returned a picture that it had already returned for another prompt, so it is not this video."
            )
            return await self._ended(self._store.fail(task.id, token, failure_of(error, task)))
        expires_at = datetime.now(UTC) + timedelta(seconds=self._settings.retention_s)
        return await self._ended(self._store.succeed(task.id, token, result, expires_at=expires_at))

    async def _ended(self, write: Awaitable[Task]) -> str:
        ended = await write
        if ended.cancel_requested_at is not None and ended.finished_at is not None:
            self._metrics.cancel_seconds.observe((ended.finished_at - ended.cancel_requested_at).total_seconds())
        return ended.state.value

    async def _persist(self, write: Callable[[], Awaitable[str]]) -> str:
        try:
            return await self.persistence.write("outcome", write)
        except LeaseLost:
            self._metrics.fenced.inc()
            log.warning("claim lost", reason="somebody else has the task")
            return "lost"

    async def _remove_files(self, task: Task, result: VideoResult) -> None:
        ids = {result.asset_id, result.thumbnail_id, video_asset_id(task.id), thumbnail_asset_id(task.id)}
        try:
            await self._media.remove([asset_id for asset_id in ids if asset_id is not None])
        except (GatewayError, OSError):
            log.warning("files not removed yet", reason="the pruner will", exc_info=True)


def left_s(task: Task, *, lease_s: float) -> float | None:
    """The seconds that a task just claimed has left; None without a deadline. Told by the moment until which the claim is good:
    that came from the database's clock, as the deadline did."""
    if task.deadline_at is None:
        return None
    now = datetime.now(UTC) if task.lease_until is None else task.lease_until - timedelta(seconds=lease_s)
    return (task.deadline_at - now).total_seconds()


@asynccontextmanager
async def _within(seconds: float | None) -> AsyncIterator[None]:
    """Raise DeadlineExceeded in the block when the task's time is over."""
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError as exc:
        if scope.expired():
            raise DeadlineExceeded("The task was not finished within the time it may take.") from exc
        raise


def _stay() -> None:
    """Take back the cancellation that stopped the maker: what follows is ours and must be written."""
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


def _root(exc: Exception) -> Exception:
    """What to go by in a group: a lost claim, else the first error of ours, else the first of any."""
    if not isinstance(exc, ExceptionGroup):
        return exc
    inner = [_root(one) for one in exc.exceptions]
    return min(inner, key=lambda one: (not isinstance(one, LeaseLost), not isinstance(one, GatewayError)))
