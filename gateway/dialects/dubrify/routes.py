"""Dubrify's video API over HTTP: its part of the shared paths."""

from __future__ import annotations

import uuid

from fastapi.responses import JSONResponse, Response

from gateway.dialects.dubrify import protocol, translate
from gateway.tasks.model import Task
from gateway.web import forms, video_fields
from gateway.web.asked import Asked, LinkTo, answer
from gateway.web.video_requests import Order

to_error = translate.to_error
WORDS = {"seconds": "duration"}


async def create(asked: Asked) -> Response:
    wire = forms.parse(protocol.CreateVideo, asked.fields)
    request = translate.from_create(wire, asked.fields, asked.model(wire.model))
    unread = video_fields.unread(asked.fields, protocol.CreateVideo, known=translate.UNSUPPORTED)
    order = Order(
        task_id=f"{translate.PREFIX}{uuid.uuid4().hex}",
        dialect=translate.DIALECT,
        model=wire.model,
        request=request,
        fields=asked.fields,
        base=asked.base,
        idempotency_key=asked.idempotency_key,
        picture_param="image",
        words=WORDS,
    )
    task, headers = await asked.create(order, unread=unread)
    return answer(translate.to_accepted(task), headers)


def show(task: Task, link_to: LinkTo) -> JSONResponse:
    return answer(translate.to_result(task, link_to))
