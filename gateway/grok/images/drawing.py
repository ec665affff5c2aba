"""One image request on one leased profile."""

from __future__ import annotations

from gateway.calls.model import ImageEvent, ImageRequest
from gateway.calls.running import Emit
from gateway.grok.images.ways import WayMemory
from gateway.grok.memory import ProfileMemory
from gateway.grok.ports import Lease
from gateway.grok.quota import QuotaBook
from gateway.media.assets import Media
from gateway.settings import Settings

KIND = "image"


class Drawing:
    def __init__(
        self,
        request: ImageRequest,
        lease: Lease,
        emit: Emit[ImageEvent],
        *,
        media: Media,
        settings: Settings,
        memory: ProfileMemory,
        ways: WayMemory,
        quota: QuotaBook,
    ) -> None:
        pass

    async def draw(self) -> None:
        raise NotImplementedError
