"""The wire of the synchronous video API (seed 002)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.web.video_fields import CALLBACK, PRIORITY, Lenient, OptionalText


class Generate(Lenient):
    """Body of ``POST /v1/videos/generations``, when it has these three fields only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "image_url": "https://example.com/my-image.jpg",
                    "prompt": "让图片中的人物挥手微笑，背景有轻微的摇曳",
                    "model": "grok-imagine-0.9",
                }
            ]
        }
    )

    image_url: Any = Field(default=None, description="First frame: an http(s) URL or `data:image/…`.")
    prompt: Any = Field(default=None, description="What happens in the video.")
    model: OptionalText = Field(default=None, description="`grok-imagine-0.9` when not said.")
    callback_url: Any = CALLBACK
    priority: Any = PRIORITY


class Generated(BaseModel):
    """The finished video."""

    id: str
    model: str
    created: int
    video_url: str = Field(description="Plays without a key.")
    status: str = "completed"
    prompt: str
    request_id: str = Field(description="As *id*: for clients that expected to poll.")
