"""The Studio's chat tab: an answer as it comes, with its reasoning, sources and pictures. The page keeps the conversation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from gateway.auth.callers import CONSOLE_KEY_ID, console_caller
from gateway.calls.model import (
    CallNote,
    ChatEvent,
    ChatRequest,
    Citation,
    Ended,
    Picture,
    PictureRefused,
    Reasoning,
    Role,
    Text,
    Turn,
)
from gateway.console import snippets
from gateway.console.page import Page
from gateway.console.pages.tasks_detail import DIALECT
from gateway.console.snippets import Sample
from gateway.console.view import TheView, View
from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest
from gateway.models import MODELS, Model, ModelKind
from gateway.web import forms
from gateway.web.call_requests import admit, choose, owner_of_inputs
from gateway.web.live import LiveStream
from gateway.web.sse import Frame

router = APIRouter()
PAGE = Page("studio", router)

THINKING: Mapping[str, bool | None] = {"auto": None, "on": True, "off": False}
MOST_TURNS = 200
ROLES = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}


@router.get("/console/studio/chat")
async def chat(view: TheView) -> Response:
    """The tab; the conversation is the page's own."""
    services = view.house.services
    models = [
        (name, name) for name, model in MODELS.items() if model.kind is ModelKind.CHAT and services.offers_model(model)
    ]
    return view.page("studio/chat.html", models=models, samples=_samples(view, {}))


@router.post("/console/studio/chat/plan")
async def plan(view: TheView) -> Response:
    """The call from code, while the message is being written."""
    async with forms.body(view.request, limit_bytes=forms.json_limit(view.house.settings)) as fields:
        return JSONResponse({"samples": [code for _, code in _samples(view, fields)]})


@router.post("/console/studio/upload")
async def upload(view: TheView) -> Response:
    """A picture for a message; kept for as long as a call's pictures are."""
    services, caller = view.house.services, console_caller()
    limit = services.settings.max_image_bytes
    async with (
        forms.body(view.request, limit_bytes=limit + forms.SMALL_BYTES) as fields,
        services.inputs.receiving() as draft,
    ):
        file = forms.uploaded(fields, "file")
        await forms.save(file, draft, limit_bytes=limit)
        name = forms.safe_name(file.filename)
        asset = await services.inputs.keep(draft, owner_of_inputs(services, caller), file_name=name)
    return JSONResponse({"id": asset.id, "width": asset.width, "height": asset.height})


@router.post("/console/studio/chat")
async def answer(view: TheView) -> Response:
    """An event stream with the answer; closing it stops the site."""
    services, caller = view.house.services, console_caller()
    async with forms.body(view.request, limit_bytes=forms.json_limit(services.settings)) as fields:
        model = choose(services, caller, str(fields.get("model") or ""), ModelKind.CHAT)
        request = await _request(view, fields, model)
    admit(services, caller)
    return LiveStream(_frames(view, request), services, tell=partial(_tell, view))


async def _request(view: View, fields: Mapping[str, Any], model: Model) -> ChatRequest:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise EmptyPrompt("Write a message first.", param="messages")
    if len(messages) > MOST_TURNS:
        raise InvalidRequest("This conversation is too long; begin a new one.", param="messages")
    turns = tuple([await _turn(view, message) for message in messages])
    if not (turns[-1].text.strip() or turns[-1].images):
        raise EmptyPrompt("Write a message first.", param="messages")
    if sum(len(turn.images) for turn in turns) > model.pictures[1]:
        raise InvalidRequest(f"At most {model.pictures[1]} pictures are taken in one conversation.", param="messages")
    wanted = THINKING.get(str(fields.get("thinking") or "auto"))
    return ChatRequest(
        turns=turns,
        mode=model.mode,
        rest_name=model.rest_name,
        thinking=model.thinking if wanted is None else wanted,
        search=fields.get("search") is not False,
        key_id=CONSOLE_KEY_ID,
        note=CallNote(DIALECT, model.id),
    )


async def _turn(view: View, message: Any) -> Turn:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise InvalidRequest("The conversation cannot be read; begin a new one.", param="messages")
    named = message.get("images")
    images = [str(one) for one in named] if isinstance(named, list) else []
    kept = [(await view.house.services.media.get(asset_id)).id for asset_id in images]
    return Turn(ROLES[message["role"]], str(message.get("text") or ""), tuple(kept))


async def _frames(view: View, request: ChatRequest) -> AsyncGenerator[Frame | None, None]:
    async with view.house.services.calls.chat(request) as events:
        yield None
        async for event in events:
            if (said := _said(view, event)) is not None:
                yield Frame(said)


def _said(view: View, event: ChatEvent) -> dict[str, Any] | None:  # noqa: PLR0911 - one for each kind of event
    match event:
        case Text():
            return {"type": "text", "text": event.text}
        case Reasoning():
            return {"type": "reasoning", "text": event.text, "title": event.title}
        case Citation():
            return {"type": "citation", "url": event.url, "title": event.title}
        case Picture():
            return {"type": "picture", "id": event.asset_id, "width": event.width, "height": event.height}
        case PictureRefused():
            return {"type": "refused", "message": view.in_words(event.reason)}
        case Ended():
            sources = [{"url": one.url, "title": one.title} for one in event.sources]
            return {"type": "done", "text": event.text, "reason": event.reason, "sources": sources}
    return None


def _tell(view: View, exc: GatewayError) -> Sequence[Frame]:
    return [Frame({"type": "error", "code": exc.code, "message": view.why(exc.code, exc.message)})]


def _samples(view: View, fields: Mapping[str, Any]) -> list[Sample]:
    messages = fields.get("messages")
    shown = [
        {"role": one.get("role"), "content": str(one.get("text") or "")}
        for one in (messages if isinstance(messages, list) else [])
        if isinstance(one, dict)
    ] or [{"role": "user", "content": "Hello!"}]
    body: dict[str, Any] = {"model": str(fields.get("model") or "grok-auto"), "messages": shown, "stream": True}
    thinking = THINKING.get(str(fields.get("thinking") or "auto"))
    if thinking is not None:
        body["thinking"] = {"type": "enabled" if thinking else "disabled"}
    if fields.get("search") is False:
        body["search_parameters"] = {"mode": "off"}
    return snippets.chat(view.base_url, body)
