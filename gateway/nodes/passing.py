"""Chats and pictures on whichever node can do them: here first, else on one with a free place, else where one may come free.

What is passed on is the call itself (`gateway.calls`), not the client's HTTP request: its key, limits, pictures and words
were seen to here, and whatever fails comes back as the same error it would have been here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from prometheus_client import Counter

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.calls.upstream import CallMaker, NodeLost
from gateway.errors import BrowserFailed, GatewayError, NoProfileReady, ProfileNotReady, RateLimited
from gateway.nodes.model import Node
from gateway.nodes.neighbours import Neighbours
from gateway.nodes.remote import Busy, RemoteCalls, Unreachable

E = TypeVar("E")
log: Any = structlog.get_logger(__name__)

#: (kind, detail) → places free here now.
FreeHere = Callable[[str, str], int]
#: Nothing was begun at the site, so another may be asked.
NOT_BEGUN = (NoProfileReady, RateLimited)
#: Asking twice for words costs nothing; pictures count against a quota.
HARMLESS = (*NOT_BEGUN, ProfileNotReady, BrowserFailed, NodeLost)
MOST_NODES = 4


@dataclass(frozen=True, slots=True)
class _Call(Generic[E]):
    """One call, not yet entered. there: (node, also wait for a place). movable: what lets it be tried elsewhere."""

    kind: str
    detail: str
    here: Callable[[], AbstractAsyncContextManager[AsyncIterator[E]]]
    there: Callable[[Node, bool], AbstractAsyncContextManager[AsyncIterator[E]]]
    movable: tuple[type[GatewayError], ...]


class CallsAnywhere:
    """A CallMaker over the one of this node (*here*) and those of the *others*.

    detail_of: the finer kind a request rests as. passed_on: counts by kind and what the other
    node said. is_able: whether a profile here does such work at all, busy or not.
    """

    def __init__(
        self,
        here: CallMaker,
        others: Neighbours,
        remote: RemoteCalls,
        *,
        free_here: FreeHere,
        is_able: Callable[[str, str], bool],
        detail_of: Callable[[ChatRequest | ImageRequest], str],
        passed_on: Counter | None = None,
    ) -> None:
        self._here = here
        self._others = others
        self._remote = remote
        self._free_here = free_here
        self._is_able = is_able
        self._detail_of = detail_of
        self._passed_on = passed_on

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        detail = self._detail_of(request)

        def there(node: Node, wait: bool) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
            return self._remote.chat(node, request, detail=detail, wait=wait)

        movable = NOT_BEGUN if any(turn.images for turn in request.turns) else HARMLESS
        return self._entered(_Call("chat", detail, lambda: self._here.chat(request), there, movable))

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        detail = self._detail_of(request)

        def there(node: Node, wait: bool) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
            return self._remote.images(node, request, detail=detail, wait=wait)

        return self._entered(_Call("image", detail, lambda: self._here.images(request), there, NOT_BEGUN))

    @asynccontextmanager
    async def _entered(self, call: _Call[E]) -> AsyncIterator[AsyncIterator[E]]:
        async with AsyncExitStack() as stack:
            yield await self._begin(call, stack)

    async def _begin(self, call: _Call[E], stack: AsyncExitStack) -> AsyncIterator[E]:
        """Enter the call at the first place that takes it."""
        told: GatewayError | None = None
        if not self._others.live:
            return await stack.enter_async_context(call.here())
        if self._free_here(call.kind, call.detail):
            try:
                return await stack.enter_async_context(call.here())
            except call.movable as exc:
                told = exc
        for node in self._others.with_places(call.kind, call.detail)[:MOST_NODES]:
            try:
                events = await stack.enter_async_context(call.there(node, False))
            except Busy:
                self._count(call.kind, "busy")
                continue
            except Unreachable as exc:
                self._others.avoid(node)
                self._count(call.kind, "unreachable")
                log.warning("node cannot be reached", node=node.id, address=node.address, reason=str(exc))
                continue
            except call.movable as exc:
                told = told or exc
            else:
                self._count(call.kind, "taken")
                log.info("call passed on", kind=call.kind, node=node.id)
                return events
        if told is not None:
            raise told
        return await self._wait(call, stack)

    def _count(self, kind: str, how: str) -> None:
        if self._passed_on is not None:
            self._passed_on.labels(kind, how).inc()

    async def _wait(self, call: _Call[E], stack: AsyncExitStack) -> AsyncIterator[E]:
        """Nobody has a place: wait where one may come free. Where nobody ever could, this node says why."""
        kind, detail = call.kind, call.detail
        able: Sequence[Node] = () if self._is_able(kind, detail) else self._others.able(kind, detail)
        for node in able:
            try:
                return await stack.enter_async_context(call.there(node, True))
            except (Busy, Unreachable):
                self._others.avoid(node)
        return await stack.enter_async_context(call.here())
