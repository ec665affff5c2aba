"""How long a video will probably take: from what took how long lately, and how many wait before it."""

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
    places = [status.slots[KIND] for status in house.statuses() if KIND in status.slots]
    total, used = sum(place.total for place in places), sum(place.used for place in places)
    waiting = (await store.counts()).by_state.get(State.QUEUED, 0)
    rounds = math.ceil(max(0, waiting + 1 - (total - used)) / total) if total else waiting
    return usual * (1 + rounds)


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
