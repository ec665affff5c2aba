"""A maker over a scripted transport, with waits short enough for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.grok.steps import download, follow, stream
from gateway.grok.video import GrokVideoMaker
from gateway.settings import Settings
from gateway.tasks.model import Step, Task, VideoResult
from tests.grok.frames import URL
from tests.grok.lending import OneProfilePool
from tests.grok.records import MemoryJournal, MemoryMedia, film, task
from tests.grok.script import Script


class Bench:
    """One maker, one profile, one script."""

    def __init__(self, directory: Path, **options: Any) -> None:
        settings = {
            "follow_poll_s": 0.01,
            "asset_wait_s": 0.3,
            "first_frame_timeout_s": 0.3,
            "video_timeout_s": 0.5,
            "lost_submit_s": 0.1,
        }
        given = {key: options.pop(key) for key in list(options) if key in Settings.model_fields}
        self.settings = Settings(data_dir=directory, **(settings | given))
        self.script = Script().file(URL, b"film")
        self.pool = OneProfilePool(self.script)
        self.media = MemoryMedia(directory)
        self.maker = GrokVideoMaker(
            self.pool, self.media, self.settings, inspect=options.pop("inspect", film()), **options
        )

    @property
    def lease(self) -> Any:
        return self.pool.lease_of

    async def make(self, journal: MemoryJournal | None = None, given: Task | None = None) -> VideoResult:
        self.journal = journal or MemoryJournal()
        return await self.maker.make(given or task(), self.journal)

    def submits(self) -> int:
        return self.script.count("POST /rest/app-chat/conversations/new")


def begun(**external: Any) -> MemoryJournal:
    """A journal as a crash after the submit's intent (and what was noted since) leaves it."""
    from datetime import UTC, datetime

    intent = external.pop("intent", {})
    now = datetime.now(UTC).isoformat()
    words = {"prompt": "a lighthouse", "message": "a lighthouse --mode=normal"}
    step = Step("submit", False, {"generation": "g2", "started_at": now, **words, **intent}, external)
    return MemoryJournal({"submit": step})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LINGER_S", 0.05)
    monkeypatch.setattr(follow, "DOUBT_S", 0.1)
    monkeypatch.setattr("gateway.grok.video.DOUBT_S", 0.1)
    monkeypatch.setattr("gateway.grok.video.LEAST_DOUBT_S", 0.05)
    monkeypatch.setattr("gateway.grok.video.LATE_S", 0.1)
    monkeypatch.setattr(download, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(download, "LEAST_WAIT_S", 0.05)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
