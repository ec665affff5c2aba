"""Between xAI's video API and the task core. Pure: no request, no clock, no waiting; links come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import errors
from gateway.dialects.xai.protocol import Extend, Generate
from gateway.errors import GatewayError, InvalidRequest, UnsupportedParameter
from gateway.models import Model
from gateway.tasks.model import Task, VideoMode
from gateway.tasks.states import State
from gateway.web import error_responses, video_fields
from gateway.web.asked import LinkTo
from gateway.web.error_responses import Answer
from gateway.web.frame_sizes import RATIOS, SHORT_SIDE
from gateway.web.video_requests import VideoRequest

DIALECT = "xai"
DEFAULT_MODEL = "grok-imagine-video"
DEFAULT_SECONDS = 8.0
DEFAULT_ADDED_SECONDS = 6.0
MOST_ADDED_SECONDS = 10
DEFAULT_RATIO = "16:9"
DEFAULT_RESOLUTION = "480p"

ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = error_responses.ERRORS

#: xAI's own word for an error, beside the usual body. Most specific class wins.
WORDS: Mapping[type[GatewayError], str] = {
    errors.InvalidRequest: "invalid_argument",
    errors.ModelNotFound: "not_found",
    errors.AuthenticationFailed: "unauthenticated",
    errors.PermissionDenied: "permission_denied",
    errors.SpicyNotAllowed: "permission_denied",
    errors.NotFound: "not_found",
    errors.IdempotencyConflict: "already_exists",
    errors.VideoNotReady: "failed_precondition",
    errors.TaskFinished: "failed_precondition",
    errors.ContentModerated: "permission_denied",
    errors.ContextTooLong: "invalid_argument",
    errors.CapacityError: "resource_exhausted",
    errors.ShuttingDown: "unavailable",
    errors.DatabaseUnavailable: "unavailable",
    errors.MediaUnavailable: "unavailable",
    errors.ProfileNotReady: "unavailable",
    errors.UpstreamError: "unavailable",
    errors.UpstreamRefused: "invalid_argument",
    errors.SpendingLimit: "resource_exhausted",
    errors.UpstreamDrifted: "internal_error",
    errors.GenerationError: "internal_error",
    errors.Cancelled: "cancelled",
    errors.DeadlineExceeded: "deadline_exceeded",
    errors.StorageFull: "unavailable",
    errors.BrowserFailed: "unavailable",
    GatewayError: "internal_error",
}
#: The only four codes that a failed video may carry; by our stable code, ``internal_error`` for all others.
FAILURES: Mapping[str, str] = {
    **dict.fromkeys(
        [
            errors.InvalidRequest.code, errors.EmptyPrompt.code, errors.UnsupportedParameter.code, errors.InvalidImage.code,
            errors.ImageFetchFailed.code, errors.ImageTooLarge.code, errors.ContextTooLong.code, errors.UpstreamRefused.code,
        ],
        "invalid_argument",
    ),
    **dict.fromkeys(
        [errors.SpicyNotAllowed.code, errors.PermissionDenied.code, errors.AccountBlocked.code, errors.AntiBotRefused.code],
        "permission_denied",
    ),
    **dict.fromkeys(
        [
            errors.Cancelled.code, errors.LoginRequired.code, errors.ChallengeRequired.code, errors.NoProfileReady.code,
            errors.ProfileNotReady.code, errors.SpendingLimit.code,
        ],
        "failed_precondition",
    ),
}  # fmt: skip

UNSUPPORTED: Mapping[str, str] = {
    "output": "videos are kept here and told by their address.",
    "storage_options": "videos are kept here and told by their address.",
    "last_frame": "the site takes a first frame only.",
    "keyframes": "the site takes a first frame only.",
    "reference_audios": "the site takes no sound.",
    "stream": "a video is polled for.",
}


# -- in ----------------------------------------------------------------------------------------------------------------
def from_generate(wire: Generate, fields: Mapping[str, Any], model: Model) -> VideoRequest:
    """Read a create; *fields*: the whole body, for what is refused. Raises EmptyPrompt, InvalidRequest, UnsupportedParameter."""
    video_fields.only_one(wire.n)
    refuse(fields)
    if fields.get("video_url") or fields.get("video"):
        raise UnsupportedParameter(
            "'video' cannot be honoured here: a video is extended at POST /v1/videos/extensions.", param="video"
        )
    first = video_fields.pictures_in(wire.image, "image")
    if len(first) > 1:
        raise InvalidRequest("'image' is one picture; several go into 'reference_images'.", param="image")
    references = video_fields.pictures_in(wire.reference_images, "reference_images")
    mode = video_fields.mode_of(model, wire.model or model.id, first, references, params=("image", "reference_images"))
    duration = video_fields.seconds_within("duration", wire.duration)
    ratio = video_fields.one_of("aspect_ratio", wire.aspect_ratio, RATIOS)
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt, needed=mode is not VideoMode.IMAGE),
        at_least_s=DEFAULT_SECONDS if duration is None else duration,
        resolution=video_fields.one_of("resolution", wire.resolution, SHORT_SIDE) or DEFAULT_RESOLUTION,
        aspect_ratio=ratio if ratio or mode is VideoMode.IMAGE else DEFAULT_RATIO,
        preset=video_fields.one_of("preset", wire.preset, ("normal", "fun", "custom", "spicy")),
        mode=mode,
        pictures=(*first, *references),
        asked={} if duration is None else {"duration": duration},
    )


def from_extend(wire: Extend, fields: Mapping[str, Any], source: Task) -> VideoRequest:
    """Read an extension of *source*, which is finished."""
    assert source.result is not None
    refuse(fields)
    duration = video_fields.seconds_within("duration", wire.duration, most=MOST_ADDED_SECONDS)
    return VideoRequest(
        prompt=video_fields.prompt_of(wire.prompt),
        at_least_s=DEFAULT_ADDED_SECONDS if duration is None else duration,
        resolution=source.spec.resolution,
        aspect_ratio=source.spec.aspect_ratio,
        preset=source.spec.preset,
        mode=VideoMode.EXTEND,
        source_task_id=source.id,
        start_s=source.result.duration_s,
        asked={} if duration is None else {"duration": duration},
    )


def refuse(fields: Mapping[str, Any]) -> None:
    """Raise UnsupportedParameter for what is known and cannot be had."""
    video_fields.refuse(fields, UNSUPPORTED)
    if fields.get("generate_audio") in (False, "false", "0", 0):
        raise UnsupportedParameter(
            "'generate_audio' cannot be honoured: the site decides itself about sound.", param="generate_audio"
        )


def source_of(value: Any) -> str:
    """Return the address or id in a ``video`` field. Raises InvalidRequest."""
    if isinstance(value, Mapping):
        value = value.get("url") or value.get("file_id") or value.get("id")
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest("'video' is the address of a finished video of this gateway: {\"url\": …}.", param="video")
    return value.strip()


# -- out ---------------------------------------------------------------------------------------------------------------
def to_accepted(task: Task) -> dict[str, Any]:
    return {"request_id": task.id}


def to_generation(task: Task, link_to: LinkTo) -> tuple[int, dict[str, Any]]:
    """Show a task: status and body. Numbers and booleans are such: the AI SDK refuses anything else."""
    model = task.model
    match task.state:
        case State.QUEUED | State.RUNNING:
            return 202, {"status": "pending", "progress": min(99, task.progress), "model": model}
        case State.SUCCEEDED if task.result is None or task.result.asset_id is None:
            return 200, {"status": "expired", "model": model}
        case State.SUCCEEDED:
            assert task.result is not None and task.result.asset_id is not None
            return 200, _done(task, link_to(task.result.asset_id, ".mp4"), respect_moderation=True)
        case State.FAILED if task.failure is not None and task.failure.code == errors.ContentModerated.code:
            # An empty text, not null: the AI SDK refuses null.
            return 200, _done(task, "", respect_moderation=False)
    return 200, {"status": "failed", "progress": task.progress, "model": model, "error": to_failure(task)}


def to_failure(task: Task) -> dict[str, str]:
    if task.state is State.CANCELLED:
        return {"code": FAILURES[errors.Cancelled.code], "message": "The video was cancelled."}
    if task.failure is None:
        return {"code": "internal_error", "message": "The video was not made."}
    return {"code": FAILURES.get(task.failure.code, "internal_error"), "message": task.failure.message}


def to_error(exc: GatewayError) -> Answer:
    """The usual body with xAI's own word as ``code`` beside it: its clients read either."""
    answer = error_responses.to_error(exc, ERRORS)
    word = next(WORDS[cls] for cls in type(exc).__mro__ if cls in WORDS)
    return Answer(answer.status, {"code": word, **answer.body}, answer.headers)


def _done(task: Task, url: str, *, respect_moderation: bool) -> dict[str, Any]:
    return {
        "status": "done",
        "video": {"url": url, "duration": task.spec.seconds, "respect_moderation": respect_moderation},
        "model": task.model,
        "progress": 100,
        "usage": {"cost_in_usd_ticks": 0},
    }
