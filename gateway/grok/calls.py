"""Answers calls at the site: borrows a profile, has it work, and moves to another where that can do no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

import structlog

from gateway.calls.image_limits import check_images
from gateway.calls.model import CallNote, ChatEvent, ChatRequest, ImageEvent, ImageRequest
from gateway.calls.running import Emit, running
from gateway.errors import (
    BrowserFailed,
    DeadlineExceeded,
    GatewayError,
    NoProfileReady,
    ProfileNotReady,
    RateLimited,
    StalePage,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.grok.chat import talk as talking
from gateway.grok.chat.bodies import effective_mode
from gateway.grok.chat.forms import FormMemory
from gateway.grok.chat.talk import KIND as CHAT
from gateway.grok.chat.talk import talk
from gateway.grok.chat.transcript import flatten
from gateway.grok.images import drawing
from gateway.grok.images.decoys import DecoyBook
from gateway.grok.images.drawing import KIND as IMAGE
from gateway.grok.images.drawing import Drawing
from gateway.grok.images.ways import WayMemory
from gateway.grok.lending import lent, with_next_step
from gateway.grok.memory import ProfileMemory
from gateway.grok.mode_book import ModeBook
from gateway.grok.ports import Lease, Pool, SawOutcome
from gateway.grok.quota import QuotaBook
from gateway.grok.standing import why_lost
from gateway.media.assets import Media
from gateway.settings import Settings

log = structlog.get_logger(__name__)

E = TypeVar("E")

#: Profiles tried for one call when the site limits them one after the other.
PROFILES = 3


def rests_as(request: ChatRequest | ImageRequest) -> str:
    """The finer kind of work that a rate limit of this request rests, besides the kind itself."""
    return drawing.rests_as(request) if isinstance(request, ImageRequest) else talking.rests_as(request)


class GrokCallMaker:
    """Implements ``gateway.calls.upstream.CallMaker``."""

    def __init__(
        self,
        pool: Pool,
        media: Media,
        settings: Settings,
        *,
        memory: ProfileMemory | None = None,
        quota: QuotaBook | None = None,
        modes: ModeBook | None = None,
        outcome: SawOutcome = lambda _profile, _outcome: None,
    ) -> None:
        """quota and modes: what the site told of each profile, shared with whoever asks it. outcome: see ProfileMemory."""
        self._pool = pool
        self._media = media
        self._settings = settings
        self._memory = memory or ProfileMemory(cooldown_s=settings.cooldown_s, outcome=outcome)
        self._forms = FormMemory(settings.chat_protocol)
        self._ways = WayMemory()
        self._quota = QuotaBook() if quota is None else quota
        self._decoys = DecoyBook()
        self._modes = ModeBook() if modes is None else modes

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        """See the port. A text call may move to another profile before its first event."""

        async def work(emit: Emit[ChatEvent]) -> None:
            message = flatten(request.turns)
            mover = _Mover(emit, harmless=not message.images)

            async def once(lease: Lease) -> None:
                limit_s = self._settings.chat_timeout_s
                try:
                    async with asyncio.timeout(limit_s) as clock:
                        await talk(
                            request,
                            message,
                            lease,
                            mover.emit,
                            media=self._media,
                            settings=self._settings,
                            memory=self._memory,
                            forms=self._forms,
                        )
                except TimeoutError:
                    if not clock.expired():
                        raise
                    raise DeadlineExceeded(f"the site's answer took longer than {limit_s:g} s") from None

            lacking = self._modes.without(effective_mode(request), self._pool.status())
            await self._on_some_profile(CHAT, rests_as(request), mover, once, request.note, avoid=lacking)

        return running(work)

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        """See the port. Only a limit, met before anything was made, moves the request to another profile."""

        async def work(emit: Emit[ImageEvent]) -> None:
            check_images(request)
            mover = _Mover(emit, harmless=False)

            async def once(lease: Lease) -> None:
                await Drawing(
                    request,
                    lease,
                    mover.emit,
                    media=self._media,
                    settings=self._settings,
                    memory=self._memory,
                    forms=self._forms,
                    ways=self._ways,
                    quota=self._quota,
                    decoys=self._decoys,
                ).draw()

            await self._on_some_profile(IMAGE, rests_as(request), mover, once, request.note)

        return running(work)

    async def _on_some_profile(
        self,
        kind: str,
        detail: str,
        mover: _Mover[E],
        once: Callable[[Lease], Awaitable[None]],
        note: CallNote,
        *,
        avoid: Collection[str] = (),
    ) -> None:
        """Do it on the best profile but those to *avoid*; on others after errors that *mover* lets pass."""
        avoid = list(avoid)
        told: GatewayError | None = None
        while True:
            profile = ""
            try:
                async with lent(
                    self._pool, kind, detail=detail, avoid=avoid, timeout_s=self._settings.call_queue_timeout_s
                ) as lease:
                    profile = note.profile = lease.profile
                    await once(lease)
                    return
            except NoProfileReady as exc:
                raise with_next_step(told or exc) from None
            except GatewayError as exc:
                error = exc
                if isinstance(exc, BrowserFailed) and profile:
                    error = why_lost(self._pool, profile) or exc
                if not profile or not mover.may_move(error):
                    if isinstance(told, RateLimited) and isinstance(error, RateLimited) and not profile:
                        raise told from None
                    raise with_next_step(error) from exc.__cause__
                told = error
                log.info("call moves on", kind=kind, profile=profile, error=error.code, reason=error.message)
                if not isinstance(error, StalePage):  # that one is reloaded, and good again
                    avoid.append(profile)


class _Mover(Generic[E]):
    """Knows whether a call may still be made on another profile. harmless: asking twice costs nothing."""

    def __init__(self, emit: Emit[E], *, harmless: bool) -> None:
        self._emit = emit
        self._harmless = harmless
        self._begun = False
        self._moves = 0

    async def emit(self, event: E) -> None:
        self._begun = True
        await self._emit(event)

    def may_move(self, error: GatewayError) -> bool:
        self._moves += 1
        if self._begun:
            return False
        if isinstance(error, RateLimited):
            return self._moves < PROFILES
        if not self._harmless or not error.retryable or self._moves > 1 or isinstance(error, UpstreamTimeout):
            return False
        return isinstance(error, ProfileNotReady | UpstreamError | BrowserFailed)
