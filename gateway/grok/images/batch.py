"""One request of the imagine WebSocket: which of its pictures are finished, refused, or will not come. Pure: time comes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.grok.wire.imagine import ImagineFrame

#: A finished picture's verdict is awaited so long; then the picture counts as allowed.
VERDICT_S = 3.0
#: A picture called completed whose bytes do not come.
BYTES_S = 6.0
#: A picture that was shown unfinished and of which nothing more comes: the site holds it back ("blocked"). So long after
#: its latest frame once a sibling is finished, twice as long before.
BLOCKED_S = 15.0
#: All known pictures are settled and no further one begins.
QUIET_S = 4.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview. number: of the picture within its batch, in order of appearance."""

    number: int
    blob: str
    percent: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A picture that passed."""

    number: int
    url: str
    blob: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A picture that will not come."""

    number: int
    reason: str


Outcome: TypeAlias = Shown | Finished | Withheld


@dataclass(slots=True)
class _Job:
    number: int
    seen_at: float
    final: ImagineFrame | None = None
    prompt: str = ""
    shown: bool = False
    completed: bool = False
    settled: bool = False

    def due_at(self, *, alone: bool) -> float:
        """When it is settled by silence. alone: no sibling is settled yet."""
        if self.final is not None:
            return self.seen_at + VERDICT_S
        if self.completed:
            return self.seen_at + BYTES_S
        return self.seen_at + BLOCKED_S * (2 if alone else 1) if self.shown else float("inf")


@dataclass(slots=True)
class Batch:
    """*count* pictures asked for at *now*."""

    count: int
    now: float
    _jobs: dict[str, _Job] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        return bool(self._jobs)

    @property
    def settled(self) -> int:
        return sum(job.settled for job in self._jobs.values())

    @property
    def due_at(self) -> float:
        """When `expire` has something to do next, if no frame comes before."""
        open_jobs = [job for job in self._jobs.values() if not job.settled]
        if self._jobs and not open_jobs:
            return self.now + QUIET_S
        return min((job.due_at(alone=not self.settled) for job in open_jobs), default=float("inf"))

    def over(self, now: float) -> bool:
        """Whether nothing more is expected of it."""
        if not self._jobs or self.settled < len(self._jobs):
            return False
        return len(self._jobs) >= self.count or now >= self.now + QUIET_S

    def see(self, frame: ImagineFrame, now: float) -> list[Outcome]:
        """Take a frame in; returns what it settles or shows."""
        self.now = now
        if not frame.job:
            return []
        job = self._jobs.setdefault(frame.job, _Job(len(self._jobs), now))
        if job.settled:
            return []
        job.seen_at = now
        job.prompt = frame.prompt or job.prompt
        job.completed = job.completed or frame.completed
        if frame.moderated:
            return [self._withhold(job, "the site made this picture and withholds it")]
        if frame.final or (frame.shows and frame.percent is None):
            job.final = frame  # one that does not say how far it is counts unless a better one comes
        if job.final is not None and job.completed:
            return [self._finish(job)]
        if frame.shows and job.final is None:
            job.shown = True
            return [Shown(job.number, frame.blob, frame.percent or 0)] if frame.blob else []
        return []

    def expire(self, now: float) -> list[Outcome]:
        """Settle what has been silent for too long."""
        outcomes: list[Outcome] = []
        alone = not self.settled
        for job in self._jobs.values():
            if job.settled or job.due_at(alone=alone) > now:
                continue
            if job.final is not None:
                outcomes.append(self._finish(job))
            else:
                outcomes.append(self._withhold(job, "the site began this picture and never finished it"))
        return outcomes

    def give_up(self) -> list[Outcome]:
        """No frame will come any more: finished pictures count, the others do not come."""
        for job in self._jobs.values():
            job.seen_at = float("-inf")
            job.shown = True
        return self.expire(0.0)

    def _finish(self, job: _Job) -> Finished:
        assert job.final is not None
        job.settled = True
        return Finished(job.number, job.final.url, job.final.blob, job.prompt)

    def _withhold(self, job: _Job, reason: str) -> Withheld:
        job.settled = True
        return Withheld(job.number, reason)
