"""What answers a chat: the site's chat itself, or a picture or a video that is made of the last message.

Each is a generator of deltas that fills an Answer. The first thing it yields, an empty delta, says that it is alive.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from gateway.auth.callers import Caller
from gateway.calls.image_limits import AUTO, check_images
from gateway.calls.image_shapes import quality_of, ratio_for
from gateway.calls.model import (
    CallNote,
    ChatEvent,
    Citation,
    Ended,
    ImageEvent,
    ImageRequest,
    Picture,
    PictureRefused,
    Reasoning,
    Text,
)
from gateway.dialects.chat import translate
from gateway.dialects.chat.answer import Answer, Delta
from gateway.dialects.chat.translate import Asked
from gateway.errors import Cancelled, GatewayError, GenerationError, GenerationFailed, InvalidRequest, ResultExpired
from gateway.models import Model
from gateway.tasks.model import Failure, Task, TaskEvent, VideoMode
from gateway.tasks.states import State
from gateway.web import video_requests
from gateway.web.call_requests import admit, fetch_pictures, repeat_key
from gateway.web.conversations import fetched, said_last
from gateway.web.services import Services
from gateway.web.video_requests import Order, VideoRequest


@dataclass(frozen=True, slots=True)
class Around:
    """Who asks which model for what, and how links are made. name: the model as the client named it."""

    services: Services
    caller: Caller
    base: str
    model: Model
    name: str
    fields: Mapping[str, Any]
    idempotency_key: str | None = None

    def link(self, asset_id: str, suffix: str) -> str:
        return self.base + self.services.links.path(asset_id, suffix, now=self.services.now())


async def chat(around: Around, asked: Asked, answer: Answer) -> AsyncGenerator[Delta, None]:
    """The site's own answer. Leaving early, or closing this, stops the site."""
    services = around.services
    admit(services, around.caller)
    turns = await fetched(services, around.caller, asked.drafts, most=around.model.pictures[1])
    request = translate.to_request(asked, around.model, turns, key_id=around.caller.key_id)
    async with services.calls.chat(request) as events:
        yield {}
        async for event in events:
            yield await _heard(around, answer, event)
            if answer.over:
                return
    answer.check()


async def image(around: Around, asked: Asked, answer: Answer) -> AsyncGenerator[Delta, None]:
    """Pictures made of the last message, or of its pictures."""
    services = around.services
    said = said_last(asked.drafts)
    request = _image_request(around, said.text, len(said.pictures))
    admit(services, around.caller)
    repeat = await repeat_key(around.caller, around.idempotency_key, around.fields)

    async def prepared() -> ImageRequest:
        inputs = await fetch_pictures(services, around.caller, said.pictures, most=around.model.pictures[1])
        return _with_inputs(request, inputs)

    async with services.repeats.images(prepared, repeat) as events:
        yield {}
        async for event in events:
            yield await _heard(around, answer, event)
    yield answer.end(Ended("stop", ""))


async def video(around: Around, asked: Asked, answer: Answer) -> AsyncGenerator[Delta, None]:
    """A durable task, followed to its end; it goes on when the client leaves. Progress is told as reasoning."""
    services = around.services
    said = said_last(asked.drafts)
    order = _order(around, said.text, said.pictures)
    task, _ = await video_requests.create(services, around.caller, order)
    answer.extra["video"] = {"task_id": task.id}
    yield {"video": {"task_id": task.id}}
    told = -1
    async with aclosing(services.feed.follow(task.id)) as events:
        async for event in events:
            percent, words = _progress(event)
            if asked.thinking is not False and (words or percent > told):
                told = max(told, percent)
                yield answer.think(words or f"Generating the video: {percent}%\n")
    yield _finished(around, await services.store.get(task.id, key_id=around.caller.key_id), answer)


async def _heard(around: Around, answer: Answer, event: ChatEvent | ImageEvent) -> Delta:
    match event:
        case Text():
            return answer.say(event.text)
        case Reasoning():
            return answer.think(event.text, title=event.title)
        case Citation():
            return answer.cite(event)
        case Picture():
            asset = await around.services.media.get(event.asset_id)
            return answer.picture(event, around.link(asset.id, asset.suffix))
        case PictureRefused():
            answer.refuse(event)
        case Ended():
            return answer.end(event)
    return {}


# -- pictures ----------------------------------------------------------------------------------------------------------
def _image_request(around: Around, prompt: str, pictures: int) -> ImageRequest:
    config = around.fields.get("image_config")
    config = config if isinstance(config, dict) else {}
    usual = "quality" if around.model.mode == "quality" else "speed"
    quality = quality_of(_said(config, "quality"), usual)
    try:
        count = int(config.get("n") or 1)
    except (TypeError, ValueError):
        raise InvalidRequest("'image_config.n' is a number from 1 to 10.", param="image_config.n") from None
    request = ImageRequest(
        prompt=prompt.strip(),
        count=count,
        aspect_ratio=ratio_for(
            _said(config, "size"), _said(config, "aspect_ratio"), quality, usual=AUTO if pictures else "1:1"
        ),
        quality=quality,
        images=("",) * pictures,
        key_id=around.caller.key_id,
        note=CallNote(translate.DIALECT, around.model.id),
    )
    check_images(request)
    return request


def _with_inputs(request: ImageRequest, inputs: tuple[str, ...]) -> ImageRequest:
    return replace(request, images=inputs)


def _said(config: Mapping[str, Any], name: str) -> str | None:
    return None if config.get(name) is None else str(config[name])


# -- videos ------------------------------------------------------------------------------------------------------------
#: The client's names of what the task core calls otherwise.
_WORDS = {
    "prompt": "messages",
    "image": "messages",
    "reference_images": "messages",
    "seconds": "video_config.video_length",
    "aspect_ratio": "video_config.aspect_ratio",
    "resolution": "video_config.resolution_name",
    "preset": "video_config.preset",
}


def _order(around: Around, prompt: str, pictures: tuple[tuple[str, str], ...]) -> Order:
    config = around.fields.get("video_config")
    config = config if isinstance(config, dict) else {}
    fewest, most = around.model.pictures
    if not fewest <= len(pictures) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise InvalidRequest(
            f"The model `{around.name}` takes {wanted} pictures, not {len(pictures)}.", param="messages"
        )
    mode = (VideoMode.TEXT, VideoMode.IMAGE)[len(pictures)] if len(pictures) < 2 else VideoMode.REFERENCES
    named = around.caller.models is not None and around.name in around.caller.models
    return Order(
        task_id=f"task_{uuid.uuid4().hex}",
        dialect="grok2api",
        model=around.name if named else around.model.id,
        request=VideoRequest(
            prompt=prompt.strip(),
            seconds=_length(config),
            resolution=_said(config, "resolution_name") or _said(config, "resolution"),
            aspect_ratio=_said(config, "aspect_ratio"),
            preset=_said(config, "preset"),
            mode=mode,
            pictures=tuple(reference for reference, _ in pictures),
        ),
        fields=around.fields,
        base=around.base,
        idempotency_key=around.idempotency_key,
        picture_param=pictures[0][1] if pictures else "messages",
        words=_WORDS,
    )


def _length(config: Mapping[str, Any]) -> int | None:
    value = config.get("video_length", config.get("seconds"))
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        raise InvalidRequest(
            "'video_config.video_length' is a number of seconds.", param="video_config.video_length"
        ) from None


def _progress(event: TaskEvent) -> tuple[int, str]:
    """How far it is, and the sentence for what is not a percentage."""
    percent = int(event.data.get("progress") or 0) if event.type in {"progress", "stage"} else -1
    if event.type in {"waiting", "retrying"}:
        return percent, f"{event.data.get('reason') or event.data.get('message') or 'Waiting.'}\n"
    return percent, ""


def _finished(around: Around, task: Task, answer: Answer) -> Delta:
    """The link as the answer's text. Raises what the task failed with."""
    if task.state is State.CANCELLED:
        raise Cancelled("The video task was cancelled.")
    if task.state is not State.SUCCEEDED or task.result is None:
        raise error_of(task.failure)
    result = task.result
    if result.asset_id is None:
        raise ResultExpired("The video was removed when its time was over.")
    url = around.link(result.asset_id, ".mp4")
    shown = {
        "task_id": task.id,
        "url": url,
        "thumbnail_url": around.link(result.thumbnail_id, ".jpg") if result.thumbnail_id else None,
        "duration": result.duration_s,
        "width": result.width,
        "height": result.height,
        "size_bytes": result.size_bytes,
    }
    answer.extra["video"] = {name: value for name, value in shown.items() if value is not None}
    return answer.end(Ended("stop", url))


def error_of(failure: Failure | None) -> GatewayError:
    """The error that a task's stored failure was."""
    if failure is None:
        return GenerationFailed("The video could not be made.")
    pending: list[type[GatewayError]] = [GenerationError, *GatewayError.__subclasses__()]
    while pending:
        cls = pending.pop(0)
        if cls.code == failure.code and cls.__init__ is GatewayError.__init__:
            return cls(failure.message)
        pending += cls.__subclasses__()
    return GenerationError(failure.message)
