"""Calls made on another node: the same port as at home, over one HTTP request each, streamed both ways at once.

The answer begins with a word (accepted, busy) before any work, so that a node which is dead or hangs costs some
seconds and not a client's patience; beats in between tell that it still lives. Leaving closes the connection, which the
other node sees at once, and stops the site as if its own client had left.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2
import structlog

from gateway.calls.model import CallNote, ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.calls.running import Emit, running
from gateway.calls.upstream import NodeLost
from gateway.nodes.client import CONNECT_S, NodeClient
from gateway.nodes.model import Node
from gateway.nodes.signing import Signer
from gateway.nodes.wire import Word, error_from_json, event_from_json, request_to_json

#: The other node beats every `BEAT_S`; silence for longer than this means that it is gone.
BEAT_S, SILENCE_S = 1.0, 4.0
PATH = "/node/v1/calls/"


class Busy(Exception):
    """The node has no free place after all."""


class Unreachable(Exception):
    """The node did not take the call: nothing was begun there."""


class RemoteCalls:
    """Asks other nodes."""

    def __init__(self, client: NodeClient, signer: Signer) -> None:
        self._client = client
        self._signer = signer

    def chat(
        self, node: Node, request: ChatRequest, *, detail: str, wait: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        """As `CallMaker.chat`. wait: also for a place there. Raises Busy, Unreachable besides what the call raises."""
        said = {"kind": "chat", "detail": detail, "wait": wait, "request": request_to_json(request)}

        async def work(emit: Emit[ChatEvent]) -> None:
            await self._ask(node, said, emit, request.note)

        return running(work)

    def images(
        self, node: Node, request: ImageRequest, *, detail: str, wait: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        """As `CallMaker.images`, and as `chat`."""
        said = {"kind": "image", "detail": detail, "wait": wait, "request": request_to_json(request)}

        async def work(emit: Emit[ImageEvent]) -> None:
            await self._ask(node, said, emit, request.note)

        return running(work)

    async def _ask(self, node: Node, said: dict[str, Any], emit: Emit[Any], note: CallNote) -> None:
        path = PATH + said["kind"]
        body = json.dumps(said).encode()
        headers = {"content-type": "application/json", **self._signer.sign("POST", path, to=node.id, body=body)}
        if request_id := structlog.contextvars.get_contextvars().get("request"):
            headers["x-request-id"] = str(request_id)  # so that both nodes' logs can be laid side by side
        timeout = httpx2.Timeout(SILENCE_S, connect=CONNECT_S, pool=CONNECT_S)
        accepted = False
        try:
            client = await self._client.opened()
            async with client.stream(
                "POST", node.address + path, content=body, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code != 200:
                    raise Unreachable(await _refusal(answer))
                async for text in answer.aiter_lines():
                    heard = json.loads(text)
                    if (word := heard.get("word")) is not None:
                        accepted = accepted or word == Word.ACCEPTED
                        if word == Word.BUSY:
                            raise Busy(f"node {node.id} has no free place")
                        if word == Word.END:
                            return
                    elif "profile" in heard:
                        note.profile = str(heard["profile"])
                    elif "error" in heard:
                        raise error_from_json(heard["error"])
                    elif "event" in heard and (event := event_from_json(heard)) is not None:
                        await emit(event)
            raise httpx2.RemoteProtocolError("it ended its answer early")
        except (httpx2.HTTPError, httpx2.StreamError, ValueError) as exc:
            why = str(exc) or type(exc).__name__
            if accepted:
                raise NodeLost(f"the gateway's node that worked on this was lost ({why}); ask again") from exc
            raise Unreachable(why) from exc


async def _refusal(answer: httpx2.Response) -> str:
    """What a node said instead of taking the call."""
    try:
        said = json.loads(await answer.aread())
        return str(said["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"it answered with status {answer.status_code}"
