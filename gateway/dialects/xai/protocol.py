"""The wire of xAI's video API, older and newer spellings; null is the same as absent."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY, Count, Lenient, OptionalText, Seconds, Text


class Generate(Lenient):
    """Body of ``POST /v1/videos/generations``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "grok-imagine-video",
                    "prompt": "A lighthouse at dusk",
                    "duration": 6,
                    "aspect_ratio": "16:9",
                    "resolution": "720p",
                },
                {
                    "model": "grok-imagine-video",
                    "prompt": "The scene comes alive",
                    "image": {"url": "https://example.com/image.jpg"},
                    "duration": 8,
                },
            ]
        }
    )

    model: OptionalText = Field(default=None, description="Model name.")
    prompt: Text = Field(default="", description="What the video shows; may be left out with *image*.")
    duration: Seconds = Field(
        default=None,
        validation_alias=AliasChoices("duration", "seconds", "video_length"),
        description="1 to 15 seconds, 8 when not said; the next length the site makes is taken and told in the answer.",
    )
    aspect_ratio: OptionalText = Field(default=None, description="`16:9`, `9:16`, `1:1`, `4:3`, `3:4`, `3:2`, `2:3`.")
    resolution: OptionalText = Field(
        default=None,
        validation_alias=AliasChoices("resolution", "resolution_name"),
        description="`480p` or `720p`.",
    )
    preset: OptionalText = Field(default=None, description="`normal`, `fun`, `custom`.")
    image: Any = Field(
        default=None,
        validation_alias=AliasChoices("image", "input_reference", "image_url"),
        description="First frame: `{url}`, `{file_id}` or a URL.",
    )
    reference_images: Any = Field(default=None, description="1 to 7 pictures to take subjects and style from.")
    n: Count = None
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Extend(Lenient):
    """Body of ``POST /v1/videos/extensions``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "grok-imagine-video",
                    "prompt": "The ship sails away",
                    "video": {"url": "https://gateway.example/media/…/video.mp4"},
                    "duration": 6,
                }
            ]
        }
    )

    model: OptionalText = None
    prompt: Text = Field(default="", description="What happens next.")
    video: Any = Field(
        default=None,
        validation_alias=AliasChoices("video", "video_url"),
        description="A finished video of ours: the `{url}` it was told with.",
    )
    duration: Seconds = Field(
        default=None,
        validation_alias=AliasChoices("duration", "seconds"),
        description="Length of what is added: 1 to 10.",
    )
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Accepted(BaseModel):
    """Answer to a create."""

    request_id: str


class XaiFile(BaseModel):
    """The file of a finished video. Not moderated away: *url* leads to it, without a key."""

    url: str
    duration: int
    respect_moderation: bool


class Trouble(BaseModel):
    """Why there is no video."""

    code: str
    message: str


class Generation(BaseModel):
    """A video: 202 while it is pending, else 200."""

    status: str = Field(description="`pending`, `done`, `failed` or `expired`.")
    model: str | None = None
    progress: int | None = None
    video: XaiFile | None = None
    error: Trouble | None = None
