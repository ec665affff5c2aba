"""A call at work beside its caller: what it emits waits in a short queue, and leaving the block ends it at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeAlias, TypeVar

E = TypeVar("E")

#: Hands one event to the caller; waits while the caller does not take them.
Emit: TypeAlias = Callable[[E], Awaitable[None]]

#: Begins work that goes on beside the block it was handed out for.
Beside: TypeAlias = Callable[[Coroutine[Any, Any, None]], object]

#: Opening waits for the first event so long; then the call is known to be alive and the caller may begin to answer.
OPENING_S = 10.0
_QUEUED = 64


@asynccontextmanager
async def running(
    work: Callable[[Emit[E]], Awaitable[None]], *, opening_s: float = OPENING_S
) -> AsyncIterator[AsyncIterator[E]]:
    """Run *work* for the length of the block and yield its events.

    Entering waits for the first event, the end or the error of *work*, at most *opening_s*: what fails until then is raised
    here, later from the iterator. Leaving the block, however it is left, cancels *work* and waits for its clean-up.
    """
    channel: _Channel[E] = _Channel()
    async with beside() as begin:
        task = begin(channel.fill(work))
        try:
            await channel.begun(opening_s)
            yield channel.events()
        finally:
            task.cancel()


@asynccontextmanager
async def beside() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]]:
    """A task group for one block: it waits for what was begun in it, and an error of the block ends that, too.

    The block's own error leaves as it is, not within a group; what is begun deals with its errors itself.
    """
    tasks: list[asyncio.Task[None]] = []
    failed: Exception | None = None

    async with asyncio.TaskGroup() as group:

        def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
            tasks.append(group.create_task(work))
            return tasks[-1]

        try:
            yield begin
        except Exception as exc:
            failed = exc
            for task in tasks:
                task.cancel()
    if failed is not None:
        raise failed


class _Channel(Generic[E]):
    """Events from the working task to the caller, then one end."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[E | _End] = asyncio.Queue(_QUEUED)
        self._news = asyncio.Event()
        self._first: E | _End | None = None

    async def fill(self, work: Callable[[Emit[E]], Awaitable[None]]) -> None:
        """Do the work; never raises but CancelledError."""
        error: Exception | None = None
        try:
            await work(self._events.put)
        except Exception as exc:
            error = exc
        await self._events.put(_End(error))

    async def begun(self, within_s: float) -> None:
        """Wait for the first event, kept for `events`. Raises the error that came instead of it."""
        try:
            async with asyncio.timeout(within_s):
                self._first = await self._events.get()
        except TimeoutError:
            return
        if isinstance(self._first, _End) and self._first.error is not None:
            raise self._first.error

    async def events(self) -> AsyncGenerator[E, None]:
        while True:
            event = self._first if self._first is not None else await self._events.get()
            if isinstance(event, _End):
                self._first = event  # iterating again ends again
                if event.error is not None:
                    raise event.error
                return
            self._first = None
            yield event


class _End:
    """The last thing in the queue. error: None when all went well."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
