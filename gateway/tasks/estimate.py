"""When a video will probably be done: from how long the last ones took, what waits before it, and what can work at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from gateway.tasks.model import Task, VideoSpec
from gateway.tasks.states import State

#: Fewer finished ones than this tell nothing.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Usual:
    """How long videos took lately (median, seconds), by length and resolution, and overall. Empty: nothing is known."""

    alike: Mapping[tuple[int, str], float]
    overall: float | None = None

    def of(self, spec: VideoSpec) -> float | None:
        return self.alike.get((spec.seconds, spec.resolution), self.overall)


def usual(took: Sequence[tuple[int, str, float]]) -> Usual:
    """Read (length, resolution, seconds taken) of the last finished tasks."""
    groups: dict[tuple[int, str], list[float]] = {}
    for seconds, resolution, lasted_s in took:
        groups.setdefault((seconds, resolution), []).append(lasted_s)
    alike = {kind: median(times) for kind, times in groups.items() if len(times) >= FEWEST}
    return Usual(alike, median([lasted_s for _, _, lasted_s in took]) if len(took) >= FEWEST else None)


def remaining_s(task: Task, known: Usual, now: datetime, *, position: int | None, at_once: int) -> float | None:
    """Seconds until the task is probably done, None when nobody can tell.

    position: in the queue, 1 is next. at_once: how many videos all ready profiles make side by side.
    """
    lasts_s = known.of(task.spec)
    if lasts_s is None:
        return None
    if task.state is State.RUNNING and task.started_at is not None:
        left_s = lasts_s - (now - task.started_at).total_seconds()
        return left_s if left_s > 0 else None  # it takes longer than usual: how long is anybody's guess
    if task.state is State.QUEUED and position is not None and at_once > 0:
        starts_s = 0.0 if task.run_at is None else max(0.0, (task.run_at - now).total_seconds())
        return max(starts_s, lasts_s * (math.ceil(position / at_once) - 1)) + lasts_s
    return None
