"""The models clients may name, what each stands for at the site, and what it can do. One table for every dialect.

Names come from the seeds and from what the site's own picker shows; further names clients send by default are aliases
(setting ``model_aliases``). What a signed-in account really offers is asked at ``/v1/models``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import ModelNotFound


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
    "sora-2": "grok-imagine-video",
    "sora-2-pro": "grok-imagine-video",
    "gpt-image-1": "grok-imagine-1.0",
    "gpt-image-1-mini": "grok-imagine-1.0",
    "gpt-image-1.5": "grok-imagine-1.0",
    "dall-e-2": "grok-imagine-1.0",
    "dall-e-3": "grok-imagine-1.0",
    "grok-2-image": "grok-imagine-1.0",
    "grok-2-image-1212": "grok-imagine-1.0",
    "gpt-4o": "grok-auto",
    "gpt-4o-mini": "grok-fast",
    "gpt-4.1": "grok-auto",
    "gpt-4.1-mini": "grok-fast",
    "gpt-5": "grok-expert",
    "gpt-5-mini": "grok-fast",
    "grok-2-latest": "grok-2",
    "grok-2-1212": "grok-2",
    "grok-3-latest": "grok-3",
    "grok-3-fast": "grok-3",
    "grok-3-mini-fast": "grok-3-mini",
    "grok-4-latest": "grok-4",
    "grok-4-0709": "grok-4",
    "grok-4-1-fast": "grok-4.1-fast",
    "grok-4-1-fast-reasoning": "grok-4.1-thinking",
    "grok-4-1-fast-non-reasoning": "grok-4.1-fast",
    "grok-4-fast-reasoning": "grok-4.1-thinking",
    "grok-4-fast-non-reasoning": "grok-4-fast",
    "grok-beta": "grok-auto",
}


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
    """Return the model *name* stands for, whatever it makes. Raises ModelNotFound."""
    if not name:
        raise ModelNotFound("Missing required parameter: 'model'.", param="model")
    target = aliases.get(name) or DEFAULT_ALIASES.get(name) or name
    model = MODELS.get(target)
    if model is None:
        raise ModelNotFound(
            f"The model `{name}` does not exist or you do not have access to it.",
            param="model",
        )
    return model
