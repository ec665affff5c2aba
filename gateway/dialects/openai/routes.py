"""OpenAI's Videos API over HTTP: its part of the shared paths, and the paths that are its alone."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse, Response

from gateway.auth.callers import Caller
from gateway.dialects.openai import protocol, translate
from gateway.errors import InvalidRequest, TaskNotFound, UnsupportedParameter
from gateway.tasks.model import Task
from gateway.tasks.states import FINAL
from gateway.tasks.store import Filter
from gateway.web import forms, video_fields, video_requests
from gateway.web.asked import Asked, LinkTo, answer
from gateway.web.services import Services
from gateway.web.video_requests import Order, VideoRequest

to_error = translate.to_error
WORDS = {"image": "input_reference"}


async def create(asked: Asked) -> Response:
    return await _create(asked, {})


async def create_ambiguous(asked: Asked) -> Response:
    """A create that could be Dubrify's as well: the answer serves both."""
    return await _create(asked, {"ambiguous": True})


async def extend(asked: Asked) -> Response:
    wire = forms.parse(protocol.Extend, asked.fields)
    source = await video_requests.source(asked.services, asked.caller, translate.source_of(wire.video))
    unread = video_fields.unread(asked.fields, protocol.Extend, known=translate.UNSUPPORTED)
    request = translate.from_extend(wire, source)
    return await _order(asked, wire.model or source.model, request, unread=unread, source=source)


async def edit(asked: Asked) -> Response:
    raise UnsupportedParameter(
        "The site cannot edit a video. It can extend one (POST /v1/videos/extensions) or make a new one with the same "
        "settings (POST /v1/videos/{id}/remix).",
        param="video",
    )


async def remix(asked: Asked, video_id: str) -> Response:
    wire = forms.parse(protocol.Remix, asked.fields)
    source = await asked.services.store.get(video_id, key_id=asked.caller.key_id)
    unread = video_fields.unread(asked.fields, protocol.Remix)
    request = translate.from_remix(wire, source)
    return await _order(asked, source.model, request, {"remixed_from": source.id}, unread=unread)


def show(task: Task, link_to: LinkTo) -> JSONResponse:
    headers = {} if task.state in FINAL else {"openai-poll-after-ms": translate.POLL_AFTER_MS}
    return answer(translate.to_video(task, link_to), headers)


async def listing(
    services: Services, caller: Caller, link_to: LinkTo, query: Mapping[str, str], *, dialects: Collection[str]
) -> Response:
    """A page of the caller's videos, newest first unless ``order=asc``."""
    order = query.get("order") or "desc"
    if order not in {"asc", "desc"}:
        raise InvalidRequest(
            f"Invalid value for 'order': {order[:20]!r}. Supported values are: asc, desc.", param="order"
        )
    tasks, more = await video_requests.after(
        services,
        Filter(key_id=caller.key_id, dialects=frozenset(dialects)),
        query.get("after"),
        limit=translate.read_limit(query.get("limit")),
        oldest_first=order == "asc",
    )
    return answer(translate.to_list(tasks, more, link_to))


async def delete(services: Services, caller: Caller, video_id: str) -> Response:
    """A running video is cancelled at the site first."""
    if not await video_requests.delete(services, Filter(key_id=caller.key_id), [video_id]):
        raise TaskNotFound(f"There is no video {video_id!r}.")
    return answer(translate.to_deleted(video_id))


async def _create(asked: Asked, data: Mapping[str, Any]) -> Response:
    wire = forms.parse(protocol.CreateVideo, asked.fields)
    name = wire.model or translate.DEFAULT_MODEL
    request = translate.from_create(wire, asked.fields, asked.model(name))
    unread = video_fields.unread(asked.fields, protocol.CreateVideo, known=translate.UNSUPPORTED)
    return await _order(asked, name, request, data, unread=unread)


async def _order(
    asked: Asked,
    model: str,
    request: VideoRequest,
    data: Mapping[str, Any] | None = None,
    *,
    unread: Sequence[str] = (),
    source: Task | None = None,
) -> Response:
    order = Order(
        task_id=f"{translate.PREFIX}{uuid.uuid4().hex}",
        dialect=translate.DIALECT,
        model=model,
        request=request,
        fields=asked.fields,
        base=asked.base,
        idempotency_key=asked.idempotency_key,
        dialect_data=data or {},
        picture_param="input_reference",
        words=WORDS,
        source=source,
    )
    task, headers = await asked.create(order, unread=unread)
    return answer(translate.to_video(task, asked.link_to), headers)
