"""How long a video will probably take, and all that wait: from what took how long lately, and how many are made at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from gateway.console.house import House
from gateway.tasks.model import Task, VideoSpec
from gateway.tasks.states import State
from gateway.tasks.store import Filter

RECENT = 40
KIND = "video"


async def expected_s(house: House, spec: VideoSpec) -> float | None:
    """Return seconds from asking to done, None while nothing is known to judge from."""
    store = house.services.store
    recent = (await store.find(Filter(states=frozenset({State.SUCCEEDED})), limit=RECENT)).tasks
    usual = _usual_s(recent, spec)
    if usual is None:
        return None
    counts = (await store.counts()).by_state
    total = house.services.places()
    free = max(0, total - counts.get(State.RUNNING, 0))
    waiting = counts.get(State.QUEUED, 0)
    rounds = math.ceil(max(0, waiting + 1 - free) / total) if total else waiting
    return usual * (1 + rounds)


async def whole_queue_s(house: House, waiting: int) -> float | None:
    """Return seconds until *waiting* tasks are probably all begun and done, None with none, or when nobody can tell."""
    total, usual_s = house.services.places(), (await house.services.store.usual()).overall
    if not waiting or not total or usual_s is None:
        return None
    return usual_s * math.ceil(waiting / total)


def _usual_s(recent: Sequence[Task], spec: VideoSpec) -> float | None:
    """The median of those most alike, else of all."""
    took = [
        ((task.finished_at - task.started_at).total_seconds(), task.spec)
        for task in recent
        if task.finished_at is not None and task.started_at is not None
    ]
    alike = [seconds for seconds, of in took if (of.seconds, of.resolution) == (spec.seconds, spec.resolution)]
    chosen = alike or [seconds for seconds, _ in took]
    return median(chosen) if chosen else None
