"""The wire of Dubrify's video API (seed 001)."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY, Count, Lenient, OptionalText, Seconds, Text


class CreateVideo(Lenient):
    """Body of ``POST /v1/videos``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "grok-imagine-video",
                    "prompt": "A cat playing in a sunlit garden with butterflies",
                    "duration": 6,
                    "resolution": "720p",
                    "aspect_ratio": "16:9",
                },
                {
                    "model": "grok-imagine-video",
                    "prompt": "Camera slowly zooms out, revealing the full scene",
                    "duration": 6,
                    "resolution": "720p",
                    "image": {"url": "https://example.com/your-image.jpg"},
                },
            ]
        }
    )

    model: Text = Field(default="", description="`grok-imagine-video`.")
    prompt: Text = Field(default="", description="What the video shows.")
    duration: Seconds = Field(
        default=None,
        validation_alias=AliasChoices("duration", "seconds"),
        description="1 to 15 seconds, 6 when not said; the next length the site makes is taken and told.",
    )
    resolution: OptionalText = Field(default=None, description="`480p` (when not said) or `720p`.")
    aspect_ratio: OptionalText = Field(default=None, description="`16:9`, `9:16`, `1:1`, `4:3`, `3:4`, `3:2`, `2:3`.")
    image: Any = Field(default=None, description="First frame: `{url}`.")
    n: Count = None
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Accepted(BaseModel):
    """Answer to a create."""

    request_id: str


class DubrifyFile(BaseModel):
    """The finished video. Numbers and booleans are texts here."""

    url: str = Field(description="'' when moderation removed the video.")
    duration: str
    respect_moderation: str


class Done(BaseModel):
    """A finished video; there is no *status* then."""

    model: str
    video: DubrifyFile


class Pending(BaseModel):
    """A video that is not finished (``pending``) or never will be (``failed``, with *error*)."""

    status: str
    error: dict[str, str] | None = None
