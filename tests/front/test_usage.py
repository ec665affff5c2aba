"""Chats and pictures in the books: whose, with which model and API, how they ended; never what was said."""

import asyncio
from datetime import UTC, datetime, timedelta

from gateway.errors import RateLimited
from gateway.usage.report_sql import Wanted, report
from tests.front.scripted_calls import words


async def _until(front, count):
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    async with asyncio.timeout(60):
        while True:
            found = await report(front.app.state.db, Wanted(today - timedelta(days=1), today + timedelta(days=1)))
            if found.all.ended >= count:
                return found
            await asyncio.sleep(0.05)


async def test_calls_are_counted(front):
    chat = {"model": "grok-3", "messages": [{"role": "user", "content": "hello"}]}
    assert (await front.http.post("/v1/chat/completions", json=chat)).status_code == 200
    assert (await front.http.post("/v1/responses", json={"model": "grok-4", "input": "hello"})).status_code == 200
    pictures = {"model": "grok-imagine-1.0", "prompt": "a fox", "n": 2}
    assert (await front.http.post("/v1/images/generations", json=pictures)).status_code == 200
    front.site.calls.chat_script = [RateLimited("slow down")]
    assert (await front.http.post("/v1/chat/completions", json=chat)).status_code == 429
    found = await _until(front, 4)
    assert {name: (totals.succeeded, totals.ended) for name, totals in found.by["kind"].items()} == {
        "chat": (2, 3), "image": (1, 1),
    }  # fmt: skip
    assert {name: totals.ended for name, totals in found.by["dialect"].items()} == {
        "chat": 2, "responses": 1, "images": 1,
    }  # fmt: skip
    assert {name: totals.ended for name, totals in found.by["model"].items()} == {
        "grok-3": 2, "grok-4": 1, "grok-imagine-1.0": 1,
    }  # fmt: skip
    assert found.all.codes == {"rate_limited": 1} and found.by["kind"]["image"].made == 2
    assert len(found.by["key_id"]) == 1


async def test_who_leaves_is_told_from_what_failed(front):
    front.site.calls.chat_script = [*words("a", "b")[:1], 30.0]
    body = {"model": "grok-3", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    async with front.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        async for _ in answer.aiter_lines():
            break
    found = await _until(front, 1)
    assert (found.all.cancelled, found.all.failed) == (1, 0)
