"""Between Dubrify's video API and the task core. Pure: no request, no clock, no waiting; links come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import errors
from gateway.dialects.dubrify.protocol import CreateVideo
from gateway.errors import GatewayError, InvalidRequest
from gateway.media.assets import video_asset_id
from gateway.models import Model
from gateway.tasks.model import Task, VideoMode
from gateway.tasks.states import State
from gateway.web import error_responses, video_fields
from gateway.web.asked import LinkTo
from gateway.web.error_responses import Answer
from gateway.web.frame_sizes import RATIOS, SHORT_SIDE
from gateway.web.video_requests import VideoRequest

DIALECT = "dubrify"
PREFIX = "grok_video_"
DEFAULT_SECONDS = 6.0
DEFAULT_RATIO = "16:9"
DEFAULT_RESOLUTION = "480p"

ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = {
    **error_responses.ERRORS,
    errors.TaskNotFound: (404, "not_found_error", "video_not_found"),
}

UNSUPPORTED: Mapping[str, str] = {
    "reference_images": "this API takes one picture, as 'image'; several go to /openai/v1/videos or /v1/video/generations.",
    "last_frame": "the site takes a first frame only.",
    "keyframes": "the site takes a first frame only.",
    "reference_audios": "the site takes no sound.",
    "generate_audio": "the site decides itself about sound.",
    "output": "videos are kept here and told by their address.",
    "storage_options": "videos are kept here and told by their address.",
}


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: CreateVideo, fields: Mapping[str, Any], model: Model) -> VideoRequest:
    """Read a create; *fields*: the whole body, for what is refused. Raises EmptyPrompt, InvalidRequest, UnsupportedParameter."""
    video_fields.only_one(wire.n)
    video_fields.refuse(fields, UNSUPPORTED)
    pictures = video_fields.pictures_in(wire.image, "image")
    if len(pictures) > 1:
        raise InvalidRequest("'image' is one picture here.", param="image")
    mode = video_fields.mode_of(model, wire.model, pictures, params=("image", "reference_images"))
    duration = video_fields.seconds_within("duration", wire.duration)
    ratio = video_fields.one_of("aspect_ratio", wire.aspect_ratio, RATIOS)
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt),
        at_least_s=DEFAULT_SECONDS if duration is None else duration,
        resolution=video_fields.one_of("resolution", wire.resolution, SHORT_SIDE) or DEFAULT_RESOLUTION,
        aspect_ratio=ratio if ratio or mode is VideoMode.IMAGE else DEFAULT_RATIO,
        mode=mode,
        pictures=tuple(pictures),
        asked={} if duration is None else {"duration": duration},
    )


# -- out ---------------------------------------------------------------------------------------------------------------
def to_accepted(task: Task) -> dict[str, Any]:
    return {"request_id": task.id}


def to_result(task: Task, link_to: LinkTo) -> dict[str, Any]:
    """Show a task. There is a key ``video`` exactly when it is over and good: the documented loop looks for that alone."""
    match task.state:
        case State.QUEUED | State.RUNNING:
            return {"status": "pending"}
        case State.SUCCEEDED:
            asset_id = task.result.asset_id if task.result is not None else None
            return _done(task, link_to(asset_id or video_asset_id(task.id), ".mp4"), respect_moderation="true")
        case State.FAILED if task.failure is not None and task.failure.code == errors.ContentModerated.code:
            return _done(task, "", respect_moderation="false")
    return {"status": "failed", "error": to_failure(task)}


def to_failure(task: Task) -> dict[str, str]:
    if task.state is State.CANCELLED:
        return {"code": errors.Cancelled.code, "message": "The video was cancelled."}
    if task.failure is None:
        return {"code": errors.GenerationError.code, "message": "The video was not made."}
    return {"code": task.failure.code, "message": task.failure.message}


def to_error(exc: GatewayError) -> Answer:
    return error_responses.to_error(exc, ERRORS)


def _done(task: Task, url: str, *, respect_moderation: str) -> dict[str, Any]:
    video = {"url": url, "duration": str(task.spec.seconds), "respect_moderation": respect_moderation}
    return {"model": task.model, "video": video}
