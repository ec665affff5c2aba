from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway.calls.counting import CallMetrics, CountedCalls
from gateway.calls.model import ChatRequest, Ended, ImageRequest, Text
from gateway.errors import RateLimited, UpstreamOverloaded


class Maker:
    """Chats answer; images fail, at the beginning or after the first event."""

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncIterator[Any]:
        async def events() -> AsyncIterator[Any]:
            yield Text("a")
            yield Ended("stop", "a")

        yield events()

    @asynccontextmanager
    async def images(self, request: ImageRequest) -> AsyncIterator[Any]:
        if request.prompt == "early":
            raise RateLimited("x")

        async def events() -> AsyncIterator[Any]:
            yield Text("a")
            raise UpstreamOverloaded("x")

        yield events()


async def test_calls_are_counted_by_how_they_ended():
    registry = CollectorRegistry()
    calls = CountedCalls(Maker(), CallMetrics(registry))  # type: ignore[arg-type]
    async with calls.chat(ChatRequest((), "fast")) as events:
        assert len([event async for event in events]) == 2
    with pytest.raises(asyncio.CancelledError):  # as when its client goes
        async with calls.chat(ChatRequest((), "fast")) as events:
            await anext(aiter(events))
            raise asyncio.CancelledError
    with pytest.raises(RateLimited):
        async with calls.images(ImageRequest("early")):
            pass
    with pytest.raises(UpstreamOverloaded):
        async with calls.images(ImageRequest("late")) as images:
            [event async for event in images]
    async with calls.chat(ChatRequest((), "cut")) as events:
        await anext(aiter(events))  # enough of it: the words that were to end it came
    text = generate_latest(registry).decode()
    for kind, outcome in [
        ("chat", "left"),
        ("image", "rate_limited"),
        ("image", "upstream_overloaded"),
    ]:
        assert f'gateway_calls_total{{kind="{kind}",outcome="{outcome}"}} 1.0' in text
    assert 'gateway_calls_total{kind="chat",outcome="ok"} 2.0' in text
    assert 'gateway_call_first_event_seconds_count{kind="chat"} 3.0' in text
    assert 'gateway_calls_at_work{kind="chat"} 0.0' in text
