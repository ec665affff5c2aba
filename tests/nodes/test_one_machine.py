"""A front and a worker as two gateways on one machine, over SQLite and a directory: no server besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser.clearance import Clearance
from gateway.errors import StartRefused
from tests.nodes.running import Fleet, ask, said, sees


async def test_a_front_and_a_worker_over_sqlite(tmp_path: Path, sqlite_url: str, the_film: Path) -> None:
    (tmp_path / "media").mkdir()
    fleet = Fleet(tmp_path, sqlite_url, the_film, {"media_url": f"file://{tmp_path / 'media'}"})
    async with fleet.node("front", role="api") as front, fleet.node("worker", role="worker") as worker:
        front.site.slots = 0
        front.site.stand(Clearance.NEW)
        await sees(front, "worker")
        assert said(await front.http.post("/v1/chat/completions", json=ask("x"))) == "You said: x"
        assert len(worker.site.calls.chats) == 1
        task = await front.create()
        done = await front.until(task, "completed")
        assert (await front.http.get(done["video_url"])).content == worker.site.film.read_bytes()


async def test_directories_of_their_own_are_refused(tmp_path: Path, sqlite_url: str, the_film: Path) -> None:
    fleet = Fleet(tmp_path, sqlite_url, the_film, {})
    async with fleet.node("a"):
        with pytest.raises(StartRefused, match="keeps files elsewhere"):
            async with fleet.node("b"):
                pass
