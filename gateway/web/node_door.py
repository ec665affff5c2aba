"""Where requests of other nodes come in, and where requests for profiles of other nodes go out."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import GatewayError, NoProfileReady, NotFound, ProfileNotReady
from gateway.nodes.signing import HEADER, Signer
from gateway.web.error_responses import to_error
from gateway.web.forwarding import CLIENT, Forwarder

#: Routes that check the signature themselves, over the body too.
OWN_DESK = "/node/"
#: What supervisors ask of every node.
ANYBODYS = frozenset({"/livez", "/readyz", "/metrics"})
#: Where the name of a profile says which node answers.
FOLDER = "/console/"
OF_A_PROFILE = re.compile(rf"{FOLDER}(?:api/)?live/([^/]+)(?:/|$)")
REMEMBERED_S = 2.0


class FromNodes:
    """Knows requests that another node handed over: ``scope["state"]["from_node"]``. closed: nobody else comes in (a worker)."""

    def __init__(self, app: ASGIApp, *, closed: bool) -> None:
        self._app = app
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or scope["path"].startswith(OWN_DESK):
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get(HEADER)
        try:
            if header:
                scope.setdefault("state", {})["from_node"] = self._checked(scope, header)
                if client := Headers(scope=scope).get(CLIENT):
                    scope["client"] = (client, 0)
            elif self._closed and scope["path"] not in ANYBODYS:
                raise NotFound("This node works for other nodes only; ask one that serves clients.")
        except GatewayError as exc:
            await _refuse(exc, scope, receive, send)
            return
        await self._app(scope, receive, send)

    @staticmethod
    def _checked(scope: Scope, header: str) -> str:
        signer: Signer = scope["app"].state.node_desk.signer
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        return signer.check(header, scope.get("method", "GET"), path, body=None)


class ToProfiles:
    """Hands requests about a profile's window to the node that has it.

    admit: raises for who may not look at a profile of that name. It is asked here already, so that nobody else learns from the
    answer which profiles there are and where; the other node asks again by itself.
    """

    def __init__(self, app: ASGIApp, *, admit: Callable[[HTTPConnection, str], Awaitable[object]]) -> None:
        self._app = app
        self._admit = admit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = OF_A_PROFILE.match(scope["path"]) if scope["type"] in {"http", "websocket"} else None
        if found is None or scope.get("state", {}).get("from_node"):
            await self._app(scope, receive, send)
            return
        where: ProfilePlaces = scope["app"].state.profile_places
        try:
            await self._admit(HTTPConnection(scope), found[1])
            node_id = await where.node_of(found[1])
            if node_id is None or node_id == where.forwarder.others.own:
                await self._app(scope, receive, send)
                return
            node = where.forwarder.others.find(node_id)
            if node is None:
                if _is_page(scope):
                    await self._app(scope, receive, send)  # which tells a person about it
                    return
                raise ProfileNotReady(
                    f"Profile {found[1]} lives on node {node_id}, which is not at work. Start that node, or take the profile "
                    f"over: gateway profile adopt {found[1]}",
                    retry_after_s=10,
                )
            hand_over = where.forwarder.http if scope["type"] == "http" else where.forwarder.websocket
            try:
                await hand_over(scope, receive, send, node)
            except NoProfileReady:
                if not _is_page(scope):
                    raise
                await self._app(scope, receive, send)
        except GatewayError as exc:
            await _refuse(exc, scope, receive, send)


class ProfilePlaces:
    """Which node has which profile; *look* asks the database."""

    def __init__(self, forwarder: Forwarder, look: Callable[[str], Awaitable[str | None]]) -> None:
        self.forwarder = forwarder
        self._look = look
        self._known: dict[str, tuple[float, str | None]] = {}

    async def node_of(self, profile: str) -> str | None:
        at, node = self._known.get(profile, (0.0, None))
        if time.monotonic() - at > REMEMBERED_S:
            node = await self._look(profile)
            self._known = {**self._known, profile: (time.monotonic(), node)} if len(self._known) < 1000 else {}
        return node


def _is_page(scope: Scope) -> bool:
    return (
        scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and not scope["path"].startswith(f"{FOLDER}api/")
    )


async def _refuse(exc: GatewayError, scope: Scope, receive: Receive, send: Send) -> None:
    is_socket = scope["type"] == "websocket"
    if is_socket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": exc.message[:120]})
        return
    page = scope.get("state", {}).get("error_page")  # below the console people read it
    if page is not None and not is_socket:
        await page(Request(scope), exc)(scope, receive, send)
        return
    answer = to_error(exc)
    await JSONResponse(answer.body, status_code=answer.status, headers=dict(answer.headers))(scope, receive, send)
