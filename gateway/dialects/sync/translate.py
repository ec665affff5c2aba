"""Between the synchronous video API and the task core, in the words of its documentation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway import errors
from gateway.dialects.sync.protocol import Generate
from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest
from gateway.tasks.model import Task, VideoMode
from gateway.tasks.states import State
from gateway.web import error_responses
from gateway.web.asked import LinkTo, unix
from gateway.web.error_responses import Answer
from gateway.web.video_requests import VideoRequest

DIALECT = "sync"
PREFIX = "video-"
DEFAULT_MODEL = "grok-imagine-0.9"
SECONDS = 6.0
RESOLUTION = "480p"

NO_IMAGE = "图片URL不能为空"
BAD_IMAGE = "图片URL必须是http/https链接或base64格式（data:image/...）"
NO_VIDEO = "视频生成失败：未能获取视频URL"
BROKEN = "服务器内部错误"
STILL_WORKING = "视频生成超时，任务仍在后台进行，可稍后用此 id 查询：GET /v1/videos/"

#: Status, type and code of each error, most specific class first; None: the error's own code.
ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = {
    **{cls: (status, kind, code) for cls, (status, kind, code) in error_responses.ERRORS.items()},
    errors.InvalidRequest: (400, "validation_error", None),
    errors.ModelNotFound: (400, "validation_error", "invalid_model"),
    errors.InvalidImage: (400, "validation_error", "invalid_image_url"),
    errors.ContentModerated: (500, "video_generation_error", "no_video_url"),
    errors.GenerationError: (500, "video_generation_error", "no_video_url"),
    errors.Cancelled: (500, "video_generation_error", "no_video_url"),
    errors.DeadlineExceeded: (500, "video_generation_error", "no_video_url"),
    errors.UpstreamError: (500, "HTTP_ERROR", "HTTP_ERROR"),
    errors.UpstreamRefused: (500, "HTTP_ERROR", "HTTP_ERROR"),
    errors.ProfileNotReady: (500, "HTTP_ERROR", "HTTP_ERROR"),
    errors.BrowserFailed: (500, "internal_error", "internal_server_error"),
    errors.StorageFull: (500, "internal_error", "internal_server_error"),
    GatewayError: (500, "internal_error", "internal_server_error"),
}
#: Failures of tasks that are the site's refusal of a request rather than a video that did not come.
REFUSALS: frozenset[str] = frozenset(
    {
        errors.UpstreamError.code, errors.UpstreamOverloaded.code, errors.UpstreamTimeout.code, errors.UpstreamRefused.code,
        errors.SpendingLimit.code, errors.UpstreamDrifted.code, errors.LoginRequired.code, errors.ChallengeRequired.code,
        errors.AntiBotRefused.code, errors.AccountBlocked.code, errors.StalePage.code, errors.ProfileNotReady.code,
        errors.RateLimited.code,
    }
)  # fmt: skip
BUGS: frozenset[str] = frozenset({errors.Internal.code, errors.BrowserFailed.code, errors.StorageFull.code})


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: Generate) -> VideoRequest:
    """Read a create. The prompt is looked at first, as the documented service does. Raises InvalidRequest, EmptyPrompt."""
    prompt = _prompt(wire.prompt)
    picture = wire.image_url
    if isinstance(picture, Mapping):
        picture = picture.get("url")
    if picture is None or (isinstance(picture, str) and not picture.strip()):
        raise InvalidRequest(NO_IMAGE, param="image_url")
    if not isinstance(picture, str) or not is_address(picture.strip()):
        raise InvalidRequest(BAD_IMAGE, param="image_url")
    return VideoRequest(
        prompt=prompt,
        at_least_s=SECONDS,
        resolution=RESOLUTION,
        mode=VideoMode.IMAGE,
        pictures=(picture.strip(),),
    )


def is_address(text: str) -> bool:
    """Whether it is written as this API wants pictures; the id of an upload to this gateway is taken as well."""
    return text.lower().startswith(("http://", "https://", "data:image/")) or text.startswith(("file_", "uploads/"))


def wrong_model(name: str) -> InvalidRequest:
    return errors.ModelNotFound(f"模型 '{name[:60]}' 不是视频生成模型，请使用 {DEFAULT_MODEL}", param="model")


def _prompt(value: Any) -> str:
    text = str(value) if isinstance(value, int | float) else value
    if not isinstance(text, str):
        raise PromptRefused("missing" if value is None else "string_type")
    if not text.strip():
        raise PromptRefused("string_too_short")
    return text.strip()


class PromptRefused(EmptyPrompt):
    """The prompt is missing, empty or not a text; told as a list of details. kind: the word for which it is."""

    MESSAGES: Mapping[str, str] = {
        "missing": "Field required",
        "string_type": "Input should be a valid string",
        "string_too_short": "String should have at least 1 character",
    }

    def __init__(self, kind: str) -> None:
        super().__init__(self.MESSAGES[kind], param="prompt")
        self.kind = kind


# -- out ---------------------------------------------------------------------------------------------------------------
def to_generated(task: Task, link_to: LinkTo) -> tuple[int, dict[str, Any]]:
    """Show a task that is over: status and body."""
    if task.state is State.SUCCEEDED and task.result is not None and task.result.asset_id is not None:
        return 200, {
            "id": task.id,
            "model": task.model,
            "created": unix(task.created_at),
            "video_url": link_to(task.result.asset_id, ".mp4"),
            "status": "completed",
            "prompt": task.spec.prompt,
            "request_id": task.id,
        }
    failure = task.failure
    if failure is not None and failure.code in BUGS:
        return 500, _failed(task, BROKEN, "internal_error", "internal_server_error")
    if failure is not None and failure.code in REFUSALS:
        return 500, _failed(task, f"请求失败: {failure.message}", "HTTP_ERROR", "HTTP_ERROR")
    return 500, _failed(task, NO_VIDEO, "video_generation_error", "no_video_url")


def to_unfinished(task_id: str) -> tuple[int, dict[str, Any]]:
    """The answer when the video took longer than anybody waits; it is still being made."""
    error = {"message": f"{STILL_WORKING}{task_id}", "type": "video_generation_error", "code": "timeout"}
    return 504, {"error": {**error, "param": None}, "id": task_id, "request_id": task_id}


def to_error(exc: GatewayError) -> Answer:
    """Errors in the documented bodies."""
    status, kind, code = next(ERRORS[cls] for cls in type(exc).__mro__ if cls in ERRORS)
    if isinstance(exc, InvalidRequest) and exc.param == "image_url":
        code = "invalid_image_url"
    error = {"message": _message(exc, kind), "type": kind, "param": exc.param, "code": code or exc.code}
    body: dict[str, Any] = {"error": error}
    if status == 401:
        body = {"detail": "未授权访问", **body}
    elif isinstance(exc, EmptyPrompt):
        body = {"detail": _detail(exc), **body}
    elif isinstance(exc, error_responses.InvalidFields):
        body = {"detail": exc.detail, **body}
    return Answer(status, body, error_responses.retry_headers(status, exc.retry_after_s))


def _message(exc: GatewayError, kind: str) -> str:
    match kind:
        case "video_generation_error":
            return NO_VIDEO
        case "HTTP_ERROR":
            return f"请求失败: {exc.message}"
        case "internal_error":
            return BROKEN
    return exc.message


def _detail(exc: EmptyPrompt) -> Sequence[Mapping[str, Any]]:
    kind = exc.kind if isinstance(exc, PromptRefused) else "string_too_short"
    told: dict[str, Any] = {"type": kind, "loc": ["body", "prompt"], "msg": PromptRefused.MESSAGES[kind]}
    return [told | {"input": "", "ctx": {"min_length": 1}} if kind == "string_too_short" else told]


def _failed(task: Task, message: str, kind: str, code: str) -> dict[str, Any]:
    reason = task.failure.message if task.failure is not None else "The video was cancelled."
    error = {"message": message, "type": kind, "param": None, "code": code, "reason": reason}
    return {"error": error, "id": task.id, "request_id": task.id}
