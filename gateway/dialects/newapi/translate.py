"""Between new-api's video tasks and the task core. Pure: no request, no clock, no waiting; links come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import errors
from gateway.dialects.newapi.protocol import CreateTask
from gateway.errors import EmptyPrompt, GatewayError, ModelNotFound
from gateway.media.assets import video_asset_id
from gateway.models import Model
from gateway.tasks.model import Task, VideoMode
from gateway.tasks.states import State
from gateway.web import error_responses, video_fields
from gateway.web.asked import LinkTo, unix
from gateway.web.error_responses import Answer
from gateway.web.frame_sizes import RATIOS, SHORT_SIDE, nearest_ratio, nearest_resolution, pixels, read_size
from gateway.web.video_requests import VideoRequest

DIALECT = "newapi"
PREFIX = "task_"
PLATFORM = "grok"
DEFAULT_SECONDS = 4.0
DEFAULT_RATIO = "16:9"
DEFAULT_RESOLUTION = "720p"

STATUS: Mapping[State, str] = {
    State.QUEUED: "QUEUED",
    State.RUNNING: "IN_PROGRESS",
    State.SUCCEEDED: "SUCCESS",
    State.FAILED: "FAILURE",
    State.CANCELLED: "FAILURE",
}
#: The create answer speaks OpenAI's words, as new-api's does.
CREATED_STATUS: Mapping[State, str] = {
    State.QUEUED: "queued",
    State.RUNNING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
}


class ModelMissing(ModelNotFound):
    """No model was named at all; new-api has a code of its own for that."""

    code = "missing_model"


#: new-api's own statuses and codes: an unknown task is a 400 there.
ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = {
    **error_responses.ERRORS,
    errors.EmptyPrompt: (400, "invalid_request_error", "invalid_request"),
    errors.AuthenticationFailed: (401, "new_api_error", "invalid_api_key"),
    errors.PermissionDenied: (403, "new_api_error", None),
    errors.TaskNotFound: (400, "invalid_request_error", "task_not_exist"),
}

UNSUPPORTED: Mapping[str, str] = {
    "last_frame": "the site takes a first frame only.",
    "keyframes": "the site takes a first frame only.",
    "reference_audios": "the site takes no sound.",
    "generate_audio": "the site decides itself about sound.",
    "output": "videos are kept here and told by their address.",
    "storage_options": "videos are kept here and told by their address.",
}


# -- in ----------------------------------------------------------------------------------------------------------------
def with_metadata(fields: Mapping[str, Any], wire: CreateTask) -> dict[str, Any]:
    """Return the body with what only its ``metadata`` says; that of a field said outside is ignored."""
    return {**{name: value for name, value in wire.metadata.items() if value is not None}, **fields}


def require(wire: CreateTask) -> None:
    """Raise ModelMissing or EmptyPrompt, in the documented words."""
    if not wire.model.strip():
        raise ModelMissing("model field is required", param="model")
    if not wire.prompt.strip():
        raise EmptyPrompt("prompt is required", param="prompt")


def from_create(wire: CreateTask, fields: Mapping[str, Any], model: Model) -> VideoRequest:
    """Read a create; *fields*: the whole body, for what is refused. Several pictures make at most ten seconds: longer
    wishes are clamped, as documented. Raises InvalidRequest, UnsupportedParameter."""
    require(wire)
    video_fields.only_one(wire.n)
    video_fields.refuse(fields, UNSUPPORTED)
    if fields.get("input_reference") and fields.get("reference_images"):
        raise errors.InvalidRequest(
            "input_reference and reference_images cannot be used together", param="reference_images"
        )
    given = ("input_reference", "image", "images", "image_urls")
    first = [picture for name in given for picture in video_fields.pictures_in(getattr(wire, name), name)]
    references = video_fields.pictures_in(wire.reference_images, "reference_images")
    if first and references:  # they are the same thing here, said in two fields
        first, references = [], [*first, *references]
    mode = video_fields.mode_of(model, wire.model, first, references, params=("image_urls", "reference_images"))
    wanted = wire.seconds if wire.seconds is not None else wire.duration
    seconds = video_fields.seconds_within("seconds", wanted, most=model.max_seconds)
    effective = DEFAULT_SECONDS if seconds is None else seconds
    if mode is VideoMode.REFERENCES:
        effective = min(effective, model.max_seconds_references)
    ratio, resolution = _shape(wire, pictured=mode is VideoMode.IMAGE)
    return VideoRequest(
        prompt=wire.prompt.strip(),
        at_least_s=effective,
        resolution=resolution,
        aspect_ratio=ratio,
        mode=mode,
        pictures=(*first, *references),
        asked={} if seconds is None else {"seconds": seconds},
    )


def _shape(wire: CreateTask, *, pictured: bool) -> tuple[str | None, str]:
    """Aspect ratio (None: the picture's) and resolution; words win over pixels."""
    ratio = video_fields.one_of("aspect_ratio", wire.aspect_ratio, RATIOS)
    resolution = video_fields.one_of("resolution", wire.resolution, SHORT_SIDE)
    if wire.size in RATIOS:
        ratio = ratio or wire.size
    elif wire.size in SHORT_SIDE:
        resolution = resolution or wire.size
    elif wire.size:
        size = read_size(wire.size)
        return ratio or nearest_ratio(*size), resolution or nearest_resolution(*size)
    return ratio or (None if pictured else DEFAULT_RATIO), resolution or DEFAULT_RESOLUTION


# -- out ---------------------------------------------------------------------------------------------------------------
def to_accepted(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "task_id": task.id,
        "object": "video",
        "model": task.model,
        "status": CREATED_STATUS[task.state],
        "progress": task.progress,
        "created_at": unix(task.created_at),
        "seconds": str(task.spec.seconds),
        "size": size_of(task),
    }


def to_envelope(task: Task, link_to: LinkTo) -> dict[str, Any]:
    """Show a task. ``100%`` only says that it is over; whether well is for ``status`` to say."""
    over = task.state in {State.SUCCEEDED, State.FAILED, State.CANCELLED}
    url, reason, size = _result_url(task, link_to), _fail_reason(task), size_of(task)
    data = {
        "task_id": task.id,
        "status": STATUS[task.state],
        "progress": "100%" if over else f"{task.progress}%",
        "result_url": url,
        "fail_reason": reason,
        # The rest of new-api's own record of a task, in its types; what only new-api has is 0 or ''.
        "platform": PLATFORM,
        "action": "textGenerate" if task.spec.mode is VideoMode.TEXT else "generate",
        "group": "",
        "username": "",
        "user_id": 0,
        "channel_id": 0,
        "quota": 0,
        "created_at": unix(task.created_at),
        "updated_at": unix(task.finished_at or task.started_at or task.created_at),
        "submit_time": unix(task.created_at),
        "start_time": unix(task.started_at) or 0,
        "finish_time": unix(task.finished_at) or 0,
        "properties": {"input": task.spec.prompt, "origin_model_name": task.model},
        "data": {**to_accepted(task), "progress": 100 if over else task.progress, "resolution": task.spec.resolution},
    }
    # The form in new-api's published documentation, beside the one that its code answers with.
    flat = {"task_id": task.id, "status": CREATED_STATUS[task.state], "url": url, "format": "mp4"}
    more: dict[str, Any] = {"metadata": {"duration": task.spec.seconds, "size": size}}
    if reason:
        more["error"] = {"message": reason}
    return {"code": "success", "message": "", "data": data, **flat, **more}


def size_of(task: Task) -> str:
    """The file's own size once there is one, before that the one asked of the site."""
    result = task.result
    if result is not None and result.width and result.height:
        return f"{result.width}x{result.height}"
    return pixels(task.spec.aspect_ratio, task.spec.resolution)


def to_error(exc: GatewayError) -> Answer:
    """new-api's own three keys, and the usual error beside them."""
    answer = error_responses.to_error(exc, ERRORS)
    error = answer.body["error"]
    return Answer(
        answer.status, {"code": error["code"], "message": error["message"], "data": None, **answer.body}, answer.headers
    )


def _result_url(task: Task, link_to: LinkTo) -> str:
    if task.state is not State.SUCCEEDED:
        return ""
    asset_id = task.result.asset_id if task.result is not None else None
    return link_to(asset_id or video_asset_id(task.id), ".mp4")


def _fail_reason(task: Task) -> str:
    match task.state:
        case State.CANCELLED:
            return "The task was cancelled."
        case State.FAILED:
            return task.failure.message if task.failure is not None else "The video was not made."
    return ""
