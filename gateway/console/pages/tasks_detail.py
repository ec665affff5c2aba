"""One task: the video, what was asked and what was used, where the time went, what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gateway.auth.callers import console_caller
from gateway.console import snippets
from gateway.console.page import Page
from gateway.console.pages.tasks import dialect_names, key_names
from gateway.console.snippets import Sample, Upload
from gateway.console.timeline import stretches
from gateway.console.view import TheView, View
from gateway.errors import VideoNotReady
from gateway.media.assets import Asset, AssetKind
from gateway.media.shelf import Shelf
from gateway.tasks.model import Preset, Task, VideoMode
from gateway.tasks.states import FINAL, State
from gateway.tasks.store import Filter
from gateway.web import video_requests
from gateway.web.repeating import repeat

router = APIRouter()
PAGE = Page("tasks", router)

DIALECT = "console"
EVENTS_SHOWN = 1000
#: Reasons that only the operator can take away, at the profile's live view.
NEEDS_LOOK = frozenset({"login_required", "challenge_required", "blocked_by_site", "account_blocked", "suspect_output"})


@router.get("/console/tasks/{task_id}")
async def task(task_id: str, view: TheView) -> Response:
    """The page; live until the task is over."""
    store = view.house.services.store
    found = await store.get(task_id)
    events = await store.events(task_id, limit=EVENTS_SHOWN)
    attempts = await store.attempts(task_id)
    files = await Shelf(view.house.db).of_tasks([task_id])
    now = datetime.now(UTC)
    waiting = waiting_of(found, view)
    return view.page(
        "tasks/task.html",
        task=found,
        over=found.state in FINAL,
        pictures=await _pictures(view, found),
        stretches=stretches(events, now),
        attempts=attempts,
        steps=await store.steps(task_id),
        waiting=waiting,
        look_at=_to_look_at(found, waiting[0] if waiting else None),
        position=await store.queue_position(task_id) if found.state is State.QUEUED else None,
        deliveries=await view.house.services.deliveries.of_task(task_id),
        repeated_by=await store.repeated_by(task_id),
        samples=samples_of(found, view.base_url, files),
        files=files,
        videos=sum(file.kind is AssetKind.VIDEO for file in files),
        size_bytes=sum(file.size_bytes for file in files),
        keys=await key_names(view),
        dialects=dialect_names(view),
        raw=json.dumps(
            {"task": asdict(found), "attempts": [asdict(one) for one in attempts], "events": [asdict(one) for one in events]},
            default=str, ensure_ascii=False, indent=2,
        ),
        now=now,
    )  # fmt: skip


@router.post("/console/tasks/{task_id}/cancel")
async def cancel(task_id: str, view: TheView) -> Response:
    """A running task is told to stop at the site, too."""
    found = await view.house.services.store.cancel(task_id)
    await view.note("task.cancelled", task_id)
    return view.done(view.text("tasks.cancelled" if found.state is State.CANCELLED else "tasks.cancelling"))


@router.post("/console/tasks/{task_id}/retry")
async def retry(task_id: str, view: TheView) -> Response:
    """The same once more, as a new task of the operator's."""
    services = view.house.services
    again = await repeat(services, console_caller(), await services.store.get(task_id), dialect=DIALECT)
    await view.note("task.retried", task_id, new=again.id)
    return view.done(view.text("tasks.retried"), go=f"/console/tasks/{again.id}")


@router.post("/console/tasks/{task_id}/delete")
async def delete(task_id: str, view: TheView) -> Response:
    """With everything that belongs to it."""
    services = view.house.services
    await services.store.get(task_id)
    await video_requests.delete(services, Filter(), [task_id])
    await view.note("task.deleted", task_id)
    on_its_page = task_id in view.came_from
    return view.done(view.text("tasks.deleted_some", n=1), go="/console/tasks" if on_its_page else None)


@router.post("/console/tasks/{task_id}/link")
async def link(task_id: str, view: TheView) -> Response:
    """An address of the video that works without the console, for a while."""
    services = view.house.services
    found = await services.store.get(task_id)
    if found.result is None or found.result.asset_id is None:
        raise VideoNotReady("This task has no video to link to.")
    asset = await services.media.get(found.result.asset_id)
    return view.done(dialog="tasks/link.html", link=services.links.of(asset, base=view.base_url, now=services.now()))


@router.post("/console/tasks/{task_id}/redeliver/{delivery_id}")
async def redeliver(task_id: str, delivery_id: str, view: TheView) -> Response:
    """Tell the caller's address again."""
    await view.house.services.deliveries.redeliver(delivery_id, task_id=task_id)
    await view.note("webhook.redelivered", task_id, delivery=delivery_id)
    return view.done(view.text("tasks.redelivering"))


def waiting_of(task: Task, view: View) -> tuple[str, str] | None:
    """Why a queued task waits, as (code, sentence): what stopped it, else that nobody could take it."""
    if task.state is not State.QUEUED:
        return None
    if task.wait_code:
        return task.wait_code, task.wait_reason or ""
    return view.house.services.why_waiting()


def samples_of(task: Task, base: str, files: Sequence[Asset] = ()) -> list[Sample]:
    """The call that makes the same video."""
    spec = task.spec
    body: dict[str, Any] = {"model": task.model, "prompt": spec.prompt, "duration": spec.seconds}
    if spec.mode in {VideoMode.UPSCALE, VideoMode.LATER}:
        return []  # none of the APIs spoken here has such a call
    if spec.mode is VideoMode.EXTEND:
        body["video"] = {"file_id": spec.source_task_id}
        return snippets.video(base, body, extends=True)
    body |= {"aspect_ratio": spec.aspect_ratio, "resolution": spec.resolution}
    if spec.preset is not Preset.NORMAL:
        body["preset"] = spec.preset.value
    names = {file.id: file.file_name for file in files}
    field = "image" if spec.mode is VideoMode.IMAGE else "reference_images"
    uploads = [
        Upload(field, names.get(asset_id) or f"picture-{number}.jpg")
        for number, asset_id in enumerate(spec.image_assets, 1)
    ]
    return snippets.video(base, body, uploads)


def _to_look_at(task: Task, waits_for: str | None) -> str | None:
    """The profile whose live view is the next step."""
    code = waits_for or (task.failure.code if task.failure else None)
    return task.profile if code in NEEDS_LOOK else None


async def _pictures(view: View, task: Task) -> Sequence[Mapping[str, Any]]:
    """What the video was made from; a picture that is gone is still named."""
    shown = []
    known = {asset.id: asset for asset in await Shelf(view.house.db).some(task.spec.image_assets)}
    for asset_id in task.spec.image_assets:
        asset = known.get(asset_id)
        shown.append({"id": asset_id, "asset": asset})
    return shown
