"""A task's event stream in this API's words: snapshot, progress, end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from gateway.dialects.grok2api import translate
from gateway.errors import TaskNotFound
from gateway.tasks.model import Task
from gateway.tasks.states import FINAL
from gateway.web.services import Services
from gateway.web.sse import Frame


async def frames(
    services: Services, task: Task, around: translate.Around, *, after: int | None
) -> AsyncGenerator[Frame, None]:
    """Yield the stream of *task*: from a snapshot on, or, with *after*, from the event that follows it (0: from the first)."""
    with services.metrics.streams.track_inprogress():
        async with aclosing(_frames(services, task, around, after)) as inner:
            async for frame in inner:
                yield frame


async def _frames(
    services: Services, task: Task, around: translate.Around, after: int | None
) -> AsyncGenerator[Frame, None]:
    shown = translate.Around(around.link_to)
    seq = after or 0
    # Every event says how far it is: clients read the number without looking whether it is there.
    percent = await _percent_at(services, task.id, seq)
    if after is None:
        # Numbered before it is read: what the snapshot shows is then at least as new as the number says.
        seq = await _newest(services, task.id)
        task = await services.store.get(task.id, key_id=task.key_id)
        percent = task.progress
        yield Frame(translate.to_snapshot(task, around), id=str(seq))
    if task.state in FINAL and after is None:
        yield Frame(translate.to_end(task, shown), id=str(seq))
        return
    async with aclosing(services.feed.follow(task.id, after=seq)) as events:
        async for event in events:
            seq = event.seq
            if event.type in {"succeeded", "failed", "cancelled"}:
                break
            said = translate.to_event(event)
            if said is None or (event.type == "progress" and said["progress"] <= percent):
                continue  # no word for it, or the snapshot had it already
            percent = said.setdefault("progress", percent)
            yield Frame(said, id=str(seq))
    try:
        task = await services.store.get(task.id, key_id=task.key_id)
    except TaskNotFound:  # deleted meanwhile: to whoever watches, that is a cancellation
        gone = {"type": "cancelled", "status": "cancelled", "progress": percent, "message": "任务已删除"}
        yield Frame(gone, id=str(seq))
        return
    yield Frame(translate.to_end(task, shown), id=str(seq))


async def _newest(services: Services, task_id: str) -> int:
    """The number of the task's newest event."""
    seq = 0
    while page := await services.store.events(task_id, after=seq):
        seq = page[-1].seq
    return seq


async def _percent_at(services: Services, task_id: str, seq: int) -> int:
    """How far the task was when event *seq* happened."""
    past = await services.store.events(task_id, limit=seq) if seq else ()
    return max((int(event.data.get("progress") or 0) for event in past), default=0)
