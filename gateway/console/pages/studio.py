"""The Studio's video tab: a form, the call it stands for, and what came of earlier ones."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.responses import JSONResponse, Response

from gateway.auth.callers import CONSOLE_KEY_ID, console_caller
from gateway.console import snippets, video_form
from gateway.console.expectation import expected_s
from gateway.console.page import Page
from gateway.console.pages.tasks_detail import DIALECT
from gateway.console.snippets import Sample, Upload
from gateway.console.video_form import VideoForm, body_of, form_of, read_form
from gateway.console.view import TheView, View
from gateway.errors import GatewayError, ResultExpired, VideoNotReady
from gateway.media import frames
from gateway.tasks.model import Preset, Task, VideoMode
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.web import forms, video_requests
from gateway.web.call_requests import owner_of_inputs
from gateway.web.video_requests import Order, VideoRequest

router = APIRouter()
PAGE = Page("studio", router, path="/console/studio", icon="studio", order=4)

SHOWN = 12
#: The task core's names of fields, and the form's.
WORDS = {"aspect_ratio": "ratio", "image": "first", "reference_images": "references", "video": "extend"}


@router.get("/console/studio")
async def video(view: TheView) -> Response:
    """``?from=TASK`` fills the form as that task was, ``?extend=TASK`` goes on from its video, ``?picture=FILE`` begins
    with a picture of ours."""
    params = view.request.query_params
    services = view.house.services
    form, source, picture = VideoForm(prompt=view.text("studio.example")), None, None
    if task_id := params.get("from"):
        form = form_of(await services.store.get(task_id))
    if task_id := params.get("extend"):
        source = await _source(view, task_id)
        form = replace(form_of(source), extend=task_id, prompt="")
    if asset_id := params.get("picture"):
        picture = await services.media.get(asset_id)
        form = replace(form, ratio="", prompt="")
    recent = await services.store.find(Filter(key_id=CONSOLE_KEY_ID), limit=SHOWN)
    first_run = not recent.tasks
    if not (first_run or params.get("from")):
        form = replace(form, prompt="")
    sketch = replace(form, first=("first-frame.jpg",)) if picture else form
    return view.page(
        "studio/video.html",
        form=form,
        source=source,
        picture=picture,
        tasks=recent.tasks,
        first_run=first_run,
        call_from_code=await _call_from_code(view, recent.tasks),
        seconds=(*video_form.SECONDS, *((video_form.LONG_SECONDS,) if "15s" in services.allows() else ())),
        ratio_choices=video_form.RATIOS,
        resolutions=video_form.RESOLUTIONS,
        presets=[
            one.value for one in (*video_form.PRESETS, *((Preset.SPICY,) if view.house.settings.allow_spicy else ()))
        ],
        models=[(name, name) for name in video_form.MODELS_SHOWN],
        plan=await _plan(view, sketch, source),
        samples=_samples(view, sketch),
    )


@router.get("/console/studio/results")
async def results(view: TheView) -> Response:
    """What was made at the console lately; the tab keeps its own copy of this current."""
    recent = await view.house.services.store.find(Filter(key_id=CONSOLE_KEY_ID), limit=SHOWN)
    return view.page(
        "studio/results.html", tasks=recent.tasks, call_from_code=await _call_from_code(view, recent.tasks)
    )


@router.post("/console/studio/video/plan")
async def plan(view: TheView) -> Response:
    """What would really be made, or what is wrong, and the call from code; asked while the form is being filled in."""
    async with forms.body(view.request, limit_bytes=forms.SMALL_BYTES) as fields:
        try:
            form = read_form(fields, first=str(fields.get("picture") or "") or None)
            source = await _source(view, form.extend) if form.extend else None
        except GatewayError as exc:
            return JSONResponse({"line": "", "problem": view.why(exc.code, exc.message), "field": exc.param})
    return JSONResponse({**await _plan(view, form, source), "samples": [code for _, code in _samples(view, form)]})


@router.post("/console/studio/video")
async def create(view: TheView) -> Response:
    """Ask for the video; it goes on whether the page stays open or not."""
    services = view.house.services
    async with forms.body(view.request, limit_bytes=forms.video_limit(services.settings)) as fields:
        form = read_form(fields, first=await _link(view, str(fields.get("picture") or "")))
        source = await _source(view, form.extend) if form.extend else None
        order = Order(
            task_id=f"task_{uuid.uuid4().hex}",
            dialect=DIALECT,
            model=form.model,
            request=form.to_request(source),
            fields={},
            base=view.base_url,
            picture_param="references" if form.references else "first",
            words=WORDS,
            source=source,
        )
        task, _ = await video_requests.create(services, console_caller(), order)
    return view.done(view.text("studio.asked"), task=task.id)


@router.post("/console/studio/upscale/{task_id}")
async def upscale(task_id: str, view: TheView) -> Response:
    """Have the site make the same video in more pixels, as a task of its own."""
    source = await _source(view, task_id)
    spec = source.spec
    order = Order(
        task_id=f"task_{uuid.uuid4().hex}",
        dialect=DIALECT,
        model=source.model,
        request=VideoRequest(
            prompt=spec.prompt,
            seconds=spec.seconds,
            resolution=spec.resolution,
            aspect_ratio=spec.aspect_ratio,
            preset=spec.preset,
            mode=VideoMode.UPSCALE,
            source_task_id=source.id,
        ),
        fields={},
        base=view.base_url,
        source=source,
    )
    task, _ = await video_requests.create(view.house.services, console_caller(), order)
    return view.done(view.text("studio.asked"), go=f"/console/tasks/{task.id}" if task_id in view.came_from else None)


@router.post("/console/studio/last-frame/{task_id}")
async def last_frame(task_id: str, view: TheView) -> Response:
    """The last picture of a video as the first frame of the next one."""
    services = view.house.services
    task = await _source(view, task_id)
    if task.result is None or task.result.asset_id is None:
        raise ResultExpired(
            "The video was removed when its time was over; its last picture went with it.", param="video"
        )
    asset = await services.media.get(task.result.asset_id)
    async with services.media.local(asset) as file:
        data = await asyncio.to_thread(frames.last_frame, file)
    async with services.inputs.receiving() as draft:
        await asyncio.to_thread(draft.write_bytes, data)
        owner = owner_of_inputs(services, console_caller())
        picture = await services.inputs.keep(draft, owner, file_name="last-frame.jpg", param="video")
    return view.done(go=f"/console/studio?picture={picture.id}")


async def _call_from_code(view: View, made: Sequence[Task]) -> bool:
    """Whether it is time to show how programs do the same: a video was made, and nobody has a key yet."""
    return any(task.state is State.SUCCEEDED for task in made) and not await view.house.keys.list(revoked=False)


async def _plan(view: View, form: VideoForm, source: Task | None) -> dict[str, Any]:
    """The line below the form: what will really be used, and when it will be there."""
    services = view.house.services
    if not form.prompt and not form.first:
        return {
            "line": view.text("studio.write_what_next" if source else "studio.write_a_prompt"),
            "problem": "",
            "field": None,
        }
    try:
        spec = services.check_video(form.to_request(source))
    except GatewayError as exc:
        return {"line": "", "problem": view.why(exc.code, exc.message), "field": WORDS.get(exc.param or "", exc.param)}
    ratio = spec.aspect_ratio if form.ratio or source else view.text("studio.as_picture")
    where = view.text("studio.on_profile", name=source.profile) if source else view.text("studio.on_any")
    usual = await expected_s(view.house, spec)
    line = view.text("studio.will_use", seconds=spec.seconds, resolution=spec.resolution, ratio=ratio, where=where)
    if usual is not None:
        line += view.text("studio.about", seconds=round(usual))
    nobody = services.why_waiting()
    return {"line": line, "waits": "" if nobody is None else _waits(view, nobody[0]), "problem": "", "field": None}


def _waits(view: View, code: str) -> str:
    """What would keep a task waiting that is asked for now, and what takes it away."""
    return view.text("studio.will_wait", why=view.text(f"reasons.{code}"))


def _samples(view: View, form: VideoForm) -> list[Sample]:
    def name(picture: object, usual: str) -> str:
        return (picture.filename if isinstance(picture, UploadFile) else None) or usual

    uploads = [
        Upload("image", str(one) if isinstance(one, str) else name(one, "first-frame.jpg")) for one in form.first
    ]
    uploads += [
        Upload("reference_images", str(one) if isinstance(one, str) else name(one, "picture.jpg"))
        for one in form.references
    ]
    return snippets.video(view.base_url, body_of(form), uploads, extends=bool(form.extend))


async def _source(view: View, task_id: str) -> Task:
    task = await view.house.services.store.get(task_id)
    if task.state is not State.SUCCEEDED or task.result is None:
        raise VideoNotReady("Only a finished video can be extended; choose another one.", param="extend")
    return task


async def _link(view: View, asset_id: str) -> str | None:
    """A file of ours as a link, which counts for whoever has it."""
    if not asset_id:
        return None
    services = view.house.services
    asset = await services.media.get(asset_id)
    return services.links.path(asset.id, asset.suffix, now=services.now())
