"""The grok2api task API over HTTP. Each endpoint reads, asks the task core, and shows; nothing is decided here.

Two things the documented API leaves open are settled so: ``DELETE /v1/video/tasks/{id}`` cancels and never deletes (a client
that repeats it must not lose the record), and a task that was over before is answered with success and says so.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.dialects.grok2api import protocol, translate
from gateway.dialects.grok2api.following import frames
from gateway.media.inputs import Owner
from gateway.models import ModelKind, resolve
from gateway.tasks.estimate import remaining_s
from gateway.tasks.model import Task
from gateway.tasks.states import FINAL, State
from gateway.tasks.store import Filter
from gateway.web import forms, video_fields, video_requests
from gateway.web.authentication import VideoCaller
from gateway.web.content import Variant, task_content
from gateway.web.error_responses import speaks
from gateway.web.openapi import ERRORS, body_of, upload_body
from gateway.web.paging import Limit
from gateway.web.parameters import ignoring
from gateway.web.services import BaseUrl, Services, TheServices
from gateway.web.sse import EventStream, last_event_id
from gateway.web.video_requests import Order

REPLAYED = {"idempotent-replayed": "true"}

router = APIRouter(
    prefix="/v1/video",
    tags=["Video tasks (grok2api)"],
    dependencies=[Depends(speaks(translate.to_error))],
    responses=ERRORS,
)


@router.post(
    "/tasks",
    summary="Create a video task",
    response_model=protocol.TaskAccepted,
    openapi_extra=body_of(protocol.CreateTask),
)
async def create(
    request: Request,
    services: TheServices,
    caller: VideoCaller,
    base: BaseUrl,
    idempotency_key: Annotated[str | None, Header(description="Sent again with the same body: the same task.")] = None,
) -> Response:
    """TaskAccepted means kept: once this has answered, the task survives a crash of the gateway."""
    async with forms.body(request, limit_bytes=forms.json_limit(services.settings)) as fields:
        wire = forms.parse(protocol.CreateTask, fields)
        model = resolve(wire.model, ModelKind.VIDEO, services.settings.model_aliases)
        order = Order(
            task_id=f"{translate.PREFIX}{uuid.uuid4().hex}",
            dialect=translate.DIALECT,
            model=wire.model,
            request=translate.from_create(wire, model),
            fields=fields,
            base=base,
            idempotency_key=video_requests.idempotency_key(idempotency_key),
        )
        task, created = await video_requests.create(services, caller, order)
    headers = {**ignoring(video_fields.unread(fields, protocol.CreateTask)), **({} if created else REPLAYED)}
    return JSONResponse(translate.to_accepted(task), headers=headers)


@router.get("/tasks", summary="List tasks", response_model=protocol.TaskList)
async def list_tasks(
    *,
    services: TheServices,
    caller: VideoCaller,
    base: BaseUrl,
    status: Annotated[str | None, Query(description="Only tasks in this status.")] = None,
    limit: Limit = 1000,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Response:
    """Newest first. Without *limit* the newest thousand."""
    where = _mine(caller.key_id, translate.from_status(status) if status else None)
    tasks, after = await video_requests.listing(services, where, limit=limit, cursor=cursor)
    around = _around(services, base)
    shown: dict[str, Any] = {"tasks": [translate.to_task(task, around) for task in tasks]}
    return JSONResponse(shown | ({"next_cursor": after} if after else {}))


@router.delete("/tasks", summary="Delete tasks", response_model=protocol.Done, openapi_extra=body_of(protocol.TaskIds))
async def delete_tasks(request: Request, services: TheServices, caller: VideoCaller) -> Response:
    """Those of the named tasks that exist. Running ones are cancelled at the site first."""
    async with forms.body(request, limit_bytes=forms.SMALL_BYTES) as fields:
        ids = forms.parse(protocol.TaskIds, fields).task_ids
    return JSONResponse(translate.to_deleted(await video_requests.delete(services, _mine(caller.key_id), ids)))


@router.delete("/tasks/all", summary="Delete all tasks", response_model=protocol.Done)
async def delete_all(services: TheServices, caller: VideoCaller) -> Response:
    """All tasks this key made through this API."""
    return JSONResponse(translate.to_cleared(await video_requests.delete(services, _mine(caller.key_id))))


@router.delete("/tasks/status/{status}", summary="Delete tasks by status", response_model=protocol.Done)
async def delete_in_status(status: str, services: TheServices, caller: VideoCaller) -> Response:
    where = _mine(caller.key_id, translate.from_status(status))
    return JSONResponse(translate.to_deleted_in(await video_requests.delete(services, where), status))


@router.get("/tasks/{task_id}", summary="Look at a task", response_model=protocol.Task)
async def get(task_id: str, services: TheServices, caller: VideoCaller, base: BaseUrl) -> Response:
    task = await services.store.get(task_id, key_id=caller.key_id)
    return JSONResponse(translate.to_task(task, await _all_around(services, base, task)))


@router.get(
    "/tasks/{task_id}/stream",
    summary="Follow a task",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events until the task is over."}},
)
async def stream(
    task_id: str,
    services: TheServices,
    caller: VideoCaller,
    base: BaseUrl,
    last_event_id_: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """Server-sent events: a snapshot, what happens, and the end. `Last-Event-ID` continues where a stream was cut; 0 tells
    everything from the first event on."""
    task = await services.store.get(task_id, key_id=caller.key_id)
    after = last_event_id(last_event_id_)
    if after is not None and await _seen_to_the_end(services, task, after):
        return Response(status_code=204)  # tells an EventSource that there is nothing to come back for
    around = await _all_around(services, base, task)
    return EventStream(
        frames(services, task, around, after=after), stopping=services.stopping, heartbeat_s=services.heartbeat_s
    )


@router.head("/tasks/{task_id}/content", include_in_schema=False)
@router.get(
    "/tasks/{task_id}/content",
    summary="Download a task's video",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}, "image/jpeg": {}}, "description": "The file; ranges are served."}},
)
async def content(
    task_id: str, request: Request, services: TheServices, caller: VideoCaller, variant: Variant = "video"
) -> Response:
    """Also while the gateway itself still downloads it: then the bytes come as they arrive."""
    return await task_content(request, services, caller, task_id, variant)


@router.delete("/tasks/{task_id}", summary="Cancel a task", response_model=protocol.Done)
async def cancel(task_id: str, services: TheServices, caller: VideoCaller) -> Response:
    """A queued task ends at once, a running one within moments, at the site too. Cancelling twice is no error."""
    return JSONResponse(translate.to_cancelled(await video_requests.cancel(services, caller, task_id)))


@router.post("/upload", summary="Upload a picture", response_model=protocol.Uploaded, openapi_extra=upload_body("file"))
async def upload(request: Request, services: TheServices, caller: VideoCaller, base: BaseUrl) -> Response:
    """PNG, JPEG or WebP; GIF, BMP, AVIF and TIFF become PNG. The answer's `image_url` serves as `image_url` of a task."""
    services.accepting()
    limit = services.settings.max_image_bytes
    async with (
        forms.body(request, limit_bytes=limit + forms.SMALL_BYTES) as fields,
        services.inputs.receiving() as draft,
    ):
        file = forms.uploaded(fields, "file", "image")
        await forms.save(file, draft, limit_bytes=limit)
        owner = Owner(caller.key_id, expires_at=services.uploads_expire_at())
        asset = await services.inputs.keep(draft, owner, file_name=forms.safe_name(file.filename))
    link = services.links.of(asset, base=base, now=services.now())
    return JSONResponse(translate.to_uploaded(asset, link))


def _mine(key_id: str, state: State | None = None) -> Filter:
    """Tasks of this key that were made through this API."""
    states = frozenset({state}) if state else frozenset[State]()
    return Filter(key_id=key_id, states=states, dialects=frozenset({translate.DIALECT}))


def _around(services: Services, base: str) -> translate.Around:
    now = services.now()

    def link_to(asset_id: str, suffix: str) -> str:
        return base + services.links.path(asset_id, suffix, now=now)

    return translate.Around(link_to=link_to, waiting=services.why_waiting())


async def _all_around(services: Services, base: str, task: Task) -> translate.Around:
    around = _around(services, base)
    if task.state in FINAL:
        return around
    store, waits = services.store, task.state is State.QUEUED
    position = await store.queue_position(task.id) if waits else None
    left_s = None
    if not waits or (around.waiting is None and task.wait_code is None):  # nobody knows when a person will see to it
        now = datetime.fromtimestamp(services.now(), UTC)
        left_s = remaining_s(task, await store.usual(), now, position=position, at_once=services.places())
    return replace(around, queue_position=position, remaining_s=left_s)


async def _seen_to_the_end(services: Services, task: Task, after: int) -> bool:
    return task.finished_at is not None and not await services.store.events(task.id, after=after, limit=1)
