"""The wire of model lists."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Model(BaseModel):
    """A model. *supported_endpoint_types* (new-api's) for chat and image models only; *alias_of* where it is another name."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    supported_endpoint_types: list[str] | None = None
    alias_of: str | None = None


class ModelList(BaseModel):
    """All models, in OpenAI's form; *success* is for clients of new-api."""

    object: str = "list"
    data: list[Model]
    success: bool = True


class XaiModels(BaseModel):
    """Models of one kind, in xAI's form."""

    models: list[dict[str, Any]]
