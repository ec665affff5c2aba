"""Chats and pictures as a script says: a CallMaker without a site."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from gateway.calls.image_limits import check_images
from gateway.calls.model import (
    ChatEvent,
    ChatRequest,
    Ended,
    ImageEvent,
    ImageRequest,
    Picture,
    PicturePreview,
    Role,
    Text,
)
from gateway.calls.running import Emit, running
from gateway.media.assets import AssetKind, Media
from tests.front.material import picture

Step = ChatEvent | ImageEvent | Exception | float | Callable[[], Awaitable[Any]]


class ScriptedCalls:
    """Answers what it is told to answer. chat_script, image_script: events, errors to raise, seconds to wait, or things to await.

    Without a script a chat echoes the last message in words, and an image request gets its pictures with a preview each.
    """

    def __init__(self) -> None:
        self.media: Media
        self.chats: list[ChatRequest] = []
        self.images_asked: list[ImageRequest] = []
        self.chat_script: Sequence[Step] | None = None
        self.image_script: Sequence[Step] | None = None
        self.script_of: Callable[[ChatRequest], Sequence[Step]] = echo
        self.stopped_at: list[float] = []
        self.finished = 0
        self.opening_s = 10.0

    @property
    def last(self) -> ChatRequest:
        return self.chats[-1]

    def chat(self, request: ChatRequest) -> AbstractAsyncContextManager[AsyncIterator[ChatEvent]]:
        self.chats.append(request)

        async def work(emit: Emit[ChatEvent]) -> None:
            script = self.chat_script if self.chat_script is not None else self.script_of(request)
            await self._play(script, emit)

        return running(work, opening_s=self.opening_s)

    def images(self, request: ImageRequest) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        self.images_asked.append(request)

        async def work(emit: Emit[ImageEvent]) -> None:
            check_images(request)
            script = self.image_script
            if script is None:
                made = [await self.made(f"{request.prompt} {number}") for number in range(request.count)]
                script = [step for number, one in enumerate(made) for step in (preview(number), one)]
            await self._play(script, emit)

        return running(work, opening_s=self.opening_s)

    async def made(self, prompt: str = "", *, kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> Picture:
        """A finished picture in the store."""
        suffix, media_type = {"JPEG": (".jpg", "image/jpeg"), "PNG": (".png", "image/png")}[kind]
        asset = await self.media.add(
            picture(kind, size),
            kind=AssetKind.IMAGE,
            suffix=suffix,
            media_type=media_type,
            width=size[0],
            height=size[1],
        )
        return Picture(asset.id, size[0], size[1], media_type, prompt)

    async def _play(self, script: Sequence[Step], emit: Emit[Any]) -> None:
        try:
            for step in script:
                match step:
                    case Exception():
                        raise step
                    case float() | int():
                        await asyncio.sleep(step)
                    case _ if callable(step):
                        await step()
                    case _:
                        await emit(step)
        except asyncio.CancelledError:
            self.stopped_at.append(time.monotonic())
            raise
        self.finished += 1


def echo(request: ChatRequest) -> list[Step]:
    said = next((turn.text for turn in reversed(request.turns) if turn.role is Role.USER), "")
    text = f"You said: {said}"
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    return [*map(Text, pieces), Ended("stop", text)]


def preview(index: int, percent: int = 50) -> PicturePreview:
    return PicturePreview(index, picture("JPEG", (16, 12)), "image/jpeg", percent)


def words(*pieces: str) -> list[Step]:
    """An answer in these pieces."""
    return [*map(Text, pieces), Ended("stop", "".join(pieces))]
