"""One image request on one leased profile: which way it goes, and what it comes to.

From words: the imagine WebSocket, or where the site does not offer it to this profile, a chat that draws. From pictures: the
edit endpoint. At most one other way is tried, and none after a limit.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import structlog

from gateway.calls.image_limits import AUTO
from gateway.calls.model import (
    ChatEvent,
    ChatRequest,
    Ended,
    ImageEvent,
    ImageRequest,
    Picture,
    PictureRefused,
    Role,
    Turn,
)
from gateway.calls.running import Emit, beside
from gateway.errors import DeadlineExceeded, EmptyAnswer, GatewayError, NoImageInAnswer, RateLimited
from gateway.grok.chat.forms import FormMemory
from gateway.grok.chat.talk import talk
from gateway.grok.chat.transcript import Message
from gateway.grok.client import GrokClient
from gateway.grok.images.by_edit import edit
from gateway.grok.images.by_socket import SocketLimited, SocketRetired, draw_by_socket
from gateway.grok.images.decoys import DecoyBook
from gateway.grok.images.gallery import Gallery
from gateway.grok.images.ways import WayMemory
from gateway.grok.inputs import upload_inputs
from gateway.grok.memory import ProfileMemory
from gateway.grok.pictures import PictureStore
from gateway.grok.ports import Lease
from gateway.grok.quota import QuotaBook, with_known_end
from gateway.media.assets import Media
from gateway.settings import Settings

log = structlog.get_logger(__name__)

KIND = "image"
#: The site counts the two by quotas of their own (upstream.md 2.10): the limit of one says nothing of the other.
FROM_WORDS, EDITS = f"{KIND}:words", f"{KIND}:edits"
#: Pictures one chat answer is asked for at most.
BY_CHAT_AT_ONCE = 4


def rests_as(request: ImageRequest) -> str:
    """The kind of work that a rate limit of this request rests."""
    return EDITS if request.images else FROM_WORDS


class Drawing:
    """One attempt. memory, forms, ways and quota are shared with all others."""

    def __init__(
        self,
        request: ImageRequest,
        lease: Lease,
        emit: Emit[ImageEvent],
        *,
        media: Media,
        settings: Settings,
        memory: ProfileMemory,
        forms: FormMemory,
        ways: WayMemory,
        quota: QuotaBook,
        decoys: DecoyBook,
    ) -> None:
        self._request = request
        self._lease = lease
        self._emit = emit
        self._media = media
        self._settings = settings
        self._memory = memory
        self._forms = forms
        self._ways = ways
        self._quota = quota
        # An edit may well leave a picture as it was.
        self._repeats = None if request.images else partial(decoys.repeats, words=request.prompt)
        self._client = GrokClient(lease, memory, rests=rests_as(request))

    async def draw(self) -> None:
        """Make the pictures. Raises GatewayError when not a single one came of it."""
        store = PictureStore(
            self._lease, self._media, self._settings, self._request.key_id, self._request.prompt, self._repeats
        )
        async with beside() as begin:
            gallery = Gallery(self._request.count, self._emit, store, begin)
            error = await self._fill(gallery)
        await gallery.close(error)
        self._client.exchange.worked()

    async def _fill(self, gallery: Gallery) -> GatewayError | None:
        """Return what ended it early; pictures that were finished by then are kept."""
        limit_s = self._settings.image_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._by_some_way(gallery)
        except TimeoutError:
            return DeadlineExceeded(f"the site did not finish the pictures within {limit_s:g} s")
        except RateLimited as exc:
            lines = ("imageEdit",) if self._request.images else ("image", "imagePro")
            return await with_known_end(self._quota, self._client, exc, lines)
        except GatewayError as exc:
            return exc
        return None

    async def _by_some_way(self, gallery: Gallery) -> None:
        if self._request.images:
            files = await upload_inputs(self._client, self._media, self._request.images)
            await edit(self._request, files, self._client, gallery, self._settings)
            return
        profile = self._lease.profile
        if self._ways.by_socket(profile):
            try:
                await draw_by_socket(self._request, self._client, gallery, self._settings)
            except SocketRetired as exc:
                log.info("picture socket refused", profile=profile, reason=exc.error.message)
            except SocketLimited as exc:
                if not gallery.empty or not self._ways.limited(profile):
                    raise self._client.exchange.refused(exc.problem, rests=True) from exc
                log.info("picture socket always limited", profile=profile)
            else:
                self._ways.worked(profile)
                return
            if not gallery.empty:
                return
            self._ways.retired(profile)
        await self._by_chat(gallery)

    async def _by_chat(self, gallery: Gallery) -> None:
        """Ask in words until enough pictures are there."""
        while gallery.missing:
            before = gallery.settled
            said = await self._one_chat(gallery, min(gallery.missing, BY_CHAT_AT_ONCE))
            if gallery.settled == before:
                raise NoImageInAnswer(f"the site answered with text instead of a picture: {said[:500]}")

    async def _one_chat(self, gallery: Gallery, count: int) -> str:
        said = ""

        async def told(event: ChatEvent) -> None:
            nonlocal said
            match event:
                case Picture():
                    await gallery.made(replace(event, prompt=event.prompt or self._request.prompt))
                case PictureRefused():
                    gallery.refuse(event.code, event.reason)
                case Ended():
                    said = event.text

        words = self._words()
        request = ChatRequest((Turn(Role.USER, words),), "auto", search=False, draw=count, key_id=self._request.key_id)
        try:
            await talk(
                request,
                Message(words, ()),
                self._lease,
                told,
                media=self._media,
                settings=self._settings,
                memory=self._memory,
                forms=self._forms,
                rests=FROM_WORDS,
                drawing=True,
                repeats=self._repeats,
            )
        except EmptyAnswer:
            return said
        return said

    def _words(self) -> str:
        """The request as a chat understands it, which has no other place for the ratio."""
        ratio = self._request.aspect_ratio
        shape = "" if ratio in {AUTO, "1:1"} else f" (aspect ratio {ratio})"
        return f"Generate an image{shape}: {self._request.prompt}"
