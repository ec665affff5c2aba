"""A task's events as they happen, none lost: what hints and polls bring is only the moment to look at the rows."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from gateway.db.changes import SAFETY_POLL_S, Changes
from gateway.errors import DatabaseUnavailable, TaskNotFound
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.model import TaskEvent
from gateway.tasks.moves import topic
from gateway.tasks.states import FINAL
from gateway.tasks.store import TaskStore

BATCH = 500
LAST_WORDS = frozenset(state.value for state in FINAL)


class Feed:
    """Follows tasks through their events."""

    def __init__(self, store: TaskStore, changes: Changes, *, metrics: EngineMetrics | None = None) -> None:
        self._store = store
        self._changes = changes
        self._metrics = metrics

    async def follow(self, task_id: str, *, after: int = 0) -> AsyncGenerator[TaskEvent, None]:
        """Yield the events numbered above *after*, waiting for more until the final one; ends also when the task is gone.

        Resumable: the number of the last event seen (SSE ``Last-Event-ID``) goes in as *after*.
        """
        with self._changes.listen(topic(task_id)) as hint:
            quiet = True  # the first look is followed by one at the task: it may be over, or not exist
            while True:
                told = await hint.wait(SAFETY_POLL_S)
                try:
                    while events := await self._store.events(task_id, after=after, limit=BATCH):
                        for event in events:
                            if self._metrics is not None and not quiet:
                                self._metrics.feed_lag_seconds.observe(max(0.0, time.time() - event.at.timestamp()))
                            yield event
                            after = event.seq
                            if event.type in LAST_WORDS:
                                return
                    if (quiet or not told) and (await self._store.get(task_id)).state in FINAL:
                        quiet = False
                        if not await self._store.events(task_id, after=after, limit=1):
                            return
                    quiet = False
                except TaskNotFound:
                    return
                except DatabaseUnavailable:
                    continue  # streams outlive a restart of the database; hints or the poll bring the next look
