"""Images over HTTP: read, check, have them made, and show them as a whole or as they come."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile

from gateway.auth.callers import Caller
from gateway.calls.image_limits import check_images
from gateway.calls.model import ImageRequest, Picture, PicturePreview, PictureRefused
from gateway.calls.repeats import RepeatKey
from gateway.dialects.images import protocol, translate
from gateway.dialects.images.delivery import Delivery, encoded
from gateway.dialects.images.parameters import RULES
from gateway.dialects.images.translate import Asked, Made
from gateway.errors import ContentModerated, GenerationFailed, InvalidImage
from gateway.models import ModelKind
from gateway.web import forms
from gateway.web.authentication import authenticate
from gateway.web.call_errors import to_error
from gateway.web.call_requests import admit, choose, owner_of_inputs, repeat_key
from gateway.web.error_responses import speaks
from gateway.web.form_names import unfolded
from gateway.web.live import LiveStream, WatchedAnswer
from gateway.web.openapi import ERRORS, body_of
from gateway.web.parameters import judge
from gateway.web.services import BaseUrl, Services, TheServices
from gateway.web.sse import Frame

#: An edit's body: a form with files, or JSON with addresses.
EDIT_BODY = body_of(protocol.ImageCreate)
_form, _json = EDIT_BODY["requestBody"]["content"], EDIT_BODY["requestBody"]["content"]["application/json"]
_form["multipart/form-data"] = {
    "schema": {
        "type": "object",
        "required": ["prompt", "image"],
        "properties": {
            **_json["schema"]["properties"],
            "image": {
                "type": "array",
                "items": {"type": "string", "format": "binary"},
                "description": "Also `image[]`.",
            },
        },
    }
}
_json["examples"] = {
    "example 1": {"value": {"prompt": "a blue sky", "image": {"url": "https://example.com/image.jpg"}}}
}

paths = APIRouter(prefix="/images", tags=["Images"], dependencies=[Depends(speaks(to_error))], responses=ERRORS)
AnyCaller = Annotated[Caller, Depends(authenticate)]
Repeated = Annotated[
    str | None, Header(description="Sent again with the same body within a day: the same pictures, made once.")
]
MODERATED = "content_moderated"
#: Bodies of JSON edits hold pictures as base64 in memory: not the sixteen that a form may.
PICTURES_IN_JSON = 3


@paths.post(
    "/generations",
    summary="Make pictures",
    response_model=protocol.Images,
    openapi_extra=body_of(protocol.ImageCreate),
)
async def generate(
    request: Request, services: TheServices, caller: AnyCaller, base: BaseUrl, idempotency_key: Repeated = None
) -> Response:
    """From words. With `stream`, previews as server-sent events while they are made. What is missing of several pictures is
    said in `warnings`. With an `image` it is an edit: some clients know no other path."""
    return await _made(request, services, caller, base, idempotency_key, edits=False)


@paths.post("/edits", summary="Edit pictures", response_model=protocol.Images, openapi_extra=EDIT_BODY)
async def edit(
    request: Request, services: TheServices, caller: AnyCaller, base: BaseUrl, idempotency_key: Repeated = None
) -> Response:
    """A form with files `image` or `image[]` (PNG, JPEG, WebP, up to 50 MB each), or JSON with `image` or `images`: http(s) or
    data: URLs, links or ids of ours. The site takes seven."""
    return await _made(request, services, caller, base, idempotency_key, edits=True)


async def _made(
    request: Request, services: Services, caller: Caller, base: str, idempotency_key: str | None, *, edits: bool
) -> Response:
    """Read and check a request, and answer it. edits: made to the path of edits, so that pictures are needed."""
    async with forms.body(request, limit_bytes=_limit(request, services)) as sent:
        fields = unfolded(sent)
        wire = forms.parse(protocol.ImageCreate, fields)
        model = choose(services, caller, wire.model, ModelKind.IMAGE)
        headers = judge(fields, RULES)
        pictures = translate.pictures_of(fields, needed=edits)
        asked = translate.from_create(wire, model, key_id=caller.key_id, inputs=len(pictures), edits=edits)
        check_images(asked.request)
        path = "edits" if edits else "generations"
        repeat = await repeat_key(caller, idempotency_key, {"at": path, **fields})
        kept = [await _kept(services, caller, picture, name) for picture, name in pictures]
    # Seed 004 documents the same events for both; OpenAI's clients, which use /v1, know edits by another name (C10).
    action = "image_edit" if edits and "/v1/" in request.url.path else "image_generation"
    return _answer(_Making(services, caller, base, asked, action, kept, repeat), headers)


@dataclass(slots=True)
class _Making:
    """One image request at work. inputs: references of pictures to edit, with the names of their fields."""

    services: Services
    caller: Caller
    base: str
    asked: Asked
    action: str
    inputs: Sequence[tuple[str, str]] = ()
    repeat: RepeatKey | None = None
    made: list[Made] = field(default_factory=list)
    refused: list[PictureRefused] = field(default_factory=list)

    async def events(self) -> AsyncGenerator[PicturePreview | None, None]:
        """None once it is alive, then previews. Afterwards *made* and *refused* are filled. Raises when nothing was made."""
        services, asked = self.services, self.asked
        admit(services, self.caller)
        owner = owner_of_inputs(services, self.caller)

        async def prepared() -> ImageRequest:
            ids = [(await services.inputs.resolve(ref, owner, param=param)).id for ref, param in self.inputs]
            return replace(asked.request, images=tuple(ids))

        delivery = Delivery(services, self.base, self.caller.key_id, asked)
        async with services.repeats.images(prepared, self.repeat) as events:
            yield None
            async for event in events:
                match event:
                    case PicturePreview():
                        yield event
                    case Picture():
                        self.made.append(await delivery.show(event))
                    case PictureRefused():
                        self.refused.append(event)
        if not self.made:
            self._raise()

    def _raise(self) -> None:
        if self.refused and all(refusal.code == MODERATED for refusal in self.refused):
            raise ContentModerated(f"The site refuses this content: {self.refused[0].reason}", param="prompt")
        why = f": {self.refused[0].reason}" if self.refused else "."
        raise GenerationFailed(f"The site made no picture{why}")

    @property
    def created(self) -> int:
        return int(self.services.now())

    async def whole(self) -> dict[str, Any]:
        async with aclosing(self.events()) as events:
            async for _ in events:
                pass
        return translate.to_images(self.asked, self.made, self.refused, created=self.created)

    async def frames(self) -> AsyncGenerator[Frame | None, None]:
        shown: Counter[int] = Counter()
        most = self.asked.previews
        async with aclosing(self.events()) as events:
            async for preview in events:
                if preview is None:
                    yield None
                    continue
                number = shown[preview.index]
                if most is not None and number >= most:
                    continue
                shown[preview.index] += 1
                data = await asyncio.to_thread(encoded, preview.data)
                yield translate.to_preview(
                    self.asked, preview, number=number, data=data, created=self.created, action=self.action
                )
        for frame in translate.to_completed(
            self.asked, self.made, self.refused, created=self.created, action=self.action
        ):
            yield frame


def _answer(making: _Making, headers: Mapping[str, str]) -> Response:
    if making.asked.stream:
        return LiveStream(making.frames(), making.services, tell=translate.tell, headers=headers)

    async def whole() -> Response:
        return JSONResponse(await making.whole(), headers=dict(headers))

    return WatchedAnswer(whole, making.services)


def _limit(request: Request, services: Services) -> int:
    if forms.content_type(request) == forms.MULTIPART:
        return services.settings.max_image_bytes * translate.MAX_FILES + forms.SMALL_BYTES
    return forms.json_limit(services.settings) * PICTURES_IN_JSON


async def _kept(services: Services, caller: Caller, picture: str | UploadFile, name: str) -> tuple[str, str]:
    """A file as the id it is kept under; an address stays one until the work begins."""
    if isinstance(picture, str):
        return picture, name
    if not picture.size:
        raise InvalidImage("The file is empty.", param=name)
    async with services.inputs.receiving() as draft:
        await forms.save(picture, draft, limit_bytes=services.settings.max_image_bytes)
        owner = owner_of_inputs(services, caller)
        asset = await services.inputs.keep(draft, owner, file_name=forms.safe_name(picture.filename), param=name)
    return asset.id, name


router = APIRouter()
router.include_router(paths, prefix="/v1")
router.include_router(paths, include_in_schema=False)
