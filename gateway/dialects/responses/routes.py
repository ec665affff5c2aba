"""Responses over HTTP: read, have the site answer, and show it as a whole or as it comes. Nothing is stored."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.responses import Response as HttpResponse

from gateway.auth.callers import Caller
from gateway.calls.cutting import Cutter
from gateway.calls.model import ChatEvent, Citation, Ended, Picture, PictureRefused, Reasoning, Text
from gateway.calls.speech import Speech
from gateway.calls.tools import written
from gateway.dialects.responses import protocol, translate
from gateway.dialects.responses.answer import Answer, Event, frames
from gateway.dialects.responses.parameters import RULES
from gateway.dialects.responses.recent import RecentAnswers
from gateway.dialects.responses.translate import Asked, Head
from gateway.errors import NotFound
from gateway.models import Model, ModelKind
from gateway.web import forms
from gateway.web.authentication import authenticate
from gateway.web.call_errors import to_error
from gateway.web.call_requests import admit, choose
from gateway.web.conversations import fetched
from gateway.web.error_responses import speaks
from gateway.web.live import LiveStream, WatchedAnswer
from gateway.web.openapi import ERRORS, body_of
from gateway.web.parameters import judge
from gateway.web.services import BaseUrl, Services, TheServices
from gateway.web.sse import Frame
from gateway.web.wishes import emulated

paths = APIRouter(prefix="/responses", tags=["Responses"], dependencies=[Depends(speaks(to_error))], responses=ERRORS)
AnyCaller = Annotated[Caller, Depends(authenticate)]
PICTURES_IN_A_BODY = 3


async def recent_answers(request: Request) -> RecentAnswers:
    """This service's own, made with its first response."""
    state = request.app.state
    if not hasattr(state, "recent_answers"):
        state.recent_answers = RecentAnswers(state.services.now)
    found: RecentAnswers = state.recent_answers
    return found


@paths.post(
    "", summary="Create a response", response_model=protocol.Response, openapi_extra=body_of(protocol.ResponseCreate)
)
async def create(
    request: Request,
    services: TheServices,
    caller: AnyCaller,
    base: BaseUrl,
    recent: Annotated[RecentAnswers, Depends(recent_answers)],
) -> HttpResponse:
    """With `stream`, typed events in OpenAI's order. Nothing is stored: `previous_response_id` is refused, send the
    conversation as `input`."""
    limit = forms.json_limit(services.settings) * PICTURES_IN_A_BODY
    async with forms.body(request, limit_bytes=limit) as fields:
        wire = forms.parse(protocol.ResponseCreate, fields)
    model = choose(services, caller, wire.model, ModelKind.CHAT)
    headers: Mapping[str, str] = judge(fields, RULES)
    asked = translate.from_create(wire, fields, lambda item_id: recent.find(caller.key_id, item_id))
    headers = {**headers, **emulated(asked.wanted)}
    suffix = uuid.uuid4().hex
    head = Head(f"resp_{suffix}", int(services.now()), wire.model, fields)
    answer = Answer(head, asked, suffix, Cutter(limit_tokens=asked.limit_tokens), Speech(asked.wanted))
    events = _Answering(services, caller, base, model, asked, answer, recent).events()
    if wire.stream:
        return LiveStream(_framed(events), services, tell=lambda exc: frames(answer.fail(exc)), headers=headers)

    async def whole() -> HttpResponse:
        async with aclosing(events):
            async for _ in events:
                pass
        return JSONResponse(answer.whole(int(services.now())), headers=dict(headers))

    return WatchedAnswer(whole, services)


@paths.get("/{response_id}", summary="Look at a response (none is kept)")
@paths.delete("/{response_id}", include_in_schema=False)
@paths.post("/{response_id}/cancel", include_in_schema=False)
@paths.get("/{response_id}/input_items", include_in_schema=False)
async def unknown(response_id: str, caller: AnyCaller) -> HttpResponse:
    """Always a 404: answers live as long as their request."""
    del caller
    raise NotFound(f"Response with id '{response_id[:80]}' not found: responses are not stored here.")


@dataclass(frozen=True, slots=True)
class _Answering:
    """One response at work."""

    services: Services
    caller: Caller
    base: str
    model: Model
    asked: Asked
    answer: Answer
    recent: RecentAnswers

    async def events(self) -> AsyncGenerator[list[Event], None]:
        """The answer's events. Leaving early, or closing this, stops the site."""
        services, answer, key_id = self.services, self.answer, self.caller.key_id
        admit(services, self.caller)
        turns = await fetched(services, self.caller, self.asked.drafts, most=self.model.pictures[1])
        request = translate.to_request(self.asked, self.model, turns, key_id=key_id)
        async with services.calls.chat(request) as heard:
            yield answer.begin()
            async for event in heard:
                yield await self._heard(event)
                if answer.over:
                    break
        yield answer.finish(int(services.now()))
        self.recent.keep(key_id, answer.message_id, answer.text)
        for item in answer.calls:
            self.recent.keep(key_id, item["id"], written(item["name"], item["arguments"]))

    async def _heard(self, event: ChatEvent) -> list[Event]:
        services, answer = self.services, self.answer
        match event:
            case Text():
                return answer.say(event.text)
            case Reasoning():
                return answer.think(event.text, title=event.title)
            case Citation():
                return answer.cite(event)
            case Picture():
                asset = await services.media.get(event.asset_id)
                return answer.picture(services.links.of(asset, base=self.base, now=services.now()), event.prompt)
            case PictureRefused():
                answer.refused.append(event)
            case Ended():
                return answer.end(event)
        return []


async def _framed(events: AsyncGenerator[list[Event], None]) -> AsyncGenerator[Frame | None, None]:
    async with aclosing(events):
        async for some in events:
            for frame in frames(some):
                yield frame


router = APIRouter()
router.include_router(paths, prefix="/v1")
router.include_router(paths, include_in_schema=False)
