"""Counts calls, whoever makes them: how many of which kind ended how, how long the first event took, and for the books who
asked for what."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest, Picture
from gateway.calls.model import Ended as AnswerEnded
from gateway.calls.upstream import CallMaker
from gateway.errors import GatewayError, Internal
from gateway.usage.ended import Ended, Outcome

E = TypeVar("E")
OK, LEFT = "ok", "left"


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
    """A CallMaker that counts what *maker* does. note: told of every call that is over."""

    def __init__(
        self, maker: CallMaker, metrics: CallMetrics, *, note: Callable[[Ended], None] = lambda ended: None
    ) -> None:
        self._maker = maker
        self._metrics = metrics
        self._note = note

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        return self._counted("chat", request, self._maker.chat(request))

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        return self._counted("image", request, self._maker.images(request))

    @asynccontextmanager
    async def _counted(
        self, kind: str, request: ChatRequest | ImageRequest, call: AbstractAsyncContextManager[AsyncIterator[E]]
    ) -> AsyncIterator[AsyncIterator[E]]:
        began = time.monotonic()
        outcome = LEFT
        seen = _Seen()

        async def counted(events: AsyncIterator[E]) -> AsyncIterator[E]:
            nonlocal outcome
            try:
                async for event in events:
                    if seen.first_after_s is None:
                        seen.first_after_s = time.monotonic() - began
                        self._metrics.first_event_seconds.labels(kind).observe(seen.first_after_s)
                    if isinstance(event, Picture):
                        seen.pictures += 1
                        seen.size_bytes += event.size_bytes
                    if isinstance(event, AnswerEnded):
                        outcome = OK
                    yield event
            except Exception as exc:
                outcome = _code(exc)
                raise
            outcome = OK

        self._metrics.at_work.labels(kind).inc()
        try:
            async with call as events:
                yield counted(events)
            if outcome == LEFT:
                outcome = OK  # the caller had enough: its own stop words, or as many tokens as it wanted
        except Exception as exc:
            outcome = _code(exc)
            raise
        finally:
            self._metrics.at_work.labels(kind).dec()
            self._metrics.calls.labels(kind, outcome).inc()
            self._note(_ended(kind, request, outcome, seen, took_s=time.monotonic() - began))


@dataclass(slots=True)
class _Seen:
    """What came of a call so far."""

    first_after_s: float | None = None
    pictures: int = 0
    size_bytes: int = 0


def _ended(kind: str, request: ChatRequest | ImageRequest, outcome: str, seen: _Seen, *, took_s: float) -> Ended:
    ways = {OK: Outcome.SUCCEEDED, LEFT: Outcome.CANCELLED}
    return Ended(
        at=datetime.now(UTC),
        kind=kind,
        key_id=request.key_id,
        model=request.note.model,
        dialect=request.note.dialect,
        outcome=ways.get(outcome, Outcome.FAILED),
        profile=request.note.profile,
        code="" if outcome in ways else outcome,
        took_s=took_s,
        waited_s=took_s if seen.first_after_s is None else seen.first_after_s,
        made=seen.pictures,
        size_bytes=seen.size_bytes,
    )


def _code(exc: Exception) -> str:
    return exc.code if isinstance(exc, GatewayError) else Internal.code
