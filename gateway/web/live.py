"""Answers that take a while: worked on while the client's end is watched, so that nothing works for one who left.

What goes wrong before the first byte is a real HTTP status; later it is told in the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.errors import GatewayError, Internal, ShuttingDown
from gateway.web.connection import while_connected
from gateway.web.services import Services
from gateway.web.sse import EventStream, Frame

log: Any = structlog.get_logger(__name__)

#: How an error is told to a client whose stream has begun.
Tell = Callable[[GatewayError], Sequence[Frame]]


class WatchedAnswer(Response):
    """Awaits *work* and sends what it returns; when the client leaves before, *work* is cancelled at once."""

    def __init__(self, work: Callable[[], Awaitable[Response]], services: Services) -> None:
        self._work = work
        self._services = services
        self.status_code = 200
        self.background = None
        self.init_headers({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Response | None = None

        async def run() -> None:
            nonlocal answer
            answer = await self._work()

        if await while_connected(receive, run(), _until_stopped(self._services)) and answer is not None:
            await answer(scope, receive, send)


class LiveStream(EventStream):
    """An event stream that begins with its first frame, or with a None, which says that the work is alive.

    tell: how an error is told once the stream has begun; what *frames* raises before that is raised.
    """

    def __init__(
        self,
        frames: AsyncGenerator[Frame | None, None],
        services: Services,
        *,
        tell: Tell,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(frames, stopping=services.stopping, heartbeat_s=services.heartbeat_s)
        self._services = services
        self._tell = tell
        self._begun = asyncio.Event()
        for name, value in (headers or {}).items():
            self.headers[name] = value

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            connected = await while_connected(
                receive, self._pump(send), self._beat(send), _until_stopped(self._services)
            )
        except Exception as exc:
            if not self._begun.is_set():
                raise
            for frame in self._tell(_known(exc)):
                await self._put(send, frame.encode())
            connected = True
        if connected:
            await self._begin(send)
            await send({"type": "http.response.body", "body": b""})

    async def _pump(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                await self._begin(send)
                if frame is not None:
                    await self._put(send, frame.encode())

    async def _begin(self, send: Send) -> None:
        if not self._begun.is_set():
            self._begun.set()
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})

    async def _beat(self, send: Send) -> None:
        await self._begun.wait()
        await super()._beat(send)


async def _until_stopped(services: Services) -> None:
    """Let the work go on for a while after the gateway was told to stop, then end it with an error."""
    await services.stopping.wait()
    await asyncio.sleep(services.settings.drain_s)
    raise ShuttingDown("The gateway is stopping; try again in a few seconds.", retry_after_s=5)


def _known(exc: Exception) -> GatewayError:
    if isinstance(exc, GatewayError):
        return exc
    log.exception("stream failed", exc_info=exc)
    return Internal("The gateway failed at this request; its log says why.")
