"""The client's end of a long answer: work that stops at once when nobody listens any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def while_connected(receive: Receive, *works: Coroutine[Any, Any, None]) -> bool:
    """Run *works* side by side until the first of them ends or the client leaves; then end the others.

    Returns whether the client is still there. What a work raises is raised. Needed because the server drops writes to a
    client that is gone without a word; only reading tells.
    """
    gone = False
    running: list[asyncio.Task[None]] = []

    async def leave() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        for work in running[:-1]:
            work.cancel()  # at once: whatever else is ready to run stands behind it in the loop

    try:
        async with asyncio.TaskGroup() as group:
            running += [group.create_task(work) for work in (*works, leave())]
            for task in running:
                task.add_done_callback(lambda _: [other.cancel() for other in running])
    except BaseExceptionGroup as failed:
        # Not `except*`: until Python 3.11.4 that wraps what is raised in a group again.
        raise _first(failed) from None
    return not gone


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
