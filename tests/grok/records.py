"""A journal and a media store in memory, as the maker sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gateway.errors import FileMissing
from gateway.media.assets import Asset, AssetKind
from gateway.tasks.model import Step, Task, VideoSpec
from gateway.tasks.states import Stage, State


class MemoryJournal:
    """A task's record; ``log`` keeps every write in order. A step begun twice or noted before it was begun is an error."""

    def __init__(self, steps: Mapping[str, Step] | None = None) -> None:
        self._steps = dict(steps or {})
        self.log: list[tuple[Any, ...]] = []
        self.bound: tuple[str | None, str] | None = None

    @property
    def steps(self) -> Mapping[str, Step]:
        return dict(self._steps)

    async def begin(self, step: str, intent: Mapping[str, Any]) -> None:
        assert step not in self._steps, f"{step} was begun twice"
        self._steps[step] = Step(step, False, intent=dict(intent), started_at=datetime.now(UTC))
        self.log.append(("begin", step))

    async def note(self, step: str, external: Mapping[str, Any]) -> None:
        found = self._steps[step]
        self._steps[step] = replace(found, external={**found.external, **external})
        self.log.append(("note", step))

    async def finish(self, step: str, output: Mapping[str, Any]) -> None:
        self._steps[step] = replace(self._steps[step], done=True, output=dict(output))
        self.log.append(("finish", step))

    async def forget(self, step: str) -> None:
        del self._steps[step]
        self.log.append(("forget", step))

    async def bind(self, *, account_id: str | None, profile: str) -> None:
        self.bound = (account_id, profile)

    async def stage(self, stage: Stage, progress: int | None = None) -> None:
        self.log.append(("stage", stage.value))

    async def progress(self, percent: int) -> None:
        self.log.append(("progress", percent))

    @property
    def progresses(self) -> list[int]:
        return [entry[1] for entry in self.log if entry[0] == "progress"]


class MemoryMedia:
    """Files in a directory, their records in a dict."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.assets: dict[str, Asset] = {}
        self.drafts = 0

    def target(self, asset_id: str, suffix: str) -> Path:
        return self.directory / f"{asset_id}{suffix}"

    async def record(self, asset: Asset) -> Asset:
        assert self.target(asset.id, asset.suffix).exists()
        self.assets[asset.id] = asset
        return asset

    async def add(self, data: bytes, *, kind: AssetKind, suffix: str, media_type: str, **facts: Any) -> Asset:
        asset = Asset(f"in{len(self.assets)}", kind, media_type, suffix, len(data), "", **facts)
        self.target(asset.id, suffix).write_bytes(data)
        return await self.record(asset)

    def draft(self) -> Path:
        self.drafts += 1
        return self.directory / f"draft{self.drafts}.part"

    async def take(self, file: Path, *, kind: AssetKind, suffix: str, media_type: str, **facts: Any) -> Asset:
        data = file.read_bytes()
        file.unlink()
        return await self.add(data, kind=kind, suffix=suffix, media_type=media_type, **facts)

    async def get(self, asset_id: str) -> Asset:
        if asset_id not in self.assets:
            raise FileMissing("no such file")
        return self.assets[asset_id]

    @asynccontextmanager
    async def _local(self, asset: Asset) -> AsyncIterator[Path]:
        yield self.target(asset.id, asset.suffix)

    def local(self, asset: Asset) -> Any:
        return self._local(asset)

    async def remove(self, asset_ids: Collection[str]) -> int:
        return sum(1 for asset_id in asset_ids if self.assets.pop(asset_id, None))


def task(spec: VideoSpec | None = None, *, name: str = "t1", **facts: Any) -> Task:
    """A running task on profile ``work``."""
    return Task(
        id=name,
        key_id="k",
        dialect="test",
        model="grok-imagine-video",
        kind="video",
        spec=spec or VideoSpec(prompt="a lighthouse", aspect_ratio="16:9"),
        state=State.RUNNING,
        created_at=datetime.now(UTC),
        profile=facts.pop("profile", "work"),
        **facts,
    )


def film(seconds: float = 6.04, **facts: Any) -> Any:
    """An InspectVideo that finds a fine video."""
    found = SimpleNamespace(width=736, height=400, duration_s=seconds, fingerprint="f" * 64, thumbnail_jpeg=b"jpeg")
    found.__dict__.update(facts)
    return lambda path: found
