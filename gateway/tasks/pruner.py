"""Removes what has had its time: files first, then the record of them, so that a crash in between leaves no file behind."""

from __future__ import annotations

import asyncio

import structlog

from gateway.errors import GatewayError
from gateway.media.assets import Media, thumbnail_asset_id, video_asset_id
from gateway.tasks.metrics import EngineMetrics
from gateway.tasks.model import Task
from gateway.tasks.store import TaskStore

EVERY_S = 30.0
BATCH = 200
log = structlog.get_logger(__name__)


class Pruner:
    """*task_retention_s*: how long finished tasks stay listed after their files are gone."""

    def __init__(
        self,
        store: TaskStore,
        media: Media,
        *,
        task_retention_s: float,
        metrics: EngineMetrics,
        every_s: float = EVERY_S,
    ) -> None:
        self._store = store
        self._media = media
        self._task_retention_s = task_retention_s
        self._metrics = metrics
        self._every_s = every_s

    async def run(self) -> None:
        while True:
            try:
                while await self.prune_media() == BATCH:
                    pass
                while await self._store.forget(older_than_s=self._task_retention_s, limit=BATCH) == BATCH:
                    pass
            except (GatewayError, OSError) as exc:
                log.warning("pruning failed", reason=str(exc))
            await asyncio.sleep(self._every_s)

    async def prune_media(self) -> int:
        """Remove the files of one batch of tasks; returns how many tasks were done with."""
        done = 0
        for task in await self._store.expired(limit=BATCH):
            try:
                freed = await self._media.remove(files_of(task))
            except (GatewayError, OSError) as exc:
                log.warning("files not removed", task=task.id, reason=str(exc))
                continue
            await self._store.drop_media(task.id)
            self._metrics.pruned.inc(freed)
            done += 1
        return done


def files_of(task: Task) -> list[str]:
    """Every asset a task may own, also half-written ones that its result does not know of."""
    known = () if task.result is None else (task.result.asset_id, task.result.thumbnail_id)
    return sorted({video_asset_id(task.id), thumbnail_asset_id(task.id)} | {asset for asset in known if asset})
