"""What is settled before a request is routed: the spelling of its path, other origins, and who may come in without a key."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import InvalidRequest, PermissionDenied
from gateway.web.error_responses import to_error

_SLASHES = re.compile(r"/{2,}")

#: Headers of ours that scripts of other origins may read.
EXPOSED = (
    "x-request-id, retry-after, content-disposition, content-length, content-range, accept-ranges, etag, "
    "idempotent-replayed, openai-poll-after-ms, x-gateway-ignored, x-gateway-emulated, x-should-retry"
)


class OnePath:
    """``//v1/x/`` means ``/v1/x``: base URLs are pasted with and without slashes, and a redirect would lose a POST.

    No address of ours holds a NUL, which PostgreSQL takes in no text: it is refused before anything is looked up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            answer = to_error(InvalidRequest("The address of the request holds a NUL."))
            await JSONResponse(answer.body, status_code=answer.status)(scope, receive, send)
            return
        if scope["type"] in {"http", "websocket"}:
            # In place: the route found further in is read from this same scope by the request log.
            scope["path"] = _SLASHES.sub("/", scope["path"]).rstrip("/") or "/"
        await self._app(scope, receive, send)


class Pins:
    """Prefixes that say which API the rest of the path is meant in: ``/xai/v1/videos`` is ``/v1/videos``, pinned.

    split: tells a prefix from the path it stands before; (None, path) when there is none.
    """

    def __init__(self, app: ASGIApp, *, split: Callable[[str], tuple[object | None, str]]) -> None:
        self._app = app
        self._split = split

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            pin, path = self._split(scope["path"])
            if pin is not None:
                scope["path"] = path
                scope.setdefault("state", {})["pin"] = pin
        await self._app(scope, receive, send)


class AnyOrigin:
    """CORS for web pages that carry an API key: any origin, any header, and preflights answered without a key.

    Nothing is granted by this that a program could not do: no cookie of ours is ever accepted together with it. Paths below
    *but*, where cookies are, are left out.
    """

    def __init__(self, app: ASGIApp, *, but: str) -> None:
        self._app = app
        self._but = but

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_below(scope["path"], self._but):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS":
            await _preflight(headers)(scope, receive, send)
            return

        async def allow(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out["access-control-allow-origin"] = "*"
                out["access-control-expose-headers"] = EXPOSED
            await send(message)

        await self._app(scope, receive, allow if "origin" in headers else send)


def _preflight(asked: Headers) -> Response:
    headers = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "access-control-allow-headers": asked.get("access-control-request-headers", "*"),
        "access-control-max-age": "86400",
        "vary": "access-control-request-headers",
    }
    if asked.get("access-control-request-private-network") == "true":
        headers["access-control-allow-private-network"] = "true"
    return Response(status_code=204, headers=headers)


class LocalOnly:
    """For a gateway that serves without keys: only this machine's own programs and pages.

    Listening on loopback is not enough. A web page anywhere may point a name of its own at 127.0.0.1 (seen in Host), or
    simply post across origins (seen in Origin); both would spend the operator's account.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or (refused := _refused(Headers(scope=scope))) is None:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[:120]})
            return
        answer = to_error(PermissionDenied(refused))
        await JSONResponse(answer.body, status_code=answer.status)(scope, receive, send)


def _refused(headers: Headers) -> str | None:
    host = headers.get("host", "")
    if not is_loopback(host_name(host)):
        return (
            f"This gateway serves without API keys and only answers to loopback names, not to {host[:100]!r}; "
            "start it without --no-auth to use it under another name."
        )
    origin = headers.get("origin")
    if origin and not is_loopback(host_name(origin.partition("//")[2])):
        return (
            f"This gateway serves without API keys and takes no requests from the web page {origin[:100]!r}; "
            "start it without --no-auth and give the page a key."
        )
    return None


def is_below(path: str, folder: str) -> bool:
    """Whether *path* is *folder* or lies in it."""
    return path == folder or path.startswith(f"{folder}/")


def is_loopback(host: str) -> bool:
    """Whether *host* (a name or an address, without port) is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name or address in a ``Host`` header, lower case and without port and brackets; '' when it is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
