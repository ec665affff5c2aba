"""The site of a node without browsers: nothing can be made here, and it says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.errors import NoProfileReady
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.upstream import Journal, Offer

RETRY_S = 10.0


class Nobody:
    """VideoMaker, CallMaker and Capacity of a node in the role ``api``."""

    async def make(self, task: Task, journal: Journal) -> VideoResult:
        del task, journal
        raise NoProfileReady("this node has no browsers", retry_after_s=RETRY_S)  # it offers nothing, so nothing comes

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        del request
        return _Refused()

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        del request
        return _Refused()

    def offers(self, kind: str) -> Sequence[Offer]:
        del kind
        return ()

    async def wait_changed(self, seen: int) -> int:
        """Nothing ever changes here after the first look."""
        if seen < 0:
            return 0
        await asyncio.Event().wait()
        return seen


class _Refused(AbstractAsyncContextManager[Any]):
    """A call that nobody takes."""

    async def __aenter__(self) -> Any:
        raise NoProfileReady(
            "no profile of any node can do this now; the gateway's operator finds the reason with: gateway profile list",
            retry_after_s=RETRY_S,
        )

    async def __aexit__(self, *_exc: object) -> None:
        return None
