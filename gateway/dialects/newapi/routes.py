"""new-api's video tasks over HTTP."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response

from gateway.dialects.newapi import protocol, translate
from gateway.errors import TaskNotFound
from gateway.web import forms, video_fields, video_requests
from gateway.web.asked import Asked, answer, links
from gateway.web.authentication import VideoCaller
from gateway.web.error_responses import speaks
from gateway.web.form_names import unfolded
from gateway.web.openapi import ERRORS, body_of
from gateway.web.services import BaseUrl, TheServices
from gateway.web.video_requests import Order

to_error = translate.to_error

router = APIRouter(
    prefix="/v1/video/generations",
    tags=["Videos (new-api)"],
    dependencies=[Depends(speaks(translate.to_error))],
    responses=ERRORS,
)


@router.post(
    "", summary="Create a video task", response_model=protocol.VideoAccepted, openapi_extra=body_of(protocol.CreateTask)
)
async def post(
    request: Request,
    services: TheServices,
    caller: VideoCaller,
    base: BaseUrl,
    idempotency_key: Annotated[str | None, Header(description="Sent again with the same body: the same task.")] = None,
) -> Response:
    """The task is made in the background: poll `GET /v1/video/generations/{task_id}`, every five seconds or so."""
    async with forms.body(request, limit_bytes=forms.video_limit(services.settings)) as sent:
        key = video_requests.idempotency_key(idempotency_key)
        return await create(Asked(request, services, caller, base, unfolded(sent), key))


@router.get("/{task_id}", summary="Look at a video task", response_model=protocol.Envelope)
async def get(task_id: str, services: TheServices, caller: VideoCaller, base: BaseUrl) -> Response:
    """`SUCCESS` comes with `result_url`, `FAILURE` with `fail_reason`."""
    task = await services.store.get(task_id, key_id=caller.key_id)
    if task.dialect != translate.DIALECT:
        raise TaskNotFound("task_not_exist")
    return answer(translate.to_envelope(task, links(services, base)))


async def create(asked: Asked) -> Response:
    wire = forms.parse(protocol.CreateTask, asked.fields)
    if wire.metadata:
        wire = forms.parse(protocol.CreateTask, translate.with_metadata(asked.fields, wire))
    translate.require(wire)
    fields = translate.with_metadata(asked.fields, wire)
    request = translate.from_create(wire, fields, asked.model(wire.model))
    order = Order(
        task_id=f"{translate.PREFIX}{uuid.uuid4().hex}",
        dialect=translate.DIALECT,
        model=wire.model,
        request=request,
        fields=translate.with_metadata(asked.fields, wire),
        base=asked.base,
        idempotency_key=asked.idempotency_key,
        picture_param="reference_images" if wire.reference_images else "image_urls",
        words={"image": "image_urls"},
    )
    task, headers = await asked.create(
        order, unread=video_fields.unread(fields, protocol.CreateTask, known=translate.UNSUPPORTED)
    )
    return answer(translate.to_accepted(task), headers)
