"""Counts calls, whoever makes them: how many of which kind ended how, and how long the first event took."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.calls.upstream import CallMaker
from gateway.errors import GatewayError, Internal

E = TypeVar("E")


class CallMetrics:
    """Made on a registry that is handed in. Outcomes: ``ok``, ``left`` (the client went away), or an error's code."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        to = registry if registry is not None else CollectorRegistry()
        self.calls = Counter("gateway_calls_total", "Chats and image requests.", ["kind", "outcome"], registry=to)
        self.at_work = Gauge("gateway_calls_at_work", "Chats and image requests under way.", ["kind"], registry=to)
        self.first_event_seconds = Histogram(
            "gateway_call_first_event_seconds",
            "From a call's beginning to its first piece: a token, a picture.",
            ["kind"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
            registry=to,
        )


class CountedCalls:
    """A CallMaker that counts what *maker* does."""

    def __init__(self, maker: CallMaker, metrics: CallMetrics) -> None:
        self._maker = maker
        self._metrics = metrics

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        return self._counted("chat", self._maker.chat(request))

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        return self._counted("image", self._maker.images(request))

    @asynccontextmanager
    async def _counted(
        self, kind: str, call: AbstractAsyncContextManager[AsyncIterator[E]]
    ) -> AsyncIterator[AsyncIterator[E]]:
        began = time.monotonic()
        outcome = "left"

        async def counted(events: AsyncIterator[E]) -> AsyncIterator[E]:
            nonlocal outcome
            first = True
            try:
                async for event in events:
                    if first:
                        first = False
                        self._metrics.first_event_seconds.labels(kind).observe(time.monotonic() - began)
                    yield event
            except Exception as exc:
                outcome = _code(exc)
                raise
            outcome = "ok"

        self._metrics.at_work.labels(kind).inc()
        opened = False
        try:
            async with call as events:
                opened = True
                yield counted(events)
        except Exception as exc:
            if not opened:
                outcome = _code(exc)
            raise
        finally:
            self._metrics.at_work.labels(kind).dec()
            self._metrics.calls.labels(kind, outcome).inc()


def _code(exc: Exception) -> str:
    return exc.code if isinstance(exc, GatewayError) else Internal.code
