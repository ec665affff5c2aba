"""The wire of chat completions. Fields not named here are judged by ``parameters``; null is the same as absent."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.web.wishes import TokenLimit


class ChatCreate(BaseModel):
    """Body of ``POST /v1/chat/completions``."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {"model": "grok-4", "messages": [{"role": "user", "content": "你好，请介绍一下你自己"}]},
                {"model": "grok-3", "messages": [{"role": "user", "content": "写一首诗"}], "stream": True},
                {
                    "model": "grok-4",
                    "messages": [
                        {"role": "system", "content": "Answer in one sentence."},
                        {
                            "role": "user",
                            "content": [
                                {"type": "text", "text": "What is in this picture?"},
                                {"type": "image_url", "image_url": {"url": "https://example.com/image.jpg"}},
                            ],
                        },
                    ],
                    "reasoning_effort": "high",
                },
                {
                    "model": "grok-imagine-1.0-video",
                    "messages": [{"role": "user", "content": "一只可爱的猫在花园里玩耍"}],
                    "video_config": {
                        "aspect_ratio": "16:9",
                        "video_length": 6,
                        "resolution_name": "480p",
                        "preset": "normal",
                    },
                },
            ]
        },
    )

    model: str = Field(default="", description="A chat, image or video model of `GET /v1/models`.")
    messages: Any = Field(
        default=None,
        description="Roles system, developer, user, assistant and tool; content is a string or parts (text, image_url).",
    )
    stream: bool = Field(default=False, description="Answer as server-sent events.")
    stream_options: dict[str, Any] = Field(default={}, description="`include_usage`: a last chunk with the usage.")
    thinking: bool | str | dict[str, Any] | None = Field(
        default=None, description='`enabled` or `disabled` (or `{"type": …}`); absent leaves it to the model.'
    )
    reasoning_effort: str | None = Field(
        default=None,
        description="`none` and `minimal` turn thinking off, `high` and above on; `low` and `medium` leave it to the model.",
    )
    stop: str | list[str] | None = Field(default=None, description="Up to 16 sequences that end the answer.")
    max_tokens: TokenLimit = Field(
        default=None, description="Cuts the answer after about so many (estimated) tokens; 0 and -1 are no limit."
    )
    max_completion_tokens: TokenLimit = Field(default=None, description="The newer name of `max_tokens`.")
    search_parameters: dict[str, Any] = Field(default={}, description='xAI\'s: `{"mode": "off"}` keeps from searching.')
    tools: list[Any] = Field(
        default=[],
        description="Functions the model may call, as OpenAI's. The site calls none: they are described to the model in "
        "words, and only a call in the exact form it was told is one.",
    )
    tool_choice: Any = Field(default=None, description="`auto`, `none`, `required`, or a function of *tools*.")
    parallel_tool_calls: bool | None = Field(default=None, description="`false`: one call at most.")
    response_format: dict[str, Any] | None = Field(
        default=None,
        description="`json_object` or `json_schema`: the answer is asked for as JSON and checked before it is passed on; an "
        "answer that does not fit is the error `answer_malformed`.",
    )
    video_config: dict[str, Any] = Field(
        default={},
        description="For video models: `aspect_ratio`, `video_length` (6, 10), `resolution_name` (480p, 720p), `preset`.",
    )
    image_config: dict[str, Any] = Field(
        default={}, description="For image models: `n` (1 to 10), `size` or `aspect_ratio`, `quality`."
    )


class Completion(BaseModel):
    """The answer. *citations*, *generated_images*, *video* and ``usage.estimated`` are additions, there when they apply."""

    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: dict[str, Any]
    citations: list[str] | None = None
