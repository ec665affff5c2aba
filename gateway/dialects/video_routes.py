"""The paths that several video APIs share, over HTTP. Which of them a request speaks is `shared_paths`' to say, what it means
and how it is answered the dialect's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from gateway.dialects import shared_paths
from gateway.dialects.dubrify import protocol as dubrify_wire
from gateway.dialects.dubrify import routes as dubrify
from gateway.dialects.grok2api import translate as grok2api
from gateway.dialects.newapi import routes as newapi
from gateway.dialects.openai import protocol as openai_wire
from gateway.dialects.openai import routes as openai
from gateway.dialects.shared_paths import AMBIGUOUS, HEADER, LISTED, Dialect
from gateway.dialects.sync import protocol as sync_wire
from gateway.dialects.sync import routes as sync
from gateway.dialects.xai import protocol as xai_wire
from gateway.dialects.xai import routes as xai
from gateway.errors import NotFound, UnsupportedParameter
from gateway.tasks.model import Task
from gateway.web import forms, video_requests
from gateway.web.asked import Asked, LinkTo, links
from gateway.web.authentication import VideoCaller
from gateway.web.content import task_content
from gateway.web.error_responses import ToError
from gateway.web.error_responses import to_error as usual_words
from gateway.web.form_names import unfolded
from gateway.web.openapi import ERRORS, answers_of, body_of, one_body_of
from gateway.web.services import BaseUrl, Services, TheServices

Create = Callable[[Asked], Awaitable[Response]]

CREATE: Mapping[str, Create] = {
    Dialect.OPENAI: openai.create,
    AMBIGUOUS: openai.create_ambiguous,
    Dialect.DUBRIFY: dubrify.create,
    Dialect.XAI: xai.create,
    Dialect.NEWAPI: newapi.create,
    Dialect.SYNC: sync.create,
}
EXTEND: Mapping[str, Create] = {Dialect.OPENAI: openai.extend, Dialect.XAI: xai.extend}
EDIT: Mapping[str, Create] = {Dialect.OPENAI: openai.edit, Dialect.XAI: xai.edit}
SHOW: Mapping[str, Callable[[Task, LinkTo], JSONResponse]] = {
    Dialect.OPENAI: openai.show,
    Dialect.DUBRIFY: dubrify.show,
    Dialect.XAI: xai.show,
}
SAY: Mapping[str, ToError] = {
    Dialect.OPENAI: openai.to_error,
    AMBIGUOUS: openai.to_error,
    Dialect.DUBRIFY: dubrify.to_error,
    Dialect.XAI: xai.to_error,
    Dialect.NEWAPI: newapi.to_error,
    Dialect.SYNC: sync.to_error,
    Dialect.GROK2API: openai.to_error,
}

#: Whose words a request is refused in that no route takes, by how its path begins; the first that fits.
ASTRAY: Mapping[str, ToError] = {"/v1/video/generations": newapi.to_error, "/v1/video/": grok2api.to_error}

CHARACTERS = "The site knows no characters; pictures of them may be given as input_reference of a video."


async def pinned(
    request: Request,
    _: Annotated[
        str | None,
        Header(
            alias="X-Gateway-Dialect",
            description=f"Speak this API whatever the request looks like: {', '.join(Dialect)}.",
        ),
    ] = None,
) -> Dialect | None:
    """The dialect this request is pinned to, by its path or its header; errors are told in it from here on."""
    pin: Dialect | None = getattr(request.state, "pin", None) or shared_paths.pin_of(request.headers.get(HEADER))
    request.state.to_error = SAY[pin or Dialect.OPENAI]
    return pin


Pin = Annotated[Dialect | None, Depends(pinned)]


async def asking(
    *,
    request: Request,
    services: TheServices,
    caller: VideoCaller,
    base: BaseUrl,
    idempotency_key: Annotated[str | None, Header(description="Sent again with the same body: the same video.")] = None,
) -> AsyncIterator[Asked]:
    """The request with its body read, after its key was found good; files of a form live until it is answered."""
    key = video_requests.idempotency_key(idempotency_key)
    async with forms.body(request, limit_bytes=forms.video_limit(services.settings)) as sent:
        yield Asked(request, services, caller, base, unfolded(sent), key)


Asking = Annotated[Asked, Depends(asking)]

router = APIRouter(prefix="/v1/videos", dependencies=[Depends(pinned)], responses=ERRORS)

SHARED = "Videos (OpenAI, Dubrify, xAI, synchronous)"
OPENAI = "Videos (OpenAI)"


@router.post(
    "",
    tags=[SHARED],
    summary="Create a video (OpenAI, Dubrify)",
    openapi_extra=one_body_of(OpenAI=openai_wire.CreateVideo, Dubrify=dubrify_wire.CreateVideo),
    responses=answers_of({200: {"OpenAI": openai_wire.Video, "Dubrify": dubrify_wire.Accepted}}),
)
async def create(asked: Asking, pin: Pin) -> Response:
    """A form, or JSON with `seconds`, `size` or `input_reference`, is OpenAI's; JSON with `duration`, `image: {}`, or both
    `resolution` and `aspect_ratio` is Dubrify's. With neither, the answer serves both."""
    dialect = shared_paths.at_videos(
        headers=asked.request.headers, fields=asked.fields, form=_is_form(asked), pin=_preferred(pin, asked)
    )
    return await _speak(asked, dialect, CREATE)


@router.get("", tags=[OPENAI], summary="List videos", response_model=openai_wire.VideoList)
async def list_videos(
    *,
    request: Request,
    services: TheServices,
    pin: Pin,
    caller: VideoCaller,
    base: BaseUrl,
    after: Annotated[str | None, Query(description="`last_id` of the page before.")] = None,
    limit: Annotated[str | None, Query(description="1 to 100, 20 when not said.")] = None,
    order: Annotated[str | None, Query(description="`desc` (newest first) or `asc`.")] = None,
) -> Response:
    """Videos made through OpenAI's, new-api's and grok2api's paths; under `/openai/v1/videos` all of this key."""
    every = pin is Dialect.OPENAI
    query = {name: value for name, value in (("after", after), ("limit", limit), ("order", order)) if value}
    return await openai.listing(services, caller, links(services, base), query, dialects=() if every else LISTED)


@router.post(
    "/generations",
    tags=[SHARED],
    summary="Create a video (xAI), or make one and wait for it (synchronous)",
    openapi_extra=one_body_of(xAI=xai_wire.Generate, synchronous=sync_wire.Generate),
    responses=answers_of({200: {"xAI": xai_wire.Accepted, "synchronous": sync_wire.Generated}}),
)
async def generations(asked: Asking, pin: Pin) -> Response:
    """With `image_url` and nothing but `prompt` and `model` beside it the answer comes when the video is there; anything
    else is xAI's: poll `GET /v1/videos/{request_id}`."""
    dialect = shared_paths.at_generations(fields=asked.fields, pin=_preferred(pin, asked))
    return await _speak(asked, dialect, CREATE)


@router.post(
    "/extensions",
    tags=[SHARED],
    summary="Extend a video (OpenAI, xAI)",
    openapi_extra=one_body_of(OpenAI=openai_wire.Extend, xAI=xai_wire.Extend),
    responses=answers_of({200: {"OpenAI": openai_wire.Video, "xAI": xai_wire.Accepted}}),
)
async def extensions(asked: Asking, pin: Pin) -> Response:
    """Goes on from a finished video of this gateway, named by its id (OpenAI) or its address (xAI)."""
    dialect = shared_paths.at_changes(fields=asked.fields, form=_is_form(asked), pin=_preferred(pin, asked))
    return await _speak(asked, dialect, EXTEND)


@router.post(
    "/edits", tags=[SHARED], summary="Edit a video (always refused)", openapi_extra=body_of(openai_wire.Extend)
)
async def edits(asked: Asking, pin: Pin) -> Response:
    """The site has no such thing: answered with `unsupported_parameter`."""
    dialect = shared_paths.at_changes(fields=asked.fields, form=_is_form(asked), pin=_preferred(pin, asked))
    return await _speak(asked, dialect, EDIT)


@router.post("/characters", tags=[OPENAI], summary="Characters (always refused)")
@router.get("/characters", include_in_schema=False)
@router.get("/characters/{character_id}", include_in_schema=False)
async def characters(caller: VideoCaller) -> Response:
    """The site has no such thing: answered with 404."""
    raise NotFound(CHARACTERS)


@router.get(
    "/{video_id}",
    tags=[SHARED],
    summary="Look at a video (OpenAI, Dubrify, xAI)",
    responses=answers_of(
        {
            200: {
                "OpenAI": openai_wire.Video,
                "Dubrify, finished": dubrify_wire.Done,
                "Dubrify, not finished": dubrify_wire.Pending,
                "xAI": xai_wire.Generation,
            },
            202: {"xAI, not finished": xai_wire.Generation},
        }
    ),
)
async def get(
    *, video_id: str, request: Request, services: TheServices, pin: Pin, caller: VideoCaller, base: BaseUrl
) -> Response:
    """Answered in the API that the video was created with. Poll as often as you like."""
    task = await _mine(request, services, pin, caller, video_id)
    return SHOW[shared_paths.answering(task.dialect, pin)](task, links(services, base))


@router.head("/{video_id}/content", include_in_schema=False)
@router.get(
    "/{video_id}/content",
    tags=[OPENAI],
    summary="Download a video",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}, "image/jpeg": {}}, "description": "The file; ranges are served."}},
)
async def content(
    *,
    video_id: str,
    request: Request,
    services: TheServices,
    pin: Pin,
    caller: VideoCaller,
    variant: Annotated[str | None, Query(description="`video` or `thumbnail`.")] = None,
) -> Response:
    """Also for videos made through the other APIs."""
    await _mine(request, services, pin, caller, video_id)
    match variant or "video":
        case "video":
            return await task_content(request, services, caller, video_id, "video")
        case "thumbnail":
            return await task_content(request, services, caller, video_id, "thumbnail")
    raise UnsupportedParameter(
        "'variant' is one of: video, thumbnail. There are no spritesheets here.", param="variant"
    )


@router.delete("/{video_id}", tags=[OPENAI], summary="Delete a video", response_model=openai_wire.Deleted)
async def delete(video_id: str, services: TheServices, caller: VideoCaller) -> Response:
    """With its file. One that is still being made is cancelled first."""
    return await openai.delete(services, caller, video_id)


@router.post(
    "/{video_id}/remix",
    tags=[OPENAI],
    summary="Remix a video",
    response_model=openai_wire.Video,
    openapi_extra=body_of(openai_wire.Remix),
)
async def remix(video_id: str, asked: Asking) -> Response:
    """A new video with the settings of another, and its own prompt."""
    return await openai.remix(asked, video_id)


def saying_at(request: Request) -> ToError:
    """How an unknown path or a wrong method is told: as the request's pin has it, else its path."""
    pin: Dialect | None = getattr(request.state, "pin", None)
    if pin is not None:
        return SAY[pin]
    return next((say for start, say in ASTRAY.items() if request.url.path.startswith(start)), usual_words)


async def _speak(asked: Asked, dialect: str, meant: Mapping[str, Create]) -> Response:
    asked.request.state.to_error = SAY[dialect]
    return await meant[dialect](asked)


async def _mine(request: Request, services: Services, pin: Dialect | None, caller: VideoCaller, video_id: str) -> Task:
    """The caller's task; what goes wrong with it from here on is told in its own dialect."""
    task = await services.store.get(video_id, key_id=caller.key_id)
    request.state.to_error = SAY[shared_paths.answering(task.dialect, pin)]
    return task


def _preferred(pin: Dialect | None, asked: Asked) -> Dialect | None:
    """What a create is pinned to: by the request, else by the key's default."""
    return pin or shared_paths.default_of(asked.caller.default_dialect)


def _is_form(asked: Asked) -> bool:
    """Whether the body really is a form: curl says so of JSON as well."""
    kind = forms.content_type(asked.request)
    if kind == forms.URLENCODED:
        return all(isinstance(value, str | list) for value in asked.fields.values())
    return kind == forms.MULTIPART
