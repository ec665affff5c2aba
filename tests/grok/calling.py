"""A call maker over scripted profiles, and the frames it is answered with."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

from PIL import Image

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest, Role, Text, Turn
from gateway.grok.calls import GrokCallMaker
from gateway.settings import Settings
from tests.grok.frames import conversation, response, user
from tests.grok.many import ManyProfiles
from tests.grok.records import MemoryMedia
from tests.grok.script import NEW, Script

MGW = "SOCKET wss://grok.com/ws/mgw/"
IMAGINE = "SOCKET wss://grok.com/ws/imagine/listen"
START = [conversation(), user()]


class Calls:
    """One maker; by default one profile, ``a``, whose script is `script`."""

    def __init__(self, directory: Path, *names: str, places: int = 8, **settings: Any) -> None:
        given = {
            "call_first_frame_timeout_s": 0.3,
            "call_idle_timeout_s": 0.3,
            "call_queue_timeout_s": 0.1,
            "image_timeout_s": 5.0,
            **settings,
        }
        self.pool = ManyProfiles(*(names or ("a",)), places=places)
        self.media = MemoryMedia(directory)
        self.maker = GrokCallMaker(self.pool, self.media, Settings(data_dir=directory, _env_file=None, **given))  # type: ignore[arg-type]

    @property
    def script(self) -> Script:
        return self.pool.scripts["a"]

    def answers(self, *pieces: Any) -> Calls:
        """What the first profile's REST stream says."""
        self.script.on(NEW, list(pieces))
        return self

    async def chat(self, *turns: Turn | str, **request: Any) -> list[ChatEvent]:
        said = tuple(Turn(Role.USER, turn) if isinstance(turn, str) else turn for turn in turns or ("hi",))
        async with asyncio.timeout(60), self.maker.chat(ChatRequest(said, **{"mode": "fast", **request})) as events:
            return [event async for event in events]

    async def images(self, prompt: str = "a cat", **request: Any) -> list[ImageEvent]:
        async with asyncio.timeout(60), self.maker.images(ImageRequest(prompt, **request)) as events:
            return [event async for event in events]


def token(text: str, **fields: Any) -> dict[str, Any]:
    value = response(token=text, **fields)
    value["result"]["response"].update(fields)
    return value


def thought(text: str, tag: str = "summary") -> dict[str, Any]:
    return token(text, isThinking=True, messageTag=tag)


def whole(message: str, **fields: Any) -> dict[str, Any]:
    said = {
        "responseId": "R",
        "message": message,
        "sender": "assistant",
        "streamErrors": [],
        "partial": False,
        **fields,
    }
    return response(modelResponse=said)


def image(id: str = "J", progress: int = 100, **fields: Any) -> dict[str, Any]:  # noqa: A002
    part = "" if progress >= 100 else "-part-0"
    url = f"users/U/generated/{id}{part}/image.jpg"
    said = {"imageId": id, "imageUrl": url, "imageIndex": 0, "progress": progress, "moderated": False, **fields}
    return response(streamingImageGenerationResponse=said)


def image_file(id: str = "J") -> str:  # noqa: A002
    return f"https://assets.grok.com/users/U/generated/{id}/image.jpg"


def words(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def picture(width: int = 64, height: int = 48, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(buffer, kind)
    return buffer.getvalue()
