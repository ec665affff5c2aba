"""Calls that another node passed on: made here, and only here, and told line by line (`gateway.nodes.wire`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.calls.model import CallNote, ChatRequest
from gateway.calls.upstream import CallMaker
from gateway.errors import GatewayError, Internal, InvalidRequest, NotFound, ShuttingDown
from gateway.nodes.remote import BEAT_S
from gateway.nodes.signing import HEADER, Signer
from gateway.nodes.wire import (
    CallEvent,
    Word,
    chat_from_json,
    error_line,
    event_line,
    images_from_json,
    profile_line,
    word_line,
)
from gateway.web.connection import while_connected

log: Any = structlog.get_logger(__name__)

#: Of a call: words, and names of pictures that are in the media store already.
BODY_LIMIT = 64 * 1024 * 1024

router = APIRouter(prefix="/node/v1", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class NodeDesk:
    """What other nodes may ask of this one. free_here: (kind, detail) → places free now; drain_s: what work under way is
    given once the gateway stops."""

    signer: Signer
    calls: CallMaker
    free_here: Callable[[str, str], int]
    stopping: asyncio.Event
    drain_s: float


@router.post("/calls/{kind}")
async def call(kind: Literal["chat", "image"], request: Request) -> Response:
    """A chat (`chat`) or pictures (`image`)."""
    desk: NodeDesk = request.app.state.node_desk
    body = await _signed_body(request, desk)
    try:
        said = json.loads(body)
        detail, wait = str(said["detail"]), bool(said["wait"])
        asked = chat_from_json(said["request"]) if kind == "chat" else images_from_json(said["request"])
    except (ValueError, KeyError, TypeError) as exc:
        raise InvalidRequest(f"This call cannot be read ({type(exc).__name__}); the nodes' versions differ.") from exc
    if desk.stopping.is_set() or (not wait and not desk.free_here(kind, detail)):
        return Response(word_line(Word.BUSY), media_type="application/x-ndjson")
    made: AbstractAsyncContextManager[AsyncIterator[Any]]
    made = desk.calls.chat(asked) if isinstance(asked, ChatRequest) else desk.calls.images(asked)
    return CallAnswer(made, desk, asked.note)


async def _signed_body(request: Request, desk: NodeDesk) -> bytes:
    header = request.headers.get(HEADER)
    if not header:
        raise NotFound("There is nothing here for clients.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise InvalidRequest("This call is too large.")
    desk.signer.check(header, request.method, request.url.path, body=bytes(body))
    return bytes(body)


class CallAnswer(Response):
    """Enters *made* and tells what comes of it, and for the other node's books whose work it is (*note*). When the other node
    leaves, the call is left, too."""

    def __init__(
        self, made: AbstractAsyncContextManager[AsyncIterator[CallEvent]], desk: NodeDesk, note: CallNote
    ) -> None:
        self._made = made
        self._desk = desk
        self._note = note
        self._told = ""
        self._sending = asyncio.Lock()
        self.status_code = 200
        self.background = None
        self.init_headers({"content-type": "application/x-ndjson", "cache-control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._put(send, word_line(Word.ACCEPTED))
        connected = True
        try:
            connected = await while_connected(receive, self._pump(send), self._beat(send), self._stopped())
        except Exception as exc:
            await self._put(send, error_line(_known(exc)))
        else:
            if connected:
                await self._put(send, word_line(Word.END))
        if connected:
            await send({"type": "http.response.body", "body": b""})

    async def _pump(self, send: Send) -> None:
        async with self._made as events:
            async for event in events:
                await self._put(send, event_line(event))

    async def _beat(self, send: Send) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            await self._put(send, word_line(Word.BEAT))

    async def _stopped(self) -> None:
        await self._desk.stopping.wait()
        await asyncio.sleep(self._desk.drain_s)
        raise ShuttingDown("The gateway is stopping; try again in a few seconds.", retry_after_s=5)

    async def _put(self, send: Send, data: bytes) -> None:
        async with self._sending:
            if self._note.profile != self._told:
                self._told = self._note.profile
                data = profile_line(self._told) + data
            await send({"type": "http.response.body", "body": data, "more_body": True})


def _known(exc: Exception) -> GatewayError:
    if isinstance(exc, GatewayError):
        return exc
    log.exception("passed-on call failed", exc_info=exc)
    return Internal("The gateway failed at this request; its log says why.")
