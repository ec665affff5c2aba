"""The wire of new-api's video tasks (seed 003), with the spellings that new-api itself also takes."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY, Count, Lenient, OptionalText, Seconds, Text


def _metadata(value: Any) -> Any:
    """An object, or the same as JSON text; anything else says nothing."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


class CreateTask(Lenient):
    """Body of ``POST /v1/video/generations``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "grok-image-video",
                    "prompt": "A cinematic shot of a red sports car driving through rainy neon streets at night",
                    "seconds": 6,
                    "aspect_ratio": "16:9",
                    "resolution": "720p",
                },
                {
                    "model": "grok-image-video",
                    "prompt": "Create a smooth product showcase video using these references",
                    "seconds": 10,
                    "aspect_ratio": "16:9",
                    "resolution": "720p",
                    "image_urls": ["https://example.com/ref-1.png", "https://example.com/ref-2.png"],
                },
            ]
        }
    )

    model: Text = Field(default="", description="Model name.")
    prompt: Text = Field(default="", description="What the video shows.")
    seconds: Seconds = Field(
        default=None,
        description="Length, 4 when not said; the next one the site makes is taken. Several pictures: at most 10.",
    )
    duration: Seconds = Field(default=None, description="As *seconds*.")
    aspect_ratio: OptionalText = Field(default=None, description="`16:9` (when not said), `9:16`, `1:1`, …")
    resolution: OptionalText = Field(default=None, description="`720p` (when not said) or `480p`.")
    size: OptionalText = Field(default=None, description="`1280x720` and the like, instead of the two above.")
    image_urls: Any = Field(
        default=None, description="Up to 7 pictures: one is the first frame, several are references."
    )
    input_reference: Any = Field(default=None, description="One picture: a URL or `{image_url}`.")
    reference_images: Any = Field(default=None, description="Up to 7 reference pictures; not with *input_reference*.")
    image: Any = Field(default=None, description="As *input_reference*.")
    images: Any = Field(default=None, description="As *image_urls*.")
    n: Count = None
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY
    metadata: Annotated[dict[str, Any], BeforeValidator(_metadata)] = Field(
        default_factory=dict, description="May hold any of these fields that are not said outside of it."
    )


class VideoAccepted(BaseModel):
    """Answer to a create."""

    id: str
    task_id: str
    object: str = "video"
    model: str
    status: str
    progress: int
    created_at: int
    seconds: str = Field(description="The effective length.")
    size: str = Field(description="The effective size.")


class TaskData(BaseModel):
    """A task. What does not apply is an empty text."""

    task_id: str
    status: str = Field(description="`NOT_START`, `SUBMITTED`, `QUEUED`, `IN_PROGRESS`, `SUCCESS` or `FAILURE`.")
    progress: str = Field(description="`30%`; `100%` when it is over, well or not.")
    result_url: str = Field(description="Plays without a key.")
    fail_reason: str
    platform: str = Field(description="This and what follows: the rest of new-api's own record.")
    action: str
    group: str
    username: str
    user_id: int
    channel_id: int
    quota: int
    created_at: int
    updated_at: int
    submit_time: int
    start_time: int = Field(description="0 before it began.")
    finish_time: int = Field(description="0 before it is over.")
    properties: dict[str, Any]
    data: dict[str, Any] = Field(
        description="The same task in OpenAI's words, with its effective `seconds` and `size`."
    )


class Envelope(BaseModel):
    """Every answer of this API that is not an error."""

    code: str = "success"
    message: str = ""
    data: TaskData
    task_id: str = Field(description="From here on as new-api's published documentation has it.")
    status: str = Field(description="`queued`, `in_progress`, `completed` or `failed`.")
    url: str
    format: str = "mp4"
    metadata: dict[str, Any]
    error: dict[str, str] | None = None
