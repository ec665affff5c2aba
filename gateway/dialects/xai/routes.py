"""xAI's video API over HTTP: its part of the shared paths."""

from __future__ import annotations

import uuid

from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from gateway.dialects.xai import protocol, translate
from gateway.errors import UnsupportedParameter
from gateway.tasks.model import Task
from gateway.web import forms, video_fields, video_requests
from gateway.web.asked import Asked, LinkTo, answer
from gateway.web.video_requests import Order, VideoRequest

to_error = translate.to_error
WORDS = {"seconds": "duration"}


async def create(asked: Asked) -> Response:
    wire = forms.parse(protocol.Generate, asked.fields)
    name = wire.model or translate.DEFAULT_MODEL
    request = translate.from_generate(wire, asked.fields, asked.model(name))
    param = "reference_images" if wire.reference_images else "image"
    return await _order(asked, name, request, protocol.Generate, picture_param=param)


async def extend(asked: Asked) -> Response:
    wire = forms.parse(protocol.Extend, asked.fields)
    source = await video_requests.source(asked.services, asked.caller, translate.source_of(wire.video))
    request = translate.from_extend(wire, asked.fields, source)
    return await _order(asked, wire.model or source.model, request, protocol.Extend, source=source)


async def edit(asked: Asked) -> Response:
    raise UnsupportedParameter(
        "The site cannot edit a video. It can extend one: POST /v1/videos/extensions.", param="video"
    )


def show(task: Task, link_to: LinkTo) -> JSONResponse:
    status, body = translate.to_generation(task, link_to)
    return answer(body, status=status)


async def _order(
    asked: Asked,
    model: str,
    request: VideoRequest,
    wire: type[BaseModel],
    *,
    picture_param: str = "image",
    source: Task | None = None,
) -> Response:
    order = Order(
        task_id=str(uuid.uuid4()),
        dialect=translate.DIALECT,
        model=model,
        request=request,
        fields=asked.fields,
        base=asked.base,
        idempotency_key=asked.idempotency_key,
        picture_param=picture_param,
        words=WORDS,
        source=source,
    )
    known = (*translate.UNSUPPORTED, "generate_audio")
    task, headers = await asked.create(order, unread=video_fields.unread(asked.fields, wire, known=known))
    return answer(translate.to_accepted(task), headers)
