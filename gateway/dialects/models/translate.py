"""From the model table to what clients list. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gateway.models import MODELS, Model, ModelKind

#: When the oldest names of the table came up; clients want a whole number and sort by it.
CREATED = 1_735_689_600
OWNER = "xai"

#: Clients drop the whole list over a value they do not know, so video models go without (C15).
ENDPOINTS: Mapping[ModelKind, str] = {ModelKind.CHAT: "openai", ModelKind.IMAGE: "image-generation"}

_IN: Mapping[ModelKind, list[str]] = {
    ModelKind.CHAT: ["text", "image"], ModelKind.IMAGE: ["text", "image"], ModelKind.VIDEO: ["text", "image"],
}  # fmt: skip
_OUT: Mapping[ModelKind, list[str]] = {
    ModelKind.CHAT: ["text"], ModelKind.IMAGE: ["image"], ModelKind.VIDEO: ["video"],
}  # fmt: skip
_PRICES: Mapping[ModelKind, tuple[str, ...]] = {
    ModelKind.CHAT: (
        "prompt_text_token_price", "cached_prompt_text_token_price", "prompt_image_token_price", "completion_text_token_price",
        "search_price",
    ),
    ModelKind.IMAGE: ("image_price",),
    ModelKind.VIDEO: (),
}  # fmt: skip


def named(
    allowed: Collection[str] | None, kinds: Collection[ModelKind], aliases: Mapping[str, str]
) -> dict[str, Model]:
    """Return what a key may use, by name: models, the operator's aliases, and whatever names it is kept to.

    allowed: those names, None for any. kinds: what the key may make. The built-in aliases work and are not listed: a list
    with other companies' names in it would promise what is not there.
    """
    names = dict(MODELS) | {name: MODELS[target] for name, target in aliases.items() if target in MODELS}
    return {
        name: model
        for name, model in names.items()
        if model.kind in kinds and (allowed is None or name in allowed or model.id in allowed)
    }


def to_model(name: str, model: Model) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": name, "object": "model", "created": CREATED, "owned_by": OWNER}
    if endpoint := ENDPOINTS.get(model.kind):
        shown["supported_endpoint_types"] = [endpoint]
    return shown if name == model.id else shown | {"alias_of": model.id}


def to_list(models: Mapping[str, Model]) -> dict[str, Any]:
    return {"object": "list", "data": [to_model(name, model) for name, model in models.items()], "success": True}


def to_xai(name: str, model: Model, aliases: Iterable[str]) -> dict[str, Any]:
    return {
        "id": name,
        "fingerprint": "",
        "created": CREATED,
        "object": "model",
        "owned_by": OWNER,
        "version": "1.0",
        "input_modalities": _IN[model.kind],
        "output_modalities": _OUT[model.kind],
        **dict.fromkeys(_PRICES[model.kind], 0),
        "aliases": sorted(aliases),
    }
