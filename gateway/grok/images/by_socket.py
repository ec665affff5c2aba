"""Pictures from words over the imagine WebSocket, several requests one after the other until enough are there."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from browser.errors import BrowserError, TransportFailed, TransportRefused, TransportTimeout
from browser.transport import Socket
from gateway.calls.model import ImageRequest
from gateway.errors import AnswerCut, GatewayError, UpstreamError, UpstreamTimeout
from gateway.grok.client import GrokClient
from gateway.grok.exchange import from_browser
from gateway.grok.images.batch import Batch, Finished, Outcome, Shown
from gateway.grok.images.gallery import MODERATED, Gallery
from gateway.grok.wire.imagine import read_imagine
from gateway.grok.wire.problems import Problem, read_problem, read_stream_problem
from gateway.settings import Settings

ADDRESS = "wss://grok.com/ws/imagine/listen"
#: Pictures asked for with one request, by quality (upstream.md 2.7: about 6-8, and 4).
AT_ONCE: Mapping[str, int] = {"speed": 6, "quality": 4}


class SocketRetired(Exception):
    """The socket is not to be had, and nothing was made. *error* is what to raise when there is no other way."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


class SocketLimited(Exception):
    """The socket says that the limit is reached. problem: in its words."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


async def draw_by_socket(request: ImageRequest, client: GrokClient, gallery: Gallery, settings: Settings) -> None:
    """Fill *gallery*. Raises SocketRetired, SocketLimited, GatewayError."""
    asked = False
    try:
        async with client.lease.transport.open_socket(ADDRESS, timeout_s=settings.call_first_frame_timeout_s) as socket:
            easel = _Easel(request, client, gallery, settings, socket)
            await easel.reset()
            while gallery.missing:
                asked = True
                before = gallery.settled
                await easel.batch(min(gallery.missing, AT_ONCE[request.quality]), base=before)
                if gallery.settled == before:
                    return
    except TransportRefused as exc:
        if exc.status in {401, 402, 403}:
            raise client.exchange.refused(read_problem(exc.status, exc.headers, exc.body), rests=True) from exc
        raise SocketRetired(UpstreamError(f"the site's picture socket cannot be opened: {exc}")) from exc
    except TransportTimeout as exc:
        raise UpstreamTimeout(str(exc)) from exc
    except TransportFailed as exc:
        if not asked or not easel.heard:
            raise SocketRetired(UpstreamError(f"the site closed its picture socket: {exc}")) from exc
        raise AnswerCut(f"the site's picture socket broke off: {exc}") from exc
    except BrowserError as exc:
        raise from_browser(exc) from exc


class _Easel:
    """The open socket. heard: whether the site began anything."""

    def __init__(
        self, request: ImageRequest, client: GrokClient, gallery: Gallery, settings: Settings, socket: Socket
    ) -> None:
        self.heard = False
        self._request = request
        self._client = client
        self._gallery = gallery
        self._settings = settings
        self._socket = socket

    async def reset(self) -> None:
        await self._say({"type": "reset"})

    async def batch(self, count: int, *, base: int) -> None:
        """Ask for *count* pictures and see them through. base: number of the first one within the request."""
        request_id = str(uuid.uuid4())
        await self._say(self._question(request_id, count))
        clock = asyncio.get_running_loop().time
        batch = Batch(count, clock())
        silent_at = clock() + self._settings.call_first_frame_timeout_s
        try:
            while not batch.over(clock()) and not self._gallery.full:
                wait_s = max(0.01, min(silent_at, batch.due_at) - clock())
                try:
                    frame = read_imagine(await self._socket.receive(timeout_s=wait_s))
                except TransportTimeout:
                    if clock() >= silent_at:
                        raise
                    await self._tell(batch.expire(clock()), base)
                    continue
                silent_at = clock() + self._settings.call_idle_timeout_s
                if frame.request_id and frame.request_id != request_id:
                    continue  # of an earlier request
                if frame.error is not None:
                    self._refused(read_stream_problem(frame.error))
                self.heard = self.heard or bool(frame.job)
                await self._tell([*batch.see(frame, clock()), *batch.expire(clock())], base)
        except BaseException:
            await self._tell([found for found in batch.give_up() if isinstance(found, Finished)], base)
            raise

    def _refused(self, problem: Problem) -> None:
        """Raise what an error frame means."""
        if problem.word in {"rate-limit-exceeded", "rate-limited"} or problem.code == 8:
            raise SocketLimited(problem)
        raise self._client.exchange.refused(problem, rests=True)

    async def _tell(self, outcomes: list[Outcome], base: int) -> None:
        for found in outcomes:
            match found:
                case Shown():
                    await self._gallery.preview(base + found.number, found.blob, found.percent)
                case Finished():
                    self._gallery.take(found.url, blob=found.blob, prompt=found.prompt)
                case _:
                    self._gallery.refuse(MODERATED, found.reason)

    def _question(self, request_id: str, count: int) -> dict[str, Any]:
        return {
            "requestId": request_id,
            "text": self._request.prompt,
            "type": "input_text",
            "properties": {
                "section_count": 0,
                "is_kids_mode": False,
                "enable_nsfw": False,
                "skip_upsampler": False,
                "enable_side_by_side": True,
                "is_initial": False,
                "aspect_ratio": self._request.aspect_ratio,
                "enable_pro": self._request.quality == "quality",
                "num_generations": count,
            },
        }

    async def _say(self, content: dict[str, Any]) -> None:
        said = {
            "type": "conversation.item.create",
            "timestamp": int(time.time() * 1000),
            "item": {"type": "message", "content": [content]},
        }
        await self._socket.send(json.dumps(said, ensure_ascii=False))
