"""What an image request has brought so far: finished pictures are told at once, refusals when all is over.

Partial results are results: once one picture is finished, what is missing is told as refused and nothing is raised.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.calls.model import ImageEvent, PicturePreview, PictureRefused
from gateway.calls.running import Beside, Emit
from gateway.errors import ContentModerated, GatewayError, GenerationFailed
from gateway.grok.pictures import PictureStore, decoded

MODERATED = "content_moderated"


@dataclass(slots=True)
class Gallery:
    """Room for *count* pictures; what comes beyond is discarded. beside: fetches pictures while others are made."""

    count: int
    emit: Emit[ImageEvent]
    store: PictureStore
    beside: Beside
    _taken: int = 0
    _made: int = 0
    _refused: list[tuple[str, str]] = field(default_factory=list)
    _failed: GatewayError | None = None

    @property
    def full(self) -> bool:
        return self._taken >= self.count

    @property
    def missing(self) -> int:
        """How many neither came nor were refused."""
        return max(0, self.count - self._taken - len(self._refused))

    @property
    def settled(self) -> int:
        return self._taken + len(self._refused)

    @property
    def empty(self) -> bool:
        return not self._taken

    async def preview(self, index: int, blob: str, percent: int) -> None:
        data = decoded(blob)
        if data and index < self.count:
            media_type = "image/png" if data.startswith(b"\x89PNG") else _other_type(data)
            await self.emit(PicturePreview(index, data, media_type, percent))

    def take(self, url: str, *, blob: str = "", prompt: str = "") -> None:
        """A picture is finished: fetch it."""
        if not self.full:
            self._taken += 1
            self.beside(self._fetch(url, blob, prompt))

    async def made(self, picture: ImageEvent) -> None:
        """A picture is finished and was fetched already."""
        if not self.full:
            self._taken += 1
            self._made += 1
            await self.emit(picture)

    def refuse(self, code: str, reason: str) -> None:
        self._refused.append((code, reason))

    async def _fetch(self, url: str, blob: str, prompt: str) -> None:
        try:
            picture = await self.store.keep(url, blob=blob, prompt=prompt)
        except GatewayError as exc:
            self._failed = self._failed or exc
            self.refuse(exc.code, exc.message)
            return
        self._made += 1
        await self.emit(picture)

    async def close(self, error: GatewayError | None) -> None:
        """All is over, *error* ended it early: tell what is missing, or raise when nothing came of it."""
        if not self._made:
            if error is not None:
                raise error from error.__cause__
            if self._failed is not None:
                raise self._failed
            if self._refused:
                raise ContentModerated(f"the site refuses this content: {self._refused[0][1]}")
            raise GenerationFailed("the site made no picture and did not say why")
        code, reason = (error.code, error.message) if error else ("not_made", "the site made fewer than were asked for")
        lacking = self.count - self._made
        for number, (why, words) in enumerate([*self._refused, *[(code, reason)] * lacking][:lacking]):
            await self.emit(PictureRefused(self._made + number, why, words))


def _other_type(data: bytes) -> str:
    return "image/webp" if data[8:12] == b"WEBP" else "image/jpeg"
