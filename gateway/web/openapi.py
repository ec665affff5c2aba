"""Pieces of the OpenAPI document that FastAPI cannot see, because bodies are read by `forms` and errors told by handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

DESCRIPTION = """\
Your own Grok account as an HTTP API, through a real browser that you signed in to.

Send your key as `Authorization: Bearer KEY` (make one with `gateway key create NAME`). Every error has the same shape and
every answer an `x-request-id`; quote it when you ask what went wrong.
"""


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
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    examples = schema.pop("examples", [])
    media: dict[str, Any] = {"schema": schema}
    if examples:
        media["examples"] = {f"example {n}": {"value": example} for n, example in enumerate(examples, 1)}
    return {"requestBody": {"required": True, "content": {"application/json": media}}}


def one_body_of(**models: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra=`` for a body in one of several APIs, by their names."""
    schemas, examples = [], {}
    for name, model in models.items():
        schema = model.model_json_schema()
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
                    "schema": {
                        "anyOf": [{**model.model_json_schema(), "title": name} for name, model in models.items()]
                    }
                }
            },
        }
        for status, models in answers.items()
    }


def upload_body(field: str) -> dict[str, Any]:
    """``openapi_extra=`` for a form with one file."""
    schema = {
        "type": "object",
        "required": [field],
        "properties": {field: {"type": "string", "format": "binary", "description": "PNG, JPEG or WebP, up to 50 MB."}},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
