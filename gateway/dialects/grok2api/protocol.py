"""The wire of the grok2api task API (seed 004, §3). Unknown fields are ignored, null is the same as absent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY


def _address(value: Any) -> Any:
    """``{"url": …}`` is what clients of other dialects send for a picture."""
    return value.get("url") if isinstance(value, dict) else value


def _text(value: Any) -> Any:
    """Numbers and booleans where text is meant are somebody's JSON library, not a mistake worth refusing."""
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]


class CreateTask(BaseModel):
    """Body of ``POST /v1/video/tasks``."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "model": "grok-imagine-1.0-video",
                    "prompt": "一只海豚在海洋中跳跃",
                    "aspect_ratio": "16:9",
                    "video_length": 6,
                    "resolution": "480p",
                    "preset": "normal",
                },
                {
                    "model": "grok-imagine-1.0-video",
                    "prompt": "让图片动起来",
                    "image_url": "https://example.com/image.jpg",
                    "aspect_ratio": "1:1",
                    "video_length": 6,
                },
            ]
        },
    )

    model: Text = Field(default="", description="Model name.")
    prompt: Text = Field(default="", description="What the video shows.")
    aspect_ratio: Text = Field(default="3:2", description="`2:3`, `3:2`, `1:1`, `9:16` or `16:9`.")
    video_length: int = Field(default=6, description="Seconds: 6 or 10.")
    resolution: Text = Field(default="480p", description="`480p` or `720p`.")
    preset: Text = Field(default="normal", description="`normal`, `fun`, `custom`, or `spicy` where it is turned on.")
    image_url: Annotated[str | None, BeforeValidator(_address)] = Field(
        default=None,
        description="First frame: an http(s) or data: URL, or what `POST /v1/video/upload` answered.",
    )
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class TaskIds(BaseModel):
    """Body of ``DELETE /v1/video/tasks``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task_ids": ["task_abc123", "task_def456"]}]})

    task_ids: list[str] = Field(description="Which tasks to delete.")


class TaskAccepted(BaseModel):
    """Answer to a create."""

    status: str = "success"
    task_id: str
    message: str


class Done(BaseModel):
    """Answer to a cancel or a deletion; *count* with the latter."""

    status: str = "success"
    count: int | None = None
    message: str


class TaskError(BaseModel):
    """Why a task failed. *code* is stable, *retryable* says whether the same request may succeed later."""

    code: str
    message: str
    retryable: bool


class Waiting(BaseModel):
    """Why a task does not go on: somebody has to do something, or a limit of the site has to pass."""

    code: str
    reason: str


class Task(BaseModel):
    """A task. What does not apply in its state is absent. From *stage* on, the fields are this gateway's additions."""

    task_id: str
    status: str = Field(description="`pending`, `running`, `completed`, `failed` or `cancelled`.")
    progress: int = Field(description="0 to 100.")
    prompt: str
    video_url: str | None = Field(default=None, description="Plays without a key; good for 24 hours at least.")
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    message: str
    model: str | None = None
    stage: str | None = Field(default=None, description="`upload`, `create_post`, `submit`, `generate` or `download`.")
    queue_position: int | None = Field(default=None, description="1 is next.")
    estimated_seconds: int | None = Field(
        default=None,
        description="Until it is probably done, from how long the last ones took; left out when nobody can tell.",
    )
    waiting: Waiting | None = None
    error: TaskError | None = None
    thumbnail_url: str | None = None
    duration: float | None = Field(default=None, description="Seconds.")
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    expires_at: str | None = Field(default=None, description="When the file is removed.")


class TaskList(BaseModel):
    """Tasks, newest first. *next_cursor* is only there when more follow."""

    tasks: list[Task]
    next_cursor: str | None = None


class Uploaded(BaseModel):
    """Answer to an upload: any of the three serves as ``image_url`` of a task."""

    file_id: str
    file_uri: str
    image_url: str
