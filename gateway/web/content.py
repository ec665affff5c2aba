"""A task's own files over HTTP, and files by signed link."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from gateway.auth.callers import Caller
from gateway.errors import FileMissing, GatewayError, ResultExpired, VideoNotReady
from gateway.media.assets import SUFFIX, Asset, AssetKind, video_asset_id
from gateway.tasks.model import Task
from gateway.tasks.states import FINAL, Stage, State
from gateway.web.files import FileAnswer, GrowingFileAnswer, Served
from gateway.web.forwarding import ForwardedAnswer
from gateway.web.services import Services, TheServices

#: The site is asked a few things before the first byte of a download comes.
BEGINS_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.1

Variant = Annotated[Literal["video", "thumbnail"], Query(description="The video, or its preview picture.")]

router = APIRouter(tags=["Files"])


@router.head("/media/{token}/{name}", include_in_schema=False)
@router.get(
    "/media/{token}/{name}",
    summary="A file by its signed link",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}, "image/jpeg": {}}, "description": "The file; ranges are served."}},
)
async def by_link(token: str, name: str, request: Request, services: TheServices) -> Response:
    """What `video_url` and `thumbnail_url` lead to. Needs no key; the link ends after a day or more."""
    linked = services.links.check(f"/media/{token}/{name}", now=services.now())
    asset = await services.media.get(linked.asset_id)
    if asset.suffix != linked.suffix:
        raise FileMissing("There is no such file.")
    return stored_file(request, services, asset, max_age_s=int(linked.ends_at - services.now()))


async def task_content(
    request: Request, services: Services, caller: Caller, task_id: str, variant: Literal["video", "thumbnail"]
) -> Response:
    """Answer with a file of the caller's task; a video that is still being fetched from the site comes as it arrives.

    Raises VideoNotReady, ResultExpired, TaskNotFound.
    """
    task = await services.store.get(task_id, key_id=caller.key_id)
    if variant == "video" and (elsewhere := _at_its_node(request, services, task)) is not None:
        return elsewhere
    give_up_at = time.monotonic() + BEGINS_WITHIN_S
    while variant == "video" and _is_coming(task) and not _has_begun(services, task) and time.monotonic() < give_up_at:
        await asyncio.sleep(LOOK_AGAIN_S)
        task = await services.store.get(task_id, key_id=caller.key_id)
    if task.state is State.SUCCEEDED and task.result is not None:
        asset_id = task.result.asset_id if variant == "video" else task.result.thumbnail_id
        if asset_id is None:
            raise ResultExpired("The video was removed when its time was over; the task itself is kept.")
        return stored_file(request, services, await services.media.get(asset_id), max_age_s=0)
    if variant == "video" and _is_coming(task) and _has_begun(services, task):
        return _growing(services, task)
    raise VideoNotReady(_not_ready(task))


def _is_coming(task: Task) -> bool:
    """Whether the gateway is busy with fetching the task's video."""
    return task.state is State.RUNNING and task.stage is Stage.DOWNLOAD


def _at_its_node(request: Request, services: Services, task: Task) -> Response | None:
    """The answer of the node that fetches the video now, where that is another one: only it has the bytes so far."""
    if services.forwarder is None or not _is_coming(task) or _has_begun(services, task) or not task.owner:
        return None
    node = services.forwarder.others.find(task.owner.partition("/")[0])
    if node is None or getattr(request.state, "from_node", None):
        return None
    return ForwardedAnswer(services.forwarder, node, otherwise=VideoNotReady(_not_ready(task)))


def _video_path(services: Services, task: Task) -> Path:
    return services.media.target(video_asset_id(task.id), SUFFIX[AssetKind.VIDEO])


def _has_begun(services: Services, task: Task) -> bool:
    path = _video_path(services, task)
    return path.with_name(f"{path.name}.part").exists() or path.exists()


def stored_file(request: Request, services: Services, asset: Asset, *, max_age_s: int) -> Response:
    """Answer with a complete file, ranges included."""
    file = Served(
        open=lambda: services.media.reading(asset),
        media_type=asset.media_type,
        etag=asset.sha256[:32],
        name=file_name(asset),
        modified_at=asset.created_at or datetime.fromtimestamp(0, UTC),
        max_age_s=max_age_s,
    )
    return FileAnswer(file, request.headers)


def _growing(services: Services, task: Task) -> Response:
    async def still_coming() -> bool:
        try:
            now = await services.store.get(task.id)
        except GatewayError:
            return False
        return now.state is State.RUNNING and now.token == task.token

    path = _video_path(services, task)
    return GrowingFileAnswer(path, media_type="video/mp4", name=f"{task.id}.mp4", still_coming=still_coming)


def _not_ready(task: Task) -> str:
    match task.state:
        case State.FAILED:
            why = task.failure.message if task.failure else "no reason is known"
            return f"This task failed and has no video: {why}"
        case State.CANCELLED:
            return "This task was cancelled and has no video."
    assert task.state not in FINAL
    return f"The video is not ready yet (progress {task.progress} %)."


def file_name(asset: Asset) -> str:
    """What a person saves the file as."""
    name = asset.file_name or f"{asset.task_id or asset.id}{asset.suffix}"
    return name if name.endswith(asset.suffix) else f"{name}{asset.suffix}"
