"""The driven port of interactive work; ``gateway.grok`` implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest


class CallMaker(Protocol):
    """Opens a call under a lease of its own. Leaving the block, however it is left, stops the site within 20 ms.

    Opening raises before anything was answered (so that the caller can send a real HTTP status); iterating raises later.
    All errors are GatewayError. Text calls may be tried again on another profile before their first event, once.
    """

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]: ...

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]: ...
