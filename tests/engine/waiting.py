"""Waiting for what a task does, by its events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from gateway.tasks.feed import Feed
from gateway.tasks.model import TaskEvent


async def until(feed: Feed, task_id: str, *types: str, after: int = 0, timeout_s: float = 10.0) -> list[TaskEvent]:
    """Return the events up to the first of one of *types* (by default: the final one)."""
    seen: list[TaskEvent] = []
    async with asyncio.timeout(timeout_s), aclosing(feed.follow(task_id, after=after)) as events:
        async for event in events:
            seen.append(event)
            if event.type in types:
                break
    return seen


def types(events: list[TaskEvent]) -> list[str]:
    return [event.type for event in events]
