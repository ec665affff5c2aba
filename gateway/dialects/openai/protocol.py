"""The wire of OpenAI's Videos API, as its SDKs, litellm and new-api send and read it."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY, Count, Lenient, OptionalText, Seconds, Text


class CreateVideo(Lenient):
    """Body of ``POST /v1/videos``: JSON, a form, or multipart with the picture as a file."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"model": "sora-2", "prompt": "A lighthouse at dusk", "seconds": "4", "size": "1280x720"},
                {
                    "model": "grok-imagine-video",
                    "prompt": "The scene comes alive",
                    "seconds": "8",
                    "input_reference": {"image_url": "https://example.com/image.jpg"},
                },
            ]
        }
    )

    model: OptionalText = Field(default=None, description="Model name.")
    prompt: Text = Field(default="", description="What the video shows.")
    seconds: Seconds = Field(
        default=None,
        validation_alias=AliasChoices("seconds", "duration", "video_length"),
        description="Length; the next one the site makes is taken (4 → 6, 8 → 10) and told in the answer.",
    )
    size: OptionalText = Field(
        default=None, description="`1280x720` and the like: the nearest ratio and resolution are taken and told."
    )
    aspect_ratio: OptionalText = Field(default=None, description="Instead of *size*: `16:9`, `9:16`, `1:1`, …")
    resolution: OptionalText = Field(
        default=None,
        validation_alias=AliasChoices("resolution", "resolution_name"),
        description="Instead of *size*: `480p` or `720p`.",
    )
    preset: OptionalText = Field(default=None, description="`normal`, `fun`, `custom`.")
    input_reference: Any = Field(
        default=None,
        description="First frame: a file, `{image_url}`, `{file_id}`, a URL. Several are references to take subjects from.",
    )
    image: Any = Field(
        default=None, validation_alias=AliasChoices("image", "image_url"), description="As input_reference."
    )
    images: Any = Field(
        default=None, validation_alias=AliasChoices("images", "image_urls"), description="As input_reference."
    )
    reference_images: Any = Field(default=None, description="Pictures to take subjects and style from, up to 7.")
    n: Count = Field(default=None, description="1.")
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Remix(Lenient):
    """Body of ``POST /v1/videos/{id}/remix``."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prompt": "The same, at night"}]})

    prompt: Text = Field(default="", description="What the new video shows; all else is taken over.")
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Extend(Lenient):
    """Body of ``POST /v1/videos/extensions``: JSON or a form (``video[id]``)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"prompt": "The ship sails away", "video": {"id": "video_123"}, "seconds": "6"}]
        }
    )

    prompt: Text = Field(default="", description="What happens next.")
    video: Any = Field(default=None, description="A finished video of ours: `{id}`.")
    seconds: Seconds = Field(
        default=None, validation_alias=AliasChoices("seconds", "duration"), description="Length of what is added."
    )
    model: OptionalText = None
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class VideoError(BaseModel):
    """Why a video failed."""

    code: str
    message: str


class Video(BaseModel):
    """A video. Types are strict: clients in Go and litellm refuse others."""

    id: str
    object: str = "video"
    model: str
    status: str = Field(description="`queued`, `in_progress`, `completed` or `failed`.")
    progress: int = Field(description="0 to 100.")
    created_at: int
    completed_at: int | None
    expires_at: int | None = Field(description="When the file is removed.")
    prompt: str | None
    seconds: str = Field(description="The effective length.")
    size: str = Field(description="The effective size.")
    remixed_from_video_id: str | None
    error: VideoError | None


class VideoList(BaseModel):
    """A page of videos; the next one is asked for with ``after=last_id``."""

    object: str = "list"
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(BaseModel):
    """Answer to a deletion."""

    id: str
    object: str = "video.deleted"
    deleted: bool = True
