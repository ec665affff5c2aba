"""The driven port of interactive work; ``gateway.grok`` implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.errors import AnswerCut


class NodeLost(AnswerCut):
    """The gateway's node that worked on the call was lost; what it asked the site for is not known."""


class CallMaker(Protocol):
    """Opens a call under a lease of its own. Leaving the block, however it is left, stops the site within 20 ms.

    Entering waits for the first event, at most ten seconds while the site is at work: what fails until then is raised by
    entering, so that the caller can send a real HTTP status; what fails later is raised by iterating. All errors are
    GatewayError. NoProfileReady: nobody can do it, and why; RateLimited: with ``retry_after_s``.

    chat: ends with Ended, or raises (EmptyAnswer, AnswerCut, ContentModerated …). A text call may be tried again on another
    profile before its first event, once, or on up to three when the site limits them.
    images: pictures as they are finished, previews between them; once one is finished nothing is raised any more, and what
    is missing is told by PictureRefused. Without a single picture it raises (ContentModerated when all were refused).
    """

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]: ...

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]: ...
