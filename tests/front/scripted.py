"""A site that makes what its script says: the front is tested without a browser, over the real engine and store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from browser.clearance import Clearance
from browser.status import ProfileStatus, SlotCount
from gateway.media.assets import Asset, AssetKind, Media, thumbnail_asset_id, video_asset_id
from gateway.media.inspect import inspect_video
from gateway.site import Opening, SiteParts
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.states import Stage
from gateway.tasks.upstream import Journal, Offer
from tests.front.material import clip
from tests.front.scripted_calls import ScriptedCalls

Script = Callable[["Scripted", Task, Journal], Awaitable[VideoResult]]


class Scripted:
    """A VideoMaker and its Capacity. *script* makes a task's video; by default at once, with progress in between.

    A prompt decides what happens where a test does not say: ``hold …`` waits for `go`, ``fail …`` fails.
    """

    def __init__(self, film: Path) -> None:
        self.film = film
        self.media: Media
        self.go = asyncio.Event()
        self.clearance = Clearance.READY
        self.slots = 4
        self.working: list[str] = []
        self.cancelled: list[str] = []
        self.script: Script | None = None
        self.calls = ScriptedCalls()
        self._version = 0
        self._news = asyncio.Event()

    # -- VideoMaker
    async def make(self, task: Task, journal: Journal) -> VideoResult:
        self.working.append(task.id)
        await journal.bind(account_id="acc", profile="work")
        try:
            if self.script is not None:
                return await self.script(self, task, journal)
            await journal.stage(Stage.GENERATE, 5)
            await journal.progress(50)
            if task.spec.prompt.startswith("hold"):
                await self.go.wait()
            return await self.deliver(task, journal)
        except asyncio.CancelledError:
            self.cancelled.append(task.id)
            raise
        finally:
            self.working.remove(task.id)
            self.changed()

    async def deliver(self, task: Task, journal: Journal) -> VideoResult:
        """Put the film into the store as the task's own."""
        await journal.stage(Stage.DOWNLOAD, 99)
        data = self.film.read_bytes()
        target = self.media.target(video_asset_id(task.id), ".mp4")
        target.write_bytes(data)
        return await self.record(task, data)

    async def record(self, task: Task, data: bytes) -> VideoResult:
        facts = await asyncio.to_thread(inspect_video, self.film)
        asset = Asset(
            video_asset_id(task.id), AssetKind.VIDEO, "video/mp4", ".mp4", len(data), hashlib.sha256(data).hexdigest(),
            key_id=task.key_id, task_id=task.id,
        )  # fmt: skip
        await self.media.record(asset)
        thumbnail = await self.media.add(
            facts.thumbnail_jpeg, kind=AssetKind.THUMBNAIL, suffix=".jpg", media_type="image/jpeg",
            id=thumbnail_asset_id(task.id), key_id=task.key_id, task_id=task.id,
        )  # fmt: skip
        return VideoResult(
            asset_id=asset.id, thumbnail_id=thumbnail.id, size_bytes=len(data), width=facts.width, height=facts.height,
            duration_s=facts.duration_s, fingerprint=task.id, upstream={"asset_url": "https://assets.grok.com/canary-upstream"},
        )  # fmt: skip

    # -- Capacity
    def offers(self, kind: str) -> Sequence[Offer]:
        free = self.slots - len(self.working)
        return [Offer("work", "acc", free)] if self.clearance is Clearance.READY and free > 0 else []

    async def wait_changed(self, seen: int) -> int:
        while self._version == seen:
            self._news.clear()
            await self._news.wait()
        return self._version

    def changed(self) -> None:
        self._version += 1
        self._news.set()

    def stand(self, clearance: Clearance) -> None:
        self.clearance = clearance
        self.changed()

    # -- the site
    def profiles(self) -> Sequence[ProfileStatus]:
        said: dict[str, Any] = dict.fromkeys(ProfileStatus.__slots__)
        said |= {
            "name": "work", "clearance": self.clearance, "reason": "", "since": datetime.now(UTC), "next_action": "",
            "account": {"id": "acc"}, "cooldowns": (), "slots": {"video": SlotCount(len(self.working), self.slots)},
        }  # fmt: skip
        return [ProfileStatus(**said)]

    @asynccontextmanager
    async def open(self, opening: Opening) -> AsyncIterator[SiteParts]:
        self.media = self.calls.media = opening.media
        yield SiteParts(maker=self, calls=self.calls, capacity=self, profiles=self.profiles, allows=frozenset)


def film(folder: Path) -> Path:
    return clip(folder / "film.mp4", width=320, height=240, seconds=2)
