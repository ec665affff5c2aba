"""Between OpenAI's Videos API and the task core. Pure: no request, no clock, no waiting; times and links come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway import errors
from gateway.dialects.openai.protocol import CreateVideo, Extend, Remix
from gateway.errors import GatewayError, InvalidRequest, UnsupportedParameter
from gateway.media.assets import video_asset_id
from gateway.models import Model
from gateway.tasks.model import Failure, Task, VideoMode
from gateway.tasks.states import State
from gateway.web import error_responses, video_fields
from gateway.web.asked import LinkTo, unix
from gateway.web.error_responses import Answer
from gateway.web.frame_sizes import RATIOS, SHORT_SIDE, nearest_ratio, nearest_resolution, pixels, read_size
from gateway.web.video_requests import VideoRequest

DIALECT = "openai"
PREFIX = "video_"
#: What a client that names no model gets.
DEFAULT_MODEL = "grok-imagine-video"
#: OpenAI's own default; its clients read a missing size as this.
DEFAULT_SIZE = (720, 1280)
DEFAULT_SECONDS = 4.0
POLL_AFTER_MS = "2000"

STATUS: Mapping[State, str] = {
    State.QUEUED: "queued",
    State.RUNNING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}
#: Failures for which clients know another word.
CODES: Mapping[str, str] = {errors.ContentModerated.code: "content_policy_violation"}
CANCELLED = Failure(errors.Cancelled.code, "The video was cancelled.")
UNKNOWN_FAILURE = Failure(errors.GenerationError.code, "The video was not made.")

ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = {
    **error_responses.ERRORS,
    errors.TaskNotFound: (404, "not_found_error", "video_not_found"),
}

UNSUPPORTED: Mapping[str, str] = {
    "generate_audio": "the site decides itself about sound.",
    "last_frame": "the site takes a first frame only.",
    "keyframes": "the site takes a first frame only.",
    "reference_audios": "the site takes no sound.",
    "output": "videos are kept here, at /v1/videos/{id}/content.",
    "storage_options": "videos are kept here, at /v1/videos/{id}/content.",
    "characters": "the site knows no characters.",
    "stream": "a video is polled for.",
}


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: CreateVideo, fields: Mapping[str, Any], model: Model) -> VideoRequest:
    """Read a create; *fields*: the whole body, for what is refused. Raises EmptyPrompt, InvalidRequest, UnsupportedParameter."""
    video_fields.only_one(wire.n)
    video_fields.refuse(fields, UNSUPPORTED)
    first = [
        picture
        for name in ("input_reference", "image", "images")
        for picture in video_fields.pictures_in(getattr(wire, name), name)
    ]
    references = video_fields.pictures_in(wire.reference_images, "reference_images")
    mode = video_fields.mode_of(
        model, wire.model or model.id, first, references, params=("input_reference", "reference_images")
    )
    ratio, resolution = _shape(wire, pictured=mode is VideoMode.IMAGE)
    seconds = video_fields.seconds_within("seconds", wire.seconds)
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt, needed=mode is not VideoMode.IMAGE),
        at_least_s=DEFAULT_SECONDS if seconds is None else seconds,
        resolution=resolution,
        aspect_ratio=ratio,
        preset=video_fields.one_of("preset", wire.preset, ("normal", "fun", "custom", "spicy")),
        mode=mode,
        pictures=(*first, *references),
        asked=_asked(seconds=seconds, size=wire.size),
    )


def from_remix(wire: Remix, source: Task) -> VideoRequest:
    """Read a remix: the source's settings with another prompt."""
    spec = source.spec
    if spec.mode is VideoMode.EXTEND:
        raise UnsupportedParameter("An extended video cannot be remixed; remix the one it began with.", param="video")
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt),
        seconds=spec.seconds,
        resolution=spec.resolution,
        aspect_ratio=spec.aspect_ratio,
        preset=spec.preset,
        mode=spec.mode,
        pictures=spec.image_assets,
    )


def from_extend(wire: Extend, source: Task) -> VideoRequest:
    """Read an extension of *source*, which is finished."""
    assert source.result is not None
    seconds = video_fields.seconds_within("seconds", wire.seconds)
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt),
        at_least_s=DEFAULT_SECONDS if seconds is None else seconds,
        resolution=source.spec.resolution,
        aspect_ratio=source.spec.aspect_ratio,
        preset=source.spec.preset,
        mode=VideoMode.EXTEND,
        source_task_id=source.id,
        start_s=source.result.duration_s,
        asked=_asked(seconds=seconds),
    )


def source_of(value: Any) -> str:
    """Return the id or address in a ``video`` field. Raises UnsupportedParameter for a file: the site takes none."""
    if isinstance(value, Mapping):
        value = value.get("id") or value.get("url") or value.get("file_id")
    if value is None or value == "":
        raise InvalidRequest("Missing required parameter: 'video'.", param="video")
    if not isinstance(value, str):
        raise UnsupportedParameter(
            "'video' cannot be a file: the site goes on only from videos it made itself; send the id of one.",
            param="video",
        )
    return value.strip()


def read_limit(word: str | None) -> int:
    """Read ``limit``: 20 when it is not said, never above 100, as OpenAI does."""
    if word is None:
        return 20
    if not word.isdecimal() or not 1 <= int(word) <= 1000:
        raise InvalidRequest(f"Invalid value for 'limit': {word[:20]!r}. Expected 1 to 100.", param="limit")
    return min(100, int(word))


def _shape(wire: CreateVideo, *, pictured: bool) -> tuple[str | None, str]:
    """Aspect ratio (None: the picture's) and resolution, from pixels or from words; words win."""
    ratio = video_fields.one_of("aspect_ratio", wire.aspect_ratio, RATIOS)
    resolution = video_fields.one_of("resolution", wire.resolution, SHORT_SIDE)
    if wire.size in RATIOS:
        ratio = ratio or wire.size
    elif wire.size and wire.size.lower() != "auto":
        size = read_size(wire.size)
        return ratio or nearest_ratio(*size), resolution or nearest_resolution(*size)
    usual = None if pictured else nearest_ratio(*DEFAULT_SIZE)
    return ratio or usual, resolution or nearest_resolution(*DEFAULT_SIZE)


def _asked(*, seconds: float | None, size: str | None = None) -> dict[str, Any]:
    return {name: value for name, value in (("seconds", seconds), ("size", size)) if value is not None}


# -- out ---------------------------------------------------------------------------------------------------------------
def to_video(task: Task, link_to: LinkTo) -> dict[str, Any]:
    """Show a task, whichever dialect it was made in."""
    done = task.state is State.SUCCEEDED
    shown: dict[str, Any] = {
        "id": task.id,
        "object": "video",
        "model": task.model,
        "status": STATUS[task.state],
        "progress": 100 if done else task.progress,
        "created_at": unix(task.created_at),
        "completed_at": unix(task.finished_at) if done else None,
        "expires_at": unix(task.expires_at),
        "prompt": task.spec.prompt,
        "seconds": str(task.spec.seconds),
        "size": size_of(task),
        "remixed_from_video_id": task.dialect_data.get("remixed_from"),
        "error": to_failure(task),
    }
    return shown | _for_dubrify(task, link_to)


def to_list(tasks: Sequence[Task], more: bool, link_to: LinkTo) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [to_video(task, link_to) for task in tasks],
        "first_id": tasks[0].id if tasks else None,
        "last_id": tasks[-1].id if tasks else None,
        "has_more": more,
    }


def to_deleted(task_id: str) -> dict[str, Any]:
    return {"id": task_id, "object": "video.deleted", "deleted": True}


def to_failure(task: Task) -> dict[str, str] | None:
    if task.state not in {State.FAILED, State.CANCELLED}:
        return None
    failure = CANCELLED if task.state is State.CANCELLED else task.failure or UNKNOWN_FAILURE
    return {"code": CODES.get(failure.code, failure.code), "message": failure.message}


def size_of(task: Task) -> str:
    """The file's own size once there is one, before that the one that was asked of the site."""
    result = task.result
    if result is not None and result.width and result.height:
        return f"{result.width}x{result.height}"
    return pixels(task.spec.aspect_ratio, task.spec.resolution)


def to_error(exc: GatewayError) -> Answer:
    """Errors as this API tells them; a conflict is not worth the retries its status would bring."""
    answer = error_responses.to_error(exc, ERRORS)
    return Answer(409, answer.body, {"x-should-retry": "false"}) if answer.status == 409 else answer


def _for_dubrify(task: Task, link_to: LinkTo) -> dict[str, Any]:
    """What a client of Dubrify's reads, for creates that could have been either's (rule C1)."""
    if not task.dialect_data.get("ambiguous"):
        return {}
    result = task.result
    if task.state is not State.SUCCEEDED or result is None:
        return {"request_id": task.id}
    url = link_to(result.asset_id or video_asset_id(task.id), ".mp4")
    video = {"url": url, "duration": str(task.spec.seconds), "respect_moderation": "true"}
    return {"request_id": task.id, "video": video}
