"""Pieces of the OpenAPI document that FastAPI cannot see, because bodies are read by `forms` and errors told by handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

DESCRIPTION = """\
Your own Grok account as an HTTP API, through a real browser that you signed in to.

Send your key as `Authorization: Bearer KEY` (make one with `gateway key create NAME`). Every error has the same shape and
every answer an `x-request-id`; quote it when you ask what went wrong.
"""


#: The groups of calls, in the order in which people look for them.
TAGS = [
    {"name": "Chat", "description": "As OpenAI's. Also without `/v1`. Image and video models answer here, too."},
    {"name": "Responses", "description": "As OpenAI's, without memory: send all earlier messages as `input`."},
    {"name": "Images", "description": "As OpenAI's, xAI's and grok2api's. Also without `/v1`."},
    {
        "name": "Videos (OpenAI, Dubrify, xAI, synchronous)",
        "description": "Paths that several APIs share. A request is understood by what it looks like; a prefix (`/openai`, "
        "`/xai`, `/dubrify`, `/newapi`, `/grok2api`) or the header `X-Gateway-Dialect` decides it outright.",
    },
    {"name": "Videos (OpenAI)", "description": "What only OpenAI's API has."},
    {"name": "Videos (new-api)", "description": "As new-api's: create a task, poll it, fetch `result_url`."},
    {"name": "Video tasks (grok2api)", "description": "Tasks with a live event stream, lists and uploads."},
    {"name": "Models", "description": "What the signed-in accounts have. Also without `/v1`."},
    {"name": "Files", "description": "Finished videos and pictures; links need no key."},
]


class ErrorBody(BaseModel):
    """What went wrong. *code* is stable; *param* names the field, where it was one."""

    message: str
    type: str
    param: str | None = None
    code: str


class ErrorAnswer(BaseModel):
    """The one shape of all errors."""

    error: ErrorBody


def _error(description: str, kind: str, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    example = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return {
        "model": ErrorAnswer,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


#: ``responses=`` of every router with keys.
ERRORS: dict[int | str, dict[str, Any]] = {
    400: _error(
        "The request cannot be done.", "invalid_request_error", "empty_prompt", "Prompt cannot be empty", "prompt"
    ),
    401: _error(
        "No key, or a wrong one.", "authentication_error", "invalid_api_key", "Incorrect API key provided: (none)."
    ),
    404: _error("Not there, or not yours.", "not_found_error", "task_not_found", "任务不存在"),
    429: _error("Too much waits already; `retry-after` says when to come back.", "rate_limit_error", "queue_full", "…"),
    503: _error("Not now; `retry-after` says when to come back.", "api_error", "shutting_down", "…"),
    # Also keeps FastAPI from promising a 422 that we never send.
    "4XX": _error("Any other mistake, in the same shape.", "invalid_request_error", "invalid_value", "…"),
}


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra=`` for a body of *model*: JSON, or the same fields as a form."""
    schema = _schema_of(model)
    examples = schema.pop("examples", [])
    media: dict[str, Any] = {"schema": schema}
    if examples:
        media["examples"] = {f"example {n}": {"value": example} for n, example in enumerate(examples, 1)}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def one_body_of(**models: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra=`` for a body in one of several APIs, by their names."""
    schemas, examples = [], {}
    for name, model in models.items():
        schema = _schema_of(model)
        for number, example in enumerate(schema.pop("examples", []), 1):
            examples[f"{name} {number}"] = {"value": example}
        schemas.append({**schema, "title": name})
    media = {"schema": {"anyOf": schemas}, "examples": examples}
    return {"requestBody": {"required": True, "content": {"application/json": media, "multipart/form-data": media}}}


def answers_of(answers: Mapping[int, Mapping[str, type[BaseModel]]]) -> dict[int | str, dict[str, Any]]:
    """``responses=`` for answers in one of several APIs, by status and by their names."""
    return {
        status: {
            "description": " or ".join(models),
            "content": {
                "application/json": {
                    "schema": {"anyOf": [{**_schema_of(model), "title": name} for name, model in models.items()]}
                }
            },
        }
        for status, models in answers.items()
    }


class Documented(FastAPI):
    """An application whose OpenAPI document is whole."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            self.openapi_schema = settled(super().openapi())
        return self.openapi_schema


def settled(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* with the definitions of models that stand inside of it moved to where its references point."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    _hoist(document["paths"], schemas)
    for unused in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which nobody is ever sent
        schemas.pop(unused, None)
    for methods in document["paths"].values():
        for operation in methods.values():
            operation.get("responses", {}).pop("422", None)
    return document


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/components/schemas/{model}")


def _hoist(place: Any, schemas: dict[str, Any]) -> None:
    match place:
        case dict():
            for name, schema in place.pop("$defs", {}).items():
                if schemas.setdefault(name, schema) != schema:
                    raise ValueError(f"two different models are called {name}")
            for inner in place.values():
                _hoist(inner, schemas)
        case list():
            for inner in place:
                _hoist(inner, schemas)


def upload_body(field: str) -> dict[str, Any]:
    """``openapi_extra=`` for a form with one file."""
    schema = {
        "type": "object",
        "required": [field],
        "properties": {field: {"type": "string", "format": "binary", "description": "PNG, JPEG or WebP, up to 50 MB."}},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
