"""A task once more: a new one with the same request, also its pictures, which are copied so that each task has its own."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.auth.callers import Caller
from gateway.errors import FileMissing, GatewayError, ResultExpired, UnsupportedParameter
from gateway.media.assets import Asset, AssetKind
from gateway.tasks.model import NewTask, Task, VideoMode
from gateway.web.video_requests import KEEP_LONGER_S

if TYPE_CHECKING:
    from gateway.web.services import Services

PREFIX = "task_"


async def repeat(services: Services, caller: Caller, task: Task, *, dialect: str) -> Task:
    """Ask for the same video again, for *caller*; durable when this returns. The old task stays as it is.

    Raises ResultExpired when a picture it was made from is gone, and what `TaskStore.insert` raises.
    """
    services.accepting()
    if task.spec.mode is VideoMode.LATER:
        raise UnsupportedParameter(
            "This task was made by a newer version of the gateway. Bring this node up to date, or retry it on another one."
        )
    settings = services.settings
    task_id = f"{PREFIX}{uuid.uuid4().hex}"
    deadline_at = datetime.now(UTC) + timedelta(seconds=settings.task_timeout_s)
    pictures: list[str] = []
    bound = task.spec.mode in {
        VideoMode.EXTEND,
        VideoMode.UPSCALE,
    }  # only the account that has the source can go on from it
    try:
        for asset in await _pictures(services, task):
            until = deadline_at + timedelta(seconds=KEEP_LONGER_S)
            pictures.append(await _copied(services, replace(asset, task_id=task_id, expires_at=until), caller))
        again, _ = await services.store.insert(
            NewTask(
                id=task_id,
                key_id=caller.key_id,
                dialect=dialect,
                model=task.model,
                spec=replace(task.spec, image_assets=tuple(pictures)),
                requires=services.requires(task.spec),
                max_attempts=settings.max_attempts,
                deadline_at=deadline_at,
                account_id=task.account_id if bound else None,
                profile=task.profile if bound else None,
                retry_of=task.id,
            ),
            max_queued=settings.max_queued,
        )
    except BaseException:
        with suppress(GatewayError, OSError):
            await services.media.remove(pictures)
        raise
    return again


async def _pictures(services: Services, task: Task) -> Sequence[Asset]:
    """What the task was made from. All of it is looked for before anything is copied."""
    try:
        return [await services.media.get(asset_id) for asset_id in task.spec.image_assets]
    except FileMissing as exc:
        raise ResultExpired(
            "A picture this video was made from is no longer kept, so it cannot be asked for again as it was. "
            "Make a new video and add the picture."
        ) from exc


async def _copied(services: Services, asset: Asset, caller: Caller) -> str:
    async with services.inputs.receiving() as draft:
        async with services.media.local(asset) as path:
            await asyncio.to_thread(shutil.copyfile, path, draft)
        copy = await services.media.take(
            draft,
            kind=AssetKind.INPUT,
            suffix=asset.suffix,
            media_type=asset.media_type,
            key_id=caller.key_id,
            task_id=asset.task_id,
            expires_at=asset.expires_at,
            file_name=asset.file_name,
            width=asset.width,
            height=asset.height,
        )
    return copy.id
