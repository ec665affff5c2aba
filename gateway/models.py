"""The models clients may name, what each stands for at the site, and what it can do. One table for every dialect.

Names come from the seeds and from what the site's own picker shows; further names clients send by default are aliases
(setting ``model_aliases``). What a signed-in account really offers is asked at ``/v1/models``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import InvalidRequest, ModelNotFound


class ModelKind(StrEnum):
    """What a model produces."""

    VIDEO = "video"
    CHAT = "chat"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Model:
    """One name a client may use.

    mode: the site's chat mode. rest_name: the site's older model name for the same (before April 2026). thinking: None
    leaves reasoning to the mode. pictures: fewest and most input pictures; max_seconds: longest video, and
    max_seconds_references: the longest made from several pictures (longer ones are clamped to it). paid: only accounts with a
    subscription have it.
    """

    id: str
    kind: ModelKind
    mode: str = "auto"
    rest_name: str = "grok-3"
    thinking: bool | None = None
    pictures: tuple[int, int] = (0, 7)
    max_seconds: int = 15
    max_seconds_references: int = 10
    paid: bool = False


def _chat(name: str, mode: str, rest_name: str, thinking: bool | None = None) -> Model:
    return Model(
        name, ModelKind.CHAT, mode=mode, rest_name=rest_name, thinking=thinking, pictures=(0, 10), paid=mode == "heavy"
    )


_ALL = (
    Model("grok-imagine-1.0-video", ModelKind.VIDEO),
    Model("grok-imagine-video", ModelKind.VIDEO),
    Model("grok-imagine-0.9", ModelKind.VIDEO),
    Model("grok-image-video", ModelKind.VIDEO),
    Model("grok-video-1.5", ModelKind.VIDEO, pictures=(1, 1)),
    Model("grok-imagine-1.0", ModelKind.IMAGE, pictures=(0, 16)),
    Model("grok-imagine-image", ModelKind.IMAGE, pictures=(0, 16)),
    Model("grok-imagine-image-quality", ModelKind.IMAGE, mode="quality", pictures=(0, 16)),
    _chat("grok-auto", "auto", "grok-4"),
    _chat("grok-fast", "fast", "grok-3"),
    _chat("grok-expert", "expert", "grok-4", True),
    _chat("grok-heavy", "heavy", "grok-4-heavy", True),
    _chat("grok-2", "fast", "grok-3"),
    _chat("grok-3", "fast", "grok-3"),
    _chat("grok-3-mini", "fast", "grok-3"),
    _chat("grok-3-thinking", "expert", "grok-3", True),
    _chat("grok-4", "expert", "grok-4", True),
    _chat("grok-4-fast", "fast", "grok-4-mini-thinking-tahoe"),
    _chat("grok-4-heavy", "heavy", "grok-4-heavy", True),
    _chat("grok-4.1", "auto", "grok-4-1-thinking-1129"),
    _chat("grok-4.1-fast", "fast", "grok-4-1-non-thinking-w-tool", False),
    _chat("grok-4.1-thinking", "expert", "grok-4-1-thinking-1129", True),
    _chat("grok-420", "grok-420-computer-use-sa", "grok-420"),
)

MODELS: Mapping[str, Model] = {model.id: model for model in _ALL}

#: Names that clients of other services send when nothing is chosen; settings add to them or replace them.
DEFAULT_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "sora-2", "sora-2-pro", "sora-2-2025-10-06", "sora-2-2025-12-08", "sora-2-pro-2025-10-06",
            "grok-imagine-video-latest", "grok-imagine-video-1.5",
        ),
        "grok-imagine-video",
    ),
    **dict.fromkeys(
        (
            "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-2", "chatgpt-image-latest", "dall-e-2", "dall-e-3",
            "grok-2-image", "grok-2-image-1212", "grok-2-image-latest",
        ),
        "grok-imagine-1.0",
    ),
    "grok-imagine-image-pro": "grok-imagine-image-quality",
    **dict.fromkeys(
        (
            "gpt-3.5-turbo", "gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini", "gpt-5-nano", "gpt-5.1-mini",
            "gpt-5.4-mini", "gpt-5.4-nano",
        ),
        "grok-fast",
    ),
    **dict.fromkeys(
        (
            "gpt-4", "gpt-4-turbo", "gpt-4o", "chatgpt-4o-latest", "gpt-4.1", "gpt-5-chat-latest", "gpt-5.1-chat-latest",
            "grok-beta", "grok-latest",
        ),
        "grok-auto",
    ),
    **dict.fromkeys(
        ("gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.5", "o1", "o3", "o3-mini", "o4-mini"), "grok-expert"
    ),
    **dict.fromkeys(("grok-2-latest", "grok-2-1212", "grok-2-vision", "grok-2-vision-1212"), "grok-2"),
    **dict.fromkeys(("grok-3-latest", "grok-3-fast", "grok-3-fast-latest"), "grok-3"),
    **dict.fromkeys(("grok-3-mini-latest", "grok-3-mini-fast", "grok-3-mini-fast-latest"), "grok-3-mini"),
    **dict.fromkeys(
        ("grok-4-latest", "grok-4-0709", "grok-4.3", "grok-4.5", "grok-4.6", "grok-4.7"), "grok-4"
    ),
    "grok-4-fast-non-reasoning": "grok-4-fast",
    **dict.fromkeys(
        (
            "grok-4-1-fast", "grok-4-1-fast-non-reasoning", "grok-4.20-non-reasoning", "grok-4.20-0309-non-reasoning",
            "grok-code-fast-1",
        ),
        "grok-4.1-fast",
    ),
    **dict.fromkeys(
        (
            "grok-4-fast-reasoning", "grok-4-1-fast-reasoning", "grok-4.20-reasoning", "grok-4.20-0309-reasoning",
        ),
        "grok-4.1-thinking",
    ),
}  # fmt: skip


def resolve(name: str | None, kind: ModelKind, aliases: Mapping[str, str]) -> Model:
    """Return the model *name* stands for. aliases: settings' over the defaults. Raises ModelNotFound, also for a model of
    another kind (the message says which kind it is)."""
    model = find(name, aliases)
    if model.kind is not kind:
        raise ModelNotFound(
            f"The model `{name}` does not exist for this: it makes {model.kind.value}s, not {kind.value}s.",
            param="model",
        )
    return model


def find(name: str | None, aliases: Mapping[str, str]) -> Model:
    """Return the model *name* stands for, whatever it makes. Raises ModelNotFound, InvalidRequest (none is named)."""
    if not name:
        raise InvalidRequest("Missing required parameter: 'model'.", param="model")
    target = aliases.get(name) or DEFAULT_ALIASES.get(name) or name
    model = MODELS.get(target)
    if model is None:
        raise ModelNotFound(
            f"The model `{name}` does not exist or you do not have access to it.",
            param="model",
        )
    return model
