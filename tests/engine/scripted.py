"""A maker, a capacity and a media store that do as the test says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from gateway.media.assets import Asset, AssetKind, thumbnail_asset_id, video_asset_id
from gateway.settings import Settings
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.states import Stage
from gateway.tasks.upstream import Journal, Offer

Script = Callable[[Task, Journal], Awaitable[VideoResult]]


def result_of(task: Task, *, fingerprint: str | None = None) -> VideoResult:
    return VideoResult(
        asset_id=video_asset_id(task.id), thumbnail_id=thumbnail_asset_id(task.id), size_bytes=1, width=2, height=2,
        duration_s=6.0, fingerprint=task.id if fingerprint is None else fingerprint,
    )  # fmt: skip


class Ledger:
    """What the "site" was asked to do: the side effects that must not happen twice."""

    def __init__(self) -> None:
        self.submits: Counter[str] = Counter()
        self.started: list[str] = []
        self.cancelled: list[str] = []


class ScriptedMaker:
    """Runs *script* for every task. `make_video` is a whole video in the steps of the real one."""

    def __init__(self, script: Script | None = None) -> None:
        self.ledger = Ledger()
        self.script = script or self.make_video
        self.go = asyncio.Event()
        self.go.set()
        self.at_work: asyncio.Queue[Task] = asyncio.Queue()

    async def make(self, task: Task, journal: Journal) -> VideoResult:
        self.ledger.started.append(task.id)
        self.at_work.put_nowait(task)
        try:
            return await self.script(task, journal)
        except asyncio.CancelledError:
            self.ledger.cancelled.append(task.id)
            raise

    async def make_video(self, task: Task, journal: Journal) -> VideoResult:
        submitted = journal.steps.get("submit")
        if submitted is None:
            await journal.bind(account_id="acc", profile=task.profile or "")
            await journal.stage(Stage.SUBMIT)
            await journal.begin("submit", {"prompt": task.spec.prompt})
            self.ledger.submits[task.id] += 1
            await journal.note("submit", {"video_id": f"v-{task.id}"})
        await journal.stage(Stage.GENERATE)
        for percent in (10, 50, 90):
            await journal.progress(percent)
        await self.go.wait()
        if submitted is None or not submitted.done:
            await journal.finish("submit", {"asset_url": "u"})
        await journal.stage(Stage.DOWNLOAD, 99)
        await journal.finish("download", {"size": 1})
        return result_of(task)


class ScriptedCapacity:
    """Slots of profiles; a maker takes none of them, as the engine is what is tested."""

    def __init__(self, *offers: Offer) -> None:
        self._offers = list(offers) or [Offer("main", "acc", 1)]
        self._version = 0
        self._changed = asyncio.Condition()

    def offers(self, kind: str) -> Sequence[Offer]:
        return list(self._offers) if kind == "video" else []

    async def set(self, *offers: Offer) -> None:
        self._offers = list(offers)
        async with self._changed:
            self._version += 1
            self._changed.notify_all()

    async def wait_changed(self, seen: int) -> int:
        async with self._changed:
            await self._changed.wait_for(lambda: self._version != seen)
        return self._version


class SlottedCapacity(ScriptedCapacity):
    """Counts slots like the pool: `used_by` is entered by the maker while it has one."""

    def __init__(self, *offers: Offer) -> None:
        super().__init__(*offers)
        self._used: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def offers(self, kind: str) -> Sequence[Offer]:
        left = [Offer(o.profile, o.account_id, o.free - self._used[o.profile], o.allows) for o in self._offers]
        return [offer for offer in left if offer.free > 0]

    async def take(self, profile: str) -> None:
        self._used[profile] += 1
        self.most[profile] = max(self.most[profile], self._used[profile])
        await self._tell()

    async def give(self, profile: str) -> None:
        self._used[profile] -= 1
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._version += 1
            self._changed.notify_all()


class MemoryMedia:
    """Which files there would be."""

    def __init__(self) -> None:
        self.removed: set[str] = set()
        self.fail_with: Exception | None = None

    async def remove(self, asset_ids: Collection[str]) -> int:
        if self.fail_with is not None:
            raise self.fail_with
        self.removed |= set(asset_ids)
        return len(asset_ids)

    def target(self, asset_id: str, suffix: str) -> Path:
        raise NotImplementedError

    async def record(self, asset: Asset) -> Asset:
        raise NotImplementedError

    async def add(self, data: bytes, *, kind: AssetKind, suffix: str, media_type: str, **facts: object) -> Asset:
        raise NotImplementedError

    async def get(self, asset_id: str) -> Asset:
        raise NotImplementedError

    def local(self, asset: Asset) -> AbstractAsyncContextManager[Path]:
        raise NotImplementedError


def settings(**changed: Any) -> Settings:
    """Short times; nothing is read from the machine the tests run on."""
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in Settings.model_fields.items()
    }
    return Settings.model_construct(**{**defaults, "lease_s": 3.0, "drain_s": 5.0, **changed})
