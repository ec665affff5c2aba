"""The Studio's image tab: pictures from words or from pictures, shown as they come."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from gateway.auth.callers import CONSOLE_KEY_ID, console_caller
from gateway.calls.image_limits import ASPECT_RATIOS, AUTO, MAX_INPUTS, MAX_PICTURES, check_images, nearest_ratio
from gateway.calls.model import CallNote, ImageRequest, Picture, PicturePreview, PictureRefused
from gateway.console import snippets
from gateway.console.page import Page
from gateway.console.pages.tasks_detail import DIALECT
from gateway.console.snippets import Sample, Upload
from gateway.console.view import TheView, View
from gateway.errors import GatewayError, GenerationFailed, InvalidRequest
from gateway.media.assets import AssetKind
from gateway.media.shelf import Shelf, Wanted
from gateway.models import MODELS, Model, ModelKind
from gateway.web import forms
from gateway.web.call_requests import admit, owner_of_inputs
from gateway.web.live import LiveStream
from gateway.web.sse import Frame

router = APIRouter()
PAGE = Page("studio", router)

MODELS_SHOWN = tuple(name for name, model in MODELS.items() if model.kind is ModelKind.IMAGE)
RATIOS = ASPECT_RATIOS["speed"]
USUAL_COUNT = 4
SHOWN = 24


@router.get("/console/studio/image")
async def image(view: TheView) -> Response:
    """The tab. ``?edit=FILE`` begins with a picture of ours."""
    shelf = Shelf(view.house.db)
    recent, _ = await shelf.newest(Wanted(kinds=frozenset({AssetKind.IMAGE}), key_id=CONSOLE_KEY_ID), limit=SHOWN)
    edit = view.request.query_params.get("edit")
    picture = await view.house.services.media.get(edit) if edit else None
    uploads = [Upload("image", "picture.jpg")] if picture else []
    return view.page(
        "studio/image.html",
        recent=recent,
        picture=picture,
        models=[(name, name) for name in MODELS_SHOWN],
        ratio_choices=RATIOS,
        usual_count=1 if picture else USUAL_COUNT,
        line=_line(
            view, _request({"n": 1 if picture else USUAL_COUNT, "ratio": AUTO if picture else "1:1"}, len(uploads))
        ),
        most=MAX_PICTURES,
        samples=_samples(view, {"prompt": "", "n": USUAL_COUNT, "ratio": AUTO if picture else "1:1"}, uploads),
    )


@router.post("/console/studio/image/plan")
async def plan(view: TheView) -> Response:
    """The call from code, while the form is being filled in."""
    async with forms.body(view.request, limit_bytes=forms.SMALL_BYTES) as fields:
        uploads = [Upload("image", name) for name in _listed(fields.get("pictures")) if isinstance(name, str) and name]
        uploads += [Upload("image", "picture.jpg")] if fields.get("picture") else []
        line, problem = "", ""
        try:
            request = _request(fields, len(uploads))
            line = _line(view, request)
            check_images(request)
        except GatewayError as exc:
            problem = view.why(exc.code, exc.message) if fields.get("prompt") else ""
        samples = [code for _, code in _samples(view, fields, uploads)]
        return JSONResponse({"line": line, "problem": problem, "samples": samples})


@router.post("/console/studio/image")
async def create(view: TheView) -> Response:
    """An event stream: previews, pictures, refusals, the end."""
    services, caller = view.house.services, console_caller()
    limit = services.settings.max_image_bytes * MAX_INPUTS + forms.SMALL_BYTES
    owner = owner_of_inputs(services, caller)
    async with forms.body(view.request, limit_bytes=limit) as fields:
        files = [one for one in _listed(fields.get("pictures")) if isinstance(one, UploadFile) and one.filename]
        own = [str(fields["picture"])] if fields.get("picture") else []
        request = _request(fields, len(files) + len(own))
        check_images(request)
        admit(services, caller)
        kept = [(await services.media.get(asset_id)).id for asset_id in own]
        for file in files:
            async with services.inputs.receiving() as draft:
                await forms.save(file, draft, limit_bytes=services.settings.max_image_bytes)
                name = forms.safe_name(file.filename)
                kept.append((await services.inputs.keep(draft, owner, file_name=name, param="pictures")).id)
    frames = _frames(view, replace(request, images=tuple(kept)))
    return LiveStream(frames, services, tell=partial(_tell, view))


@router.post("/console/studio/picture/{asset_id}/code")
async def code(asset_id: str, view: TheView) -> Response:
    """The call that makes such a picture, over the page."""
    asset = await view.house.services.media.get(asset_id)
    ratio = nearest_ratio(asset.width, asset.height) if asset.width and asset.height else AUTO
    samples = _samples(view, {"prompt": asset.prompt or "", "n": 1, "ratio": ratio}, [])
    return view.done(dialog="studio/code.html", samples=samples)


async def _frames(view: View, request: ImageRequest) -> AsyncGenerator[Frame | None, None]:
    made, refused = 0, ""
    async with view.house.services.calls.images(request) as events:
        yield None
        async for event in events:
            match event:
                case PicturePreview():
                    data = base64.b64encode(event.data).decode()
                    said: dict[str, Any] = {"type": "preview", "index": event.index, "percent": event.percent}
                    yield Frame(said | {"url": f"data:{event.media_type};base64,{data}"})
                case Picture():
                    made += 1
                    yield Frame({"type": "picture", "id": event.asset_id, "width": event.width, "height": event.height})
                case PictureRefused():
                    refused = event.reason
                    yield Frame({"type": "refused", "index": event.index, "message": view.in_words(event.reason)})
    if not made:
        raise GenerationFailed(f"The site made no picture{': ' + refused if refused else '.'}")
    yield Frame({"type": "done"})


def _line(view: View, request: ImageRequest) -> str:
    """What will really be used, in words."""
    shape = view.text("studio.auto_ratio") if request.aspect_ratio == AUTO else request.aspect_ratio
    made = view.text("studio.will_edit" if request.images else "studio.will_draw", n=request.count)
    return f"{made}, {shape}, {view.text(f'studio.quality_{request.quality}')}"


def _tell(view: View, exc: GatewayError) -> Sequence[Frame]:
    return [Frame({"type": "error", "code": exc.code, "message": view.why(exc.code, exc.message)})]


def _request(fields: Mapping[str, Any], pictures: int) -> ImageRequest:
    model = _model(fields)
    try:
        count = int(str(fields.get("n") or 1))
    except ValueError:
        raise InvalidRequest(f"Choose 1 to {MAX_PICTURES} pictures.", param="n") from None
    return ImageRequest(
        prompt=str(fields.get("prompt") or "").strip(),
        count=count,
        aspect_ratio=str(fields.get("ratio") or AUTO),
        quality="quality" if model.mode == "quality" else "speed",
        images=("",) * pictures,
        key_id=CONSOLE_KEY_ID,
        note=CallNote(DIALECT, model.id),
    )


def _model(fields: Mapping[str, Any]) -> Model:
    return choose_model(str(fields.get("model") or MODELS_SHOWN[0]))


def choose_model(name: str) -> Model:
    if name not in MODELS_SHOWN:
        raise InvalidRequest("This model makes no pictures; choose another one.", param="model")
    return MODELS[name]


def _samples(view: View, fields: Mapping[str, Any], uploads: Sequence[Upload]) -> list[Sample]:
    body = {
        "model": str(fields.get("model") or MODELS_SHOWN[0]),
        "prompt": str(fields.get("prompt") or ""),
        "n": int(str(fields.get("n") or 1)) if str(fields.get("n") or 1).isdecimal() else 1,
    }
    ratio = str(fields.get("ratio") or "")
    if ratio and ratio != AUTO:
        body["aspect_ratio"] = ratio
    return snippets.image(view.base_url, body, uploads)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
