"""The wire of image requests. Forms carry text, JSON carries numbers: both are read. Null is the same as absent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _empty(value: Any) -> Any:
    """A field of a form that was left empty."""
    return None if isinstance(value, str) and not value.strip() else value


Text = Annotated[str | None, BeforeValidator(_text), BeforeValidator(_empty)]
Number = Annotated[int | None, BeforeValidator(_empty)]
Percent = Annotated[Annotated[int, Field(ge=0, le=100)] | None, BeforeValidator(_empty)]


class ImageCreate(BaseModel):
    """Body of ``POST /v1/images/generations``, and the fields of ``…/edits`` beside its pictures."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {"prompt": "一只在太空中的宇航员，数字艺术风格", "n": 1, "response_format": "url"},
                {"model": "grok-imagine-1.0", "prompt": "美丽的日落风景", "n": 4, "response_format": "b64_json"},
                {"model": "grok-imagine-image-quality", "prompt": "a lighthouse at dusk", "aspect_ratio": "16:9"},
                {"prompt": "赛博朋克城市夜景", "n": 1, "stream": True},
            ]
        },
    )

    prompt: Annotated[str, BeforeValidator(_text)] = Field(default="", description="What the picture shows.")
    model: Annotated[str, BeforeValidator(lambda value: _empty(value) or "grok-imagine-1.0")] = Field(
        default="grok-imagine-1.0", description="An image model of `GET /v1/models`."
    )
    n: Number = Field(default=None, description="How many pictures: 1 to 10.")
    size: Text = Field(
        default=None, description="`1024x1536`, or `auto`: the nearest ratio the site makes is taken, and told."
    )
    aspect_ratio: Text = Field(default=None, description="`16:9` and the like, or `auto`. Wins over `size`.")
    quality: Text = Field(default=None, description="`standard`/`low`/`medium`, or `hd`/`high`: slower, better.")
    response_format: Text = Field(
        default=None,
        description="`url`, `b64_json` or `base64`. Absent: `url`; for edits both; for `gpt-image*` names `b64_json`.",
    )
    output_format: Text = Field(default=None, description="`png`, `jpeg` or `webp`. Absent: as the site makes it.")
    output_compression: Number = Field(
        default=None, ge=0, le=100, description="Quality of `jpeg` and `webp`: 0 to 100."
    )
    stream: Annotated[bool | None, BeforeValidator(_empty)] = Field(
        default=None, description="Server-sent events, with previews."
    )
    partial_images: Percent = Field(
        default=None, description="Previews per picture at most; absent: as many as the site shows."
    )


class Image(BaseModel):
    """One picture: *url* or *b64_json*, as asked for."""

    url: str | None = None
    b64_json: str | None = None
    base64: str | None = None
    mime_type: str
    revised_prompt: str | None = None
    respect_moderation: bool = True
    width: int
    height: int


class Images(BaseModel):
    """The answer. *partial* and *warnings* only where something is missing or other than asked for."""

    created: int
    data: list[Image]
    usage: dict[str, Any]
    size: str
    quality: str
    output_format: str
    background: str
    aspect_ratio: str | None = None
    partial: bool | None = None
    warnings: list[dict[str, Any]] | None = None
