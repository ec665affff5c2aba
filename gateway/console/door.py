"""The console's door: which names it answers to, which pages may make it change something, what browsers are told.

Host      loopback names, the address that was connected to, the host of GATEWAY_PUBLIC_URL, GATEWAY_CONSOLE_HOSTS.
          A web page that points a name of its own here (DNS rebinding) is refused.
Origin    a change, or a WebSocket, has to come from a page of ours: Sec-Fetch-Site says so, else Origin does.
          A program that sends neither is no browser, and carries no cookie that its user did not give it; a WebSocket
          without Origin is refused all the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console.access import signed_in
from gateway.console.headers import HEADERS
from gateway.errors import GatewayError, InvalidRequest, PermissionDenied
from gateway.settings import Settings
from gateway.web.doorway import host_name, is_below, is_loopback
from gateway.web.error_responses import ErrorPage

FOLDER = "/console"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

#: What is taken from those who are not signed in, and how much.
STRANGERS_FORMS = frozenset(
    f"{FOLDER}/{word}" for word in ("login", "setup", "logout", "preferences", "api/live-grants/exchange")
)
SMALL_BYTES = 16 * 1024
#: Guests of the live view have no session; these routes ask who is there before they read anything.
GUESTS_PATHS = re.compile(rf"{FOLDER}/api/live/[^/]+/files")


class ConsoleDoor:
    """Stands before everything below ``/console``. *error_page*: how errors there are told."""

    def __init__(self, app: ASGIApp, *, settings: Settings, error_page: ErrorPage) -> None:
        self._app = app
        self._error_page = error_page
        public = urlsplit(settings.public_url)
        self._public_netloc = public.netloc.lower()
        named = {word.strip().lower() for word in settings.console_hosts.split(",") if word.strip()}
        self._names = frozenset(named | {public.hostname or "", settings.host.strip("[]")} - {"", "0.0.0.0", "::"})  # noqa: S104

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or not is_below(scope["path"], FOLDER):
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        if scope["type"] == "websocket":
            if refused is None:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": refused[:120]})
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        scope.setdefault("state", {})["error_page"] = self._error_page
        exc = PermissionDenied(refused) if refused else await _stranger(Request(scope))
        if exc is None:
            await self._app(scope, receive, tell)
        else:
            await self._error_page(Request(scope), exc)(scope, receive, tell)

    def _refused(self, scope: Scope, headers: Headers) -> str | None:
        """Return why this request is not let in, None when it is."""
        if scope.get("state", {}).get("from_node"):
            return None  # the door of the node that it came through has asked already
        host = host_name(headers.get("host", ""))
        if not (is_loopback(host) or host in self._names or _is_address_of(scope, host)):
            return (
                f"The console does not answer to the name {host[:100]!r}. If it is yours, set "
                f"GATEWAY_CONSOLE_HOSTS={host[:100]} (or GATEWAY_PUBLIC_URL) and start the gateway again."
            )
        if scope["type"] == "websocket":
            return None if self._is_ours(headers) else "This connection was not opened by a page of this console."
        if scope["method"] in SAFE or _is_plain_program(headers) or self._is_ours(headers):
            return None
        return "This change was not asked for by a page of this console; open the console itself and try again."

    def _is_ours(self, headers: Headers) -> bool:
        fetched_by = headers.get("sec-fetch-site")
        if fetched_by is not None and fetched_by not in {"same-origin", "none"}:
            return False
        origin = headers.get("origin")
        if origin is None or (origin == "null" and fetched_by == "same-origin"):
            return fetched_by == "same-origin"
        netloc = origin.partition("//")[2].lower()
        return netloc in self._own_addresses(headers)

    def _own_addresses(self, headers: Headers) -> Collection[str]:
        forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip().lower()
        own = {headers.get("host", "").lower(), self._public_netloc}
        if host_name(forwarded) in self._names or is_loopback(host_name(forwarded)):
            own.add(forwarded)
        return own - {""}


async def _stranger(request: Request) -> GatewayError | None:
    """Return the error for a change that nobody signed in asks for: forms are read before routes ask who is there."""
    if request.method in SAFE or GUESTS_PATHS.fullmatch(request.url.path):
        return None
    if request.url.path in STRANGERS_FORMS:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) <= SMALL_BYTES:
            return None
        return InvalidRequest("This form is larger than it can be.")
    try:
        await signed_in(request)
    except GatewayError as exc:
        return exc
    return None


def _is_address_of(scope: Scope, host: str) -> bool:
    """Whether *host* is the very address this connection was made to: a number, which nobody can point elsewhere."""
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address((scope.get("server") or ("",))[0])
    except ValueError:
        return False


def _is_plain_program(headers: Headers) -> bool:
    return "origin" not in headers and "sec-fetch-site" not in headers
