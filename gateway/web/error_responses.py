"""Every error as an HTTP answer, in the one shape that all clients parse:

    {"error": {"message": "…", "type": "…", "param": null, "code": "…"}}

Dialects may say it differently for their own paths: a router that depends on ``speaks(to_error)`` answers with what that
function makes of the error, anything else with `to_error`. Nothing of our inside reaches a client.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from gateway import errors
from gateway.errors import GatewayError, InvalidJson, InvalidRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as it is told to a client: HTTP status, body, further headers."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


ToError = Callable[[GatewayError], Answer]
#: Makes a page of an error. A part of the house that speaks to people puts one on the request's state, as ``error_page``.
ErrorPage = Callable[[Request, GatewayError], Response]

#: Status, type, and code where clients know another word than ours. Most specific class wins.
ERRORS: Mapping[type[GatewayError], tuple[int, str, str | None]] = {
    errors.InvalidRequest: (400, "invalid_request_error", None),
    errors.ModelNotFound: (400, "invalid_request_error", None),
    errors.AuthenticationFailed: (401, "authentication_error", "invalid_api_key"),
    errors.PermissionDenied: (403, "permission_error", None),
    errors.NotFound: (404, "not_found_error", None),
    errors.ResultExpired: (410, "not_found_error", None),
    errors.IdempotencyConflict: (409, "invalid_request_error", None),
    errors.VideoNotReady: (400, "invalid_request_error", None),
    errors.TaskFinished: (400, "invalid_request_error", None),
    errors.ContentModerated: (400, "invalid_request_error", "content_policy_violation"),
    errors.ContextTooLong: (400, "invalid_request_error", None),
    errors.CapacityError: (429, "rate_limit_error", "rate_limit_exceeded"),
    errors.QueueFull: (429, "rate_limit_error", None),
    errors.ShuttingDown: (503, "api_error", None),
    errors.DatabaseUnavailable: (503, "api_error", None),
    errors.MediaUnavailable: (503, "api_error", None),
    errors.ProfileNotReady: (503, "api_error", None),
    errors.UpstreamError: (502, "api_error", None),
    errors.UpstreamRefused: (400, "invalid_request_error", None),
    errors.GenerationError: (502, "api_error", None),
    errors.Cancelled: (400, "invalid_request_error", None),
    errors.DeadlineExceeded: (504, "api_error", None),
    errors.StorageFull: (503, "api_error", None),
    errors.BrowserFailed: (502, "api_error", None),
    GatewayError: (500, "api_error", None),
}

#: What a client is told to wait when nobody knows better, by status (seconds).
RETRY_AFTER_S: Mapping[int, float] = {429: 10, 503: 5}


def to_error(exc: GatewayError, table: Mapping[type[GatewayError], tuple[int, str, str | None]] = ERRORS) -> Answer:
    """Return the answer for any error of the tree; *table*: a dialect's own statuses and words."""
    status, kind, code = next(table[cls] for cls in type(exc).__mro__ if cls in table)
    body: dict[str, Any] = {
        "error": {"message": exc.message, "type": kind, "param": exc.param, "code": code or exc.code}
    }
    if status == 401:
        body["detail"] = "未授权访问"
    elif isinstance(exc, InvalidFields):
        body["detail"] = exc.detail
    return Answer(status, body, retry_headers(status, exc.retry_after_s))


def retry_headers(status: int, retry_after_s: float | None) -> Mapping[str, str]:
    wait_s = retry_after_s if retry_after_s is not None else RETRY_AFTER_S.get(status)
    return {} if wait_s is None else {"retry-after": str(max(1, math.ceil(wait_s)))}


class InvalidFields(InvalidRequest):
    """Fields of the wrong kind. detail: each of them in FastAPI's form, without what was sent."""

    def __init__(self, message: str, *, param: str | None, detail: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(message, param=param)
        self.detail = detail


def invalid_fields(found: Iterable[Mapping[str, Any]]) -> InvalidRequest:
    """Turn pydantic's errors into ours: the first one as the message, all of them as the detail."""
    listed = [
        {"type": error["type"], "loc": list(error["loc"]), "msg": error["msg"].removeprefix("Value error, ")}
        for error in found
    ]
    first = listed[0]
    if first["type"] == "json_invalid":
        return InvalidJson("The request body is not valid JSON.")
    place = [str(part) for part in first["loc"] if part not in {"body", "query", "path", "header"}]
    param = ".".join(place) or None
    if first["type"] == "missing":
        message = f"Missing required parameter: '{param}'."
    else:
        message = f"Invalid value for '{param}': {first['msg']}." if param else f"{first['msg']}."
    return InvalidFields(message, param=param, detail=listed)


def speaks(say: ToError) -> Callable[[Request], Awaitable[None]]:
    """A dependency for routers: errors of their routes are told by *say*. Put it first."""

    async def choose(request: Request) -> None:
        request.state.to_error = say

    return choose


def respond(request: Request, exc: GatewayError) -> Response:
    """Answer *request* with *exc*, in the words of its dialect, or as a page where people look at it."""
    page: ErrorPage | None = getattr(request.state, "error_page", None)
    if page is not None:
        return page(request, exc)
    say: ToError = getattr(request.state, "to_error", to_error)
    answer = say(exc)
    how = {"www-authenticate": "Bearer"} if answer.status == 401 else {}
    return JSONResponse(answer.body, status_code=answer.status, headers={**how, **answer.headers})


class UnknownPath(errors.NotFound):
    """Nothing answers at this path."""

    code = "unknown_path"


class WrongMethod(InvalidRequest):
    """The path is known and does not take this method."""

    code = "method_not_allowed"


def install(app: FastAPI, say_at: Callable[[Request], ToError] = lambda _: to_error) -> None:
    """Make every error of *app* leave in our shape. Bugs are caught further out, by the request log.

    say_at: how errors are told at a path that no route took.
    """

    @app.exception_handler(GatewayError)
    async def ours(request: Request, exc: GatewayError) -> Response:
        return respond(request, exc)

    @app.exception_handler(RequestValidationError)
    async def parameters(request: Request, exc: RequestValidationError) -> Response:
        return respond(request, invalid_fields(exc.errors()))

    known = _KnownPaths(app)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, exc: HTTPException) -> Response:
        if getattr(request.state, "error_page", None) is not None:
            return respond(request, _as_ours(exc))
        return _framework(request, exc, known, say_at(request))


class _KnownPaths:
    """What paths there are and what each takes, as documented; gathered when the first request goes astray."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._methods: Mapping[str, Sequence[str]] | None = None

    def methods(self) -> Mapping[str, Sequence[str]]:
        """Methods by path pattern."""
        if self._methods is None:
            paths = self._app.openapi()["paths"]
            self._methods = {path: sorted(word.upper() for word in operations) for path, operations in paths.items()}
        return self._methods

    def near(self, path: str) -> Sequence[str]:
        return difflib.get_close_matches(path, sorted(self.methods()), n=3, cutoff=0.6)

    def taken_at(self, path: str) -> Sequence[str]:
        """The methods that *path* takes."""
        fitting = {
            method
            for pattern, methods in self.methods().items()
            if re.fullmatch(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(pattern)), path)
            for method in methods
        }
        return sorted(fitting)


def _as_ours(exc: HTTPException) -> GatewayError:
    if exc.status_code == 404:
        return UnknownPath("There is nothing at this address.")
    return WrongMethod(f"This address cannot be used that way ({str(exc.detail).rstrip('.')}).")


def _framework(request: Request, exc: HTTPException, known: _KnownPaths, say: ToError) -> JSONResponse:
    """What the framework refuses by itself: unknown paths, wrong methods."""
    path, headers = request.url.path, dict(exc.headers or {})
    told: GatewayError
    if exc.status_code == 404:
        near = known.near(path)
        hint = f" Did you mean {' or '.join(near)}?" if near else " See /docs for what there is."
        told = UnknownPath(f"There is nothing at {request.method} {path}.{hint}")
    elif exc.status_code == 405:
        headers["Allow"] = ", ".join(known.taken_at(path)) or headers.get("Allow", "")
        told = WrongMethod(f"{path} does not take {request.method}; it takes {headers['Allow']}.")
    else:
        told = InvalidRequest(str(exc.detail)) if exc.status_code < 500 else GatewayError(str(exc.detail))
    body = {"detail": told.message, **say(told).body}
    return JSONResponse(body, status_code=exc.status_code, headers=headers)
