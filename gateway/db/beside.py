"""Loops that run beside a block and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def beside(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.TaskGroup]:
    """Run *loops* while the block runs; they are cancelled at its end. Yields their group, to start more in it.

    A loop that fails cancels the block and is raised. What the block raises comes out as it is, not wrapped in a group.
    """
    ended: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(loop) for loop in loops]
        try:
            yield group
        except BaseException as exc:  # kept, not swallowed: raised again below
            ended = exc
        finally:
            for task in running:
                task.cancel()
    if ended is not None:
        raise ended
