"""Between the grok2api task API and the task core. Pure: no request, no clock, no waiting; times and links come in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.dialects.grok2api.protocol import CreateTask
from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest, TaskNotFound
from gateway.media.assets import Asset
from gateway.models import Model
from gateway.tasks.model import Failure, Task, TaskEvent, VideoResult
from gateway.tasks.states import FINAL, State
from gateway.web import video_fields
from gateway.web.error_responses import Answer
from gateway.web.error_responses import to_error as usual_error
from gateway.web.video_requests import VideoRequest

DIALECT = "grok2api"
PREFIX = "task_"

ASPECT_RATIOS = ("2:3", "3:2", "1:1", "9:16", "16:9")
VIDEO_LENGTHS = (6, 10)
RESOLUTIONS = ("480p", "720p")
PRESETS = ("fun", "normal", "spicy", "custom")

STATUS: Mapping[State, str] = {
    State.QUEUED: "pending",
    State.RUNNING: "running",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
STATES: Mapping[str, State] = {word: state for state, word in STATUS.items()}
MESSAGE: Mapping[State, str] = {
    State.QUEUED: "任务排队中...",
    State.RUNNING: "视频生成中...",
    State.SUCCEEDED: "视频生成完成",
    State.FAILED: "视频生成失败",
    State.CANCELLED: "任务已取消",
}
SUBMITTED = "视频生成任务已提交"
NOT_FOUND = "任务不存在"
EXPIRED = "视频生成完成，文件已过期并被删除"

#: Address of an asset by its id and suffix.
LinkTo = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Around:
    """What is said about a task that its row does not hold."""

    link_to: LinkTo
    queue_position: int | None = None
    waiting: tuple[str, str] | None = None
    remaining_s: float | None = None


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: CreateTask, model: Model) -> VideoRequest:
    """Read a create for *model*. Raises EmptyPrompt or InvalidRequest, with the client's own name of the field."""
    if not wire.prompt.strip():
        raise EmptyPrompt("Prompt cannot be empty", param="prompt")
    _one_of("aspect_ratio", wire.aspect_ratio, ASPECT_RATIOS)
    _one_of("video_length", wire.video_length, VIDEO_LENGTHS)
    _one_of("resolution", wire.resolution, RESOLUTIONS)
    _one_of("preset", wire.preset, PRESETS)
    picture = (wire.image_url or "").strip()
    mode = video_fields.mode_of(model, wire.model, [picture] if picture else [], params=("image_url", "image_url"))
    return VideoRequest(
        prompt=wire.prompt.strip(),
        seconds=wire.video_length,
        resolution=wire.resolution,
        aspect_ratio=wire.aspect_ratio,
        preset=wire.preset,
        mode=mode,
        pictures=(picture,) if picture else (),
    )


def from_status(word: str) -> State:
    """Read a status of the client's. Raises InvalidRequest."""
    _one_of("status", word, tuple(STATES))
    return STATES[word]


def _one_of(param: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        listed = ", ".join(str(item) for item in allowed)
        raise InvalidRequest(f"Invalid value for '{param}': {value!r}. Supported values are: {listed}.", param=param)


# -- out ---------------------------------------------------------------------------------------------------------------
def to_accepted(task: Task) -> dict[str, Any]:
    return {"status": "success", "task_id": task.id, "message": SUBMITTED}


def to_task(task: Task, around: Around) -> dict[str, Any]:
    """Show a task. Fields that do not apply are left out, as in the documented answers."""
    shown: dict[str, Any] = {
        "task_id": task.id,
        "status": STATUS[task.state],
        "progress": 100 if task.state is State.SUCCEEDED else task.progress,
        "prompt": task.spec.prompt,
        "video_url": _video_url(task.result, around.link_to),
        "created_at": at(task.created_at),
        "started_at": at(task.started_at),
        "completed_at": at(task.finished_at) if task.state is State.SUCCEEDED else None,
        "message": message(task),
        "model": task.model,
        "stage": task.stage.value if task.stage and task.state is State.RUNNING else None,
        "queue_position": around.queue_position if task.state is State.QUEUED else None,
        "waiting": _waiting(task, around.waiting),
        "estimated_seconds": None if around.remaining_s is None else math.ceil(around.remaining_s),
        "error": to_failure(task.failure) if task.state is State.FAILED else None,
        **_result(task, around.link_to),
    }
    return {name: value for name, value in shown.items() if value is not None}


def message(task: Task) -> str:
    """The sentence a person reads: why it failed, or where it is."""
    if task.state is State.FAILED and task.failure is not None:
        return task.failure.message
    if task.state is State.SUCCEEDED and task.result is not None and task.result.asset_id is None:
        return EXPIRED
    return MESSAGE[task.state]


def to_failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "retryable": failure.retryable}


def to_snapshot(task: Task, around: Around) -> dict[str, Any]:
    """First event of a stream."""
    shown = to_task(task, around)
    return {"type": "snapshot", **_only(shown, "status", "progress", "stage", "queue_position", "waiting")}


def to_end(task: Task, around: Around) -> dict[str, Any]:
    """Last event of a stream; its type is the status."""
    shown = to_task(task, around)
    named = ("status", "progress", "video_url", "thumbnail_url", "message", "error")
    return {"type": shown["status"], **_only(shown, *named)}


def to_event(event: TaskEvent) -> dict[str, Any] | None:
    """Show what happened meanwhile, None for what this API has no word for. Always of type ``progress``: that is the one
    type clients know between the first and the last event."""
    said: dict[str, Any] = {"type": "progress"}
    if (percent := event.data.get("progress")) is not None:
        said["progress"] = int(percent)
    match event.type:
        case "progress" if "progress" in said:
            return said
        case "accepted":
            return {**said, "status": STATUS[State.QUEUED]}
        case "claimed":
            return {**said, "status": STATUS[State.RUNNING]}
        case "stage":
            return {**said, "status": STATUS[State.RUNNING], "stage": str(event.data.get("stage", ""))}
        case "waiting" | "retrying" | "rescued":
            code, reason = event.data.get("code"), event.data.get("message") or event.data.get("reason")
            waiting = {"waiting": {"code": str(code), "reason": str(reason or "")}} if code else {}
            return {**said, "status": STATUS[State.QUEUED], **waiting}
    return None


def to_cancelled(task: Task) -> dict[str, Any]:
    """Answer to a cancel. A task that was over before says so: cancelling it again is not an error."""
    over = task.state in FINAL and task.state is not State.CANCELLED
    return {"status": "success", "message": "任务已结束，无需取消" if over else MESSAGE[State.CANCELLED]}


def to_deleted(count: int) -> dict[str, Any]:
    return {"status": "success", "count": count, "message": f"已删除 {count} 个任务"}


def to_deleted_in(count: int, word: str) -> dict[str, Any]:
    return {"status": "success", "count": count, "message": f"已删除 {count} 个 {word} 任务"}


def to_cleared(count: int) -> dict[str, Any]:
    return {"status": "success", "count": count, "message": f"已清除所有 {count} 个任务"}


def to_uploaded(asset: Asset, link: str) -> dict[str, Any]:
    name = asset.file_name or f"image{asset.suffix}"
    return {"file_id": asset.id, "file_uri": f"uploads/{asset.id}/{name}", "image_url": link}


def to_error(exc: GatewayError) -> Answer:
    """Errors as this API tells them: a task that is not there is a ``detail``, with the usual error beside it."""
    answer = usual_error(exc)
    if not isinstance(exc, TaskNotFound):
        return answer
    error = {**answer.body["error"], "message": NOT_FOUND}
    return Answer(answer.status, {"detail": NOT_FOUND, "error": error}, answer.headers)


def at(moment: datetime | None) -> str | None:
    """A time as this API writes it: ``2026-02-06T12:00:00Z``."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _video_url(result: VideoResult | None, link_to: LinkTo) -> str | None:
    return link_to(result.asset_id, ".mp4") if result and result.asset_id else None


def _result(task: Task, link_to: LinkTo) -> dict[str, Any]:
    result = task.result
    if result is None or task.state is not State.SUCCEEDED:
        return {}
    return {
        "thumbnail_url": link_to(result.thumbnail_id, ".jpg") if result.thumbnail_id else None,
        "duration": result.duration_s,
        "width": result.width,
        "height": result.height,
        "size_bytes": result.size_bytes,
        "expires_at": at(task.expires_at),
    }


def _waiting(task: Task, nobody: tuple[str, str] | None) -> dict[str, str] | None:
    """Why a queued task waits: what stopped it, else that nobody could take it."""
    if task.state is not State.QUEUED:
        return None
    if task.wait_code:
        return {"code": task.wait_code, "reason": task.wait_reason or ""}
    return {"code": nobody[0], "reason": nobody[1]} if nobody else None


def _only(shown: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: shown[name] for name in names if name in shown}
