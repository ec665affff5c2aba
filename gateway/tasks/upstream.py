"""The driven port: where videos are made. ``gateway.grok`` implements it; the engine knows nothing else of the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.tasks.model import Step, Task, VideoResult
from gateway.tasks.states import Stage


@dataclass(frozen=True, slots=True)
class Offer:
    """One profile that could start work of a kind now, with how many tasks it could take.

    allows: what the account can do beyond the ordinary (``15s``), from the capability table. account_limit: how many tasks
    the account may have at work over all its profiles, None for any number.
    """

    profile: str
    account_id: str | None
    free: int
    allows: frozenset[str] = frozenset()
    account_limit: int | None = None


class Journal(Protocol):
    """A running task's own view of its record. Every write is fenced: it raises LeaseLost when the claim is gone."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """The steps as they stand, by name."""
        ...

    async def begin(self, step: str, intent: Mapping[str, Any]) -> None:
        """Commit that *step* is about to have its side effect. Must be called before the request leaves."""
        ...

    async def note(self, step: str, external: Mapping[str, Any]) -> None:
        """Merge what the site revealed into the step, committed before this returns."""
        ...

    async def finish(self, step: str, output: Mapping[str, Any]) -> None:
        """Mark *step* done; it will not be repeated."""
        ...

    async def forget(self, step: str) -> None:
        """Remove a started step that is proven to have had no effect at the site."""
        ...

    async def bind(self, *, account_id: str | None, profile: str) -> None:
        """Tie the task to the account: its first side effect happened there."""
        ...

    async def stage(self, stage: Stage, progress: int | None = None) -> None:
        """Say what is being done. Written at once."""
        ...

    async def progress(self, percent: int) -> None:
        """Report progress 0-100; never goes back; coalesced to at most four writes a second."""
        ...


class VideoMaker(Protocol):
    """Makes one video under a lease of *task.profile*, resuming from the journal's steps.

    Raises GatewayError: ProfileNotReady (the task waits, uncharged), RateLimited (waits for the profile's cooldown,
    uncharged), retryable errors (charged), others (final). asyncio.CancelledError when the task is cancelled or its claim
    lost: the site is told within 20 ms where it can be.
    """

    async def make(self, task: Task, journal: Journal) -> VideoResult: ...


class Capacity(Protocol):
    """How much could be started now."""

    def offers(self, kind: str) -> Sequence[Offer]: ...

    async def wait_changed(self, seen: int) -> int:
        """Return a new version number as soon as it differs from *seen*."""
        ...
