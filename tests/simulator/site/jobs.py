"""Work on the server: it emits frames, and goes on whether or not anybody reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from tests.simulator.state.library import Conversation, Turn

Frame = dict[str, Any]


class Job:
    """One answer in the making. `frames` grows; any number of readers may follow it from the start."""

    def __init__(self, conversation: Conversation, human: Turn, answer: Turn, *, is_new: bool) -> None:
        self.conversation = conversation
        self.human = human
        self.answer = answer
        self.is_new = is_new
        self.frames: list[Frame] = []
        self.done = False
        self.on_done: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self.done = True
            for hook in self.on_done:
                hook()
            self._more.set()

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def emit(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._more.set()

    def emit_response(self, *, of: Turn | None = None, **fields: Any) -> None:
        """A frame under `result.response`, with the fields every one of them has."""
        common = {"isThinking": False, "isSoftStop": False, "responseId": (of or self.answer).id}
        self.emit({"result": {"response": fields | {k: v for k, v in common.items() if k not in fields}}})

    async def follow(self) -> AsyncIterator[Frame]:
        position = 0
        while True:
            while position < len(self.frames):
                position += 1
                yield self.frames[position - 1]
            if self.done:
                return
            self._more.clear()
            await self._more.wait()


class Jobs:
    """All jobs that run, so that stopping the program stops them."""

    def __init__(self) -> None:
        self.running: set[Job] = set()

    def start(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        self.running.add(job)
        job.on_done.append(lambda: self.running.discard(job))
        job.start(work)

    def stop(self) -> None:
        for job in list(self.running):
            job.cancel()
