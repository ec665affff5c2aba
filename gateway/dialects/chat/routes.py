"""Chat completions over HTTP: read, let the right one speak, and show it as a whole or as it comes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response

from gateway.auth.callers import Caller
from gateway.calls.cutting import Cutter
from gateway.calls.speech import Speech
from gateway.dialects.chat import protocol, speaking, translate
from gateway.dialects.chat.answer import Answer, Delta
from gateway.dialects.chat.parameters import MADE_RULES, RULES
from gateway.dialects.chat.speaking import Around
from gateway.dialects.chat.translate import Asked, Head
from gateway.models import ModelKind
from gateway.web import forms, video_requests
from gateway.web.authentication import authenticate
from gateway.web.call_errors import to_error
from gateway.web.call_requests import choose
from gateway.web.error_responses import speaks
from gateway.web.live import LiveStream, WatchedAnswer
from gateway.web.openapi import ERRORS, body_of
from gateway.web.parameters import judge
from gateway.web.services import BaseUrl, TheServices
from gateway.web.sse import Frame
from gateway.web.wishes import emulated
from gateway.webhooks.callbacks import NAMES as CALLBACK_NAMES

#: Bodies may carry a few of the largest pictures as base64.
PICTURES_IN_A_BODY = 3

SPEAKERS: Mapping[ModelKind, Callable[[Around, Asked, Answer], AsyncGenerator[Delta, None]]] = {
    ModelKind.CHAT: speaking.chat,
    ModelKind.IMAGE: speaking.image,
    ModelKind.VIDEO: speaking.video,
}

paths = APIRouter(tags=["Chat"], dependencies=[Depends(speaks(to_error))], responses=ERRORS)


@paths.post(
    "/chat/completions",
    summary="Answer a conversation",
    response_model=protocol.Completion,
    openapi_extra=body_of(protocol.ChatCreate),
)
async def create(
    request: Request,
    services: TheServices,
    caller: Annotated[Caller, Depends(authenticate)],
    base: BaseUrl,
    idempotency_key: Annotated[
        str | None,
        Header(description="For video models: the same task; for image models: the same pictures, made once."),
    ] = None,
) -> Response:
    """With `stream`, chunks as server-sent events. Image and video models answer with links. What of a request could not be
    passed on to the site is named in the header `x-gateway-ignored`; what would change the answer is refused. Tools and JSON
    are emulated, which the header `x-gateway-emulated` says."""
    limit = forms.json_limit(services.settings) * PICTURES_IN_A_BODY
    async with forms.body(request, limit_bytes=limit) as fields:
        wire = forms.parse(protocol.ChatCreate, fields)
    model = choose(services, caller, wire.model)
    words = model.kind is ModelKind.CHAT
    heard = CALLBACK_NAMES if model.kind is ModelKind.VIDEO else ()
    told = {name: value for name, value in fields.items() if name not in heard}
    headers: Mapping[str, str] = judge(told, RULES if words else MADE_RULES)
    asked = translate.from_create(wire, fields, words=words)
    headers = {**headers, **emulated(asked.wanted)}
    around = Around(services, caller, base, model, wire.model, fields, video_requests.idempotency_key(idempotency_key))
    suffix = uuid.uuid4().hex
    head = Head(f"chatcmpl-{suffix}", int(services.now()), wire.model)
    cutter = Cutter(asked.stop, asked.limit_tokens) if words else Cutter()
    answer = Answer(cutter, Speech(asked.wanted), suffix[:20])
    deltas = SPEAKERS[model.kind](around, asked, answer)
    if wire.stream:
        return LiveStream(_frames(head, asked, answer, deltas), services, tell=translate.tell, headers=headers)

    async def whole() -> Response:
        async with aclosing(deltas):
            async for _ in deltas:
                pass
        return JSONResponse(translate.to_completion(head, answer, asked), headers=dict(headers))

    return WatchedAnswer(whole, services)


async def _frames(
    head: Head, asked: Asked, answer: Answer, deltas: AsyncGenerator[Delta, None]
) -> AsyncGenerator[Frame | None, None]:
    async with aclosing(deltas):
        first = await anext(deltas)  # the call is alive: what fails from here on is told in the stream
        yield translate.to_first(head, first)
        async for delta in deltas:
            if delta:
                yield translate.to_chunk(head, delta)
    for frame in translate.to_last(head, answer, asked):
        yield frame


router = APIRouter()
router.include_router(paths, prefix="/v1")
router.include_router(paths, include_in_schema=False)
