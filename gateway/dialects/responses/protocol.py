"""The wire of responses. Fields not named here are judged by ``parameters``; null is the same as absent."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.web.wishes import TokenLimit


class ResponseCreate(BaseModel):
    """Body of ``POST /v1/responses``."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {"model": "grok-4", "input": "Write a haiku about the sea."},
                {
                    "model": "grok-4",
                    "instructions": "Answer in German.",
                    "input": [
                        {
                            "role": "user",
                            "content": [
                                {"type": "input_text", "text": "What is in this picture?"},
                                {"type": "input_image", "image_url": "https://example.com/image.jpg"},
                            ],
                        }
                    ],
                    "reasoning": {"effort": "high"},
                    "stream": True,
                },
            ]
        },
    )

    model: str = Field(default="", description="A chat model of `GET /v1/models`.")
    input: Any = Field(default=None, description="A string, or items: messages of text and pictures.")
    instructions: str | None = Field(default=None, description="Comes before everything else, as a system message.")
    stream: bool = Field(default=False, description="Answer as server-sent events.")
    reasoning: dict[str, Any] = Field(
        default={}, description="`effort`: `none` and `minimal` turn thinking off, `high` and above on."
    )
    max_output_tokens: TokenLimit = Field(
        default=None, description="Cuts the answer after about so many (estimated) tokens; 0 and -1 are no limit."
    )
    tools: list[Any] = Field(
        default=[],
        description="Web search, which the site does by itself, and functions: these are described to the model in words, and "
        "only a call in the exact form it was told is one.",
    )
    tool_choice: Any = Field(default=None, description="`auto`, `none`, `required`, or a function of *tools*.")
    parallel_tool_calls: bool | None = Field(default=None, description="`false`: one call at most.")
    text: dict[str, Any] = Field(
        default={},
        description="`format`: `text`, `json_object` or `json_schema`; JSON is checked before it is passed on.",
    )


class Response(BaseModel):
    """The answer. ``usage.estimated`` is an addition."""

    id: str
    object: str = "response"
    created_at: int
    status: str
    model: str
    output: list[dict[str, Any]]
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    incomplete_details: dict[str, Any] | None = None
