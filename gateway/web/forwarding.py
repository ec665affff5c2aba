"""Handing a whole request over to another node, HTTP or WebSocket: what only the node that has the profile (or the half-made
file) can answer. Streamed both ways; the client's leaving is passed on; the other node asks for key or session by itself.

A request that came from a node is marked by a signature and is answered where it arrives, whatever it is: nothing goes round.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.http11 import Response as WsResponse
from websockets.typing import Origin, Subprotocol

from gateway.errors import GatewayError, NoProfileReady
from gateway.nodes.client import CONNECT_S, NodeClient
from gateway.nodes.model import Node
from gateway.nodes.neighbours import Neighbours
from gateway.nodes.signing import HEADER, Signer
from gateway.web.connection import while_connected

log: Any = structlog.get_logger(__name__)

MESSAGE_LIMIT = 16 * 1024 * 1024
OPEN_S = 5.0
#: Whose request it is: the address that the first node saw. Believed only with a signature.
CLIENT = "x-gateway-client"
#: Of one connection, not of what it carries (RFC 9110, 7.6.1); and what this node says itself.
_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_BACK = _HOP | {"date", "server", "x-request-id"}
_NOT_TO_SOCKETS = _HOP | {"host", "origin", "content-length", HEADER, CLIENT}


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Passes requests on to *others*."""

    client: NodeClient
    signer: Signer
    others: Neighbours

    async def http(self, scope: Scope, receive: Receive, send: Send, node: Node) -> None:
        """Have *node* answer. Raises NoProfileReady when it cannot be reached, before anything was sent."""
        path = _path(scope)
        headers = [
            (name, value)
            for name, value in scope["headers"]
            if name.decode("latin-1") not in _HOP and name.decode("latin-1") not in {HEADER, CLIENT}
        ]
        headers += _encoded(self._marks(scope, node, path))
        client = await self.client.opened()
        request = client.build_request(
            scope["method"],
            httpx2.URL(node.address).copy_with(raw_path=path.encode("latin-1")),
            headers=headers,
            content=_body(scope, receive),
            timeout=httpx2.Timeout(None, connect=CONNECT_S, pool=CONNECT_S),
        )
        try:
            answer = await client.send(request, stream=True)
        except (httpx2.HTTPError, httpx2.StreamError) as exc:
            self.others.avoid(node)
            raise _unreachable(node, exc) from exc
        try:
            await send(
                {"type": "http.response.start", "status": answer.status_code, "headers": _back(answer.headers.raw)}
            )
            await while_connected(receive, _pump(answer, send))
        finally:
            await answer.aclose()

    async def websocket(self, scope: Scope, receive: Receive, send: Send, node: Node) -> None:
        """Have *node* talk to the client; a refusal there closes here, with its reason."""
        await receive()  # websocket.connect
        path = _path(scope)
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in scope["headers"]
            if (plain := name.decode("latin-1")) not in _NOT_TO_SOCKETS and not plain.startswith("sec-websocket-")
        ]
        origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)
        try:
            there = await connect(
                "ws" + node.address.removeprefix("http") + path,
                additional_headers=[*headers, *self._marks(scope, node, path).items()],
                origin=None if origin is None else Origin(origin),
                user_agent_header=None,
                subprotocols=[Subprotocol(one) for one in scope.get("subprotocols", ())] or None,
                compression=None,
                open_timeout=OPEN_S,
                max_size=MESSAGE_LIMIT,
                max_queue=2,  # what is not read here waits there, where old frames are dropped
                proxy=None,
            )
        except InvalidStatus as exc:
            await _denied(scope, send, exc.response)
            return
        except (OSError, TimeoutError, InvalidHandshake) as exc:
            self.others.avoid(node)
            await send({"type": "websocket.close", "code": 1013, "reason": _unreachable(node, exc).message[:120]})
            return
        async with there:
            await send({"type": "websocket.accept", "subprotocol": there.subprotocol, "headers": []})
            async with asyncio.TaskGroup() as group:
                both = [group.create_task(work) for work in (_from_client(receive, there), _from_node(there, send))]
                for task in both:
                    task.add_done_callback(lambda _: [other.cancel() for other in both])

    def _marks(self, scope: Scope, node: Node, path: str) -> dict[str, str]:
        method = scope.get("method", "GET")
        marks: dict[str, str] = self.signer.sign(method, path, to=node.id, body=None)
        asked = dict(scope["headers"])
        if b"x-forwarded-proto" not in asked:
            scheme = str(scope["scheme"])
            marks["x-forwarded-proto"] = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        if b"x-forwarded-host" not in asked:
            marks["x-forwarded-host"] = asked.get(b"host", b"").decode("latin-1")
        if scope.get("client"):
            marks[CLIENT] = str(scope["client"][0])
        if b"x-request-id" not in asked and (request_id := scope.get("state", {}).get("request_id")):
            marks["x-request-id"] = str(request_id)
        return marks


class ForwardedAnswer(Response):
    """An answer that another node gives. otherwise: raised when that node cannot be reached."""

    def __init__(self, forwarder: Forwarder, node: Node, *, otherwise: GatewayError) -> None:
        self._forwarder = forwarder
        self._node = node
        self._otherwise = otherwise
        self.status_code = 200
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._forwarder.http(scope, receive, send, self._node)
        except NoProfileReady:
            raise self._otherwise from None


async def _denied(scope: Scope, send: Send, said: WsResponse) -> None:
    """Refuse a WebSocket as the other node did."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": f"refused with status {said.status_code}"})
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.headers.raw_items()]
    start = {"type": "websocket.http.response.start", "status": said.status_code, "headers": _back(headers)}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": said.body or b""})


def _body(scope: Scope, receive: Receive) -> AsyncIterator[bytes] | None:
    """The request's body as it comes, None where there is none."""
    headers = dict(scope["headers"])
    if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
        return None
    return _received(receive)


async def _received(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise httpx2.StreamError("the client left")
        more = message.get("more_body", False)
        if piece := message.get("body"):
            yield piece


async def _pump(answer: httpx2.Response, send: Send) -> None:
    async for piece in answer.aiter_raw():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _from_client(receive: Receive, there: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            await there.send(text if text is not None else message["bytes"])
    code = message.get("code")
    # 1005 and 1006 say that none came: the client's line broke, and nobody may send them.
    await there.close(1001 if code in {None, 1005, 1006} else code)


async def _from_node(there: ClientConnection, send: Send) -> None:
    with suppress(OSError, RuntimeError):  # the client is gone, which `_from_client` hears as well
        with suppress(ConnectionClosed):
            async for message in there:
                if isinstance(message, str):
                    await send({"type": "websocket.send", "text": message})
                else:
                    await send({"type": "websocket.send", "bytes": message})
        code = there.close_code if there.close_code not in {None, 1005, 1006} else 1011
        await send({"type": "websocket.close", "code": code, "reason": there.close_reason or ""})


def _path(scope: Scope) -> str:
    """The path as it was asked for, with its query."""
    query = str(scope["query_string"], "latin-1")
    return str(scope["raw_path"], "latin-1") + (f"?{query}" if query else "")


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _back(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [(name.lower(), value) for name, value in headers]
    return [
        (name, value)
        for name, value in kept
        if (plain := name.decode("latin-1")) not in _NOT_BACK and not plain.startswith("access-control-")
    ]


def _unreachable(node: Node, exc: Exception) -> NoProfileReady:
    log.warning("node cannot be reached", node=node.id, address=node.address, reason=str(exc) or type(exc).__name__)
    return NoProfileReady(f"node {node.id}, which has this, cannot be reached now", retry_after_s=5.0)
