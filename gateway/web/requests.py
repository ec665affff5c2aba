"""What happens around every request: its id, its log line, its metrics, and the last net under bugs.

Pure ASGI and outermost, so that it sees the whole answer, streams included, and adds no task of its own.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import Internal
from gateway.media.tail import TransferBroken
from gateway.telemetry import Metrics
from gateway.web.error_responses import respond

log: Any = structlog.get_logger("gateway.http")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
#: Signed links and ids of tasks tell nothing about the route; links are secrets besides.
_LINK = re.compile(r"^/media/[^/]+/")
QUIET = frozenset({"/livez", "/readyz", "/metrics", "/favicon.ico"})


class Requests:
    """The outermost middleware. leaving: once set, answers end their connections. clock: seconds, for durations."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        leaving: asyncio.Event,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._leaving = leaving
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = self._clock()
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                if self._leaving.is_set():  # a kept connection would soon be closed under somebody's request
                    headers.append((b"connection", b"close"))
                message = {**message, "headers": headers}
            await send(message)

        # Bound for this request only, so that every line logged on its behalf carries the id.
        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await self._app(scope, receive, tell)
            except TransferBroken as exc:
                # The body stays unfinished on purpose: the server then cuts the connection.
                log.warning("transfer broken", reason=str(exc))
            except Exception:
                log.exception("request failed", method=scope["method"], path=_shown(scope["path"]))
                if status:
                    return  # too late for an answer; the connection is cut
                await _answer_bug(scope, tell, request_id)
            finally:
                self._finish(scope, status, self._clock() - started)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "(none)"
        self._metrics.request(scope["method"], route, status or 499, seconds)
        path = scope["path"]
        poll = scope["method"] in {"GET", "HEAD", "OPTIONS"} and 200 <= status < 400
        level = "debug" if path in QUIET or poll else "info"
        caller = scope["state"].get("caller")
        getattr(log, level)(
            "request answered",
            method=scope["method"],
            path=_shown(path),
            status=status,
            ms=round(seconds * 1000, 1),
            key=getattr(caller, "key_id", None),
        )


async def _answer_bug(scope: Scope, send: Send, request_id: str) -> None:
    response = respond(
        Request(scope), Internal(f"The gateway failed at this request; its log says why under {request_id}.")
    )
    await response(scope, _nothing_to_receive, send)


async def _nothing_to_receive() -> Message:
    return {"type": "http.disconnect"}


def _request_id(scope: Scope) -> str:
    """The client's own id where it is a sensible one, so that both logs can be laid side by side."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(given):
                return given
    return f"req_{uuid.uuid4().hex}"


def _shown(path: str) -> str:
    return _LINK.sub("/media/…/", path)
