"""Quota hints: asked rarely, kept with their age, and never a verdict about the profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from browser.clearance import Clearance
from browser.status import ProfileStatus
from gateway.grok import quota_watch
from gateway.grok.mode_book import ModeBook
from gateway.grok.quota import QuotaBook, QuotaHint, hints_from_json, hints_to_json
from gateway.grok.quota_watch import QuotaWatch
from gateway.grok.wire.limits import QuotaLine
from tests.grok import frames as f
from tests.grok.conftest import Bench
from tests.grok.lending import OneProfilePool
from tests.grok.script import NEW, Script

INFO, LIMITS, MODES = "POST /rest/media/imagine/quota_info", "POST /rest/rate-limits", "POST /rest/modes"
VIDEO = {
    "available": True,
    "remainingQueries": 0,
    "windowSizeSeconds": 86400,
    "nextAvailableAt": "2026-08-24T21:00:41.23Z",
}


class Desk(OneProfilePool):
    """A pool whose browser may sleep."""

    awake = True

    def status(self) -> list[ProfileStatus]:
        return [replace(one, running=self.awake) for one in super().status()]


class Book(QuotaBook):
    """Remembers what it was told to keep."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.kept: dict[str, Mapping[str, Any]] = {}
        super().__init__(known, remember=self.kept.__setitem__)


@pytest.fixture
def script() -> Script:
    return Script().on(INFO, {"image": None, "video720p": VIDEO}).on(LIMITS, {"remainingQueries": "46"})


async def test_asked_once_after_ready_and_not_again_soon(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, book = Desk(script), Book()
    watch = QuotaWatch(pool, book)
    for _ in range(3):
        await watch.look()
        book.outdated("work")
    assert script.count(INFO) == 1
    assert script.count(LIMITS) == len(quota_watch.MODELS)
    assert {"video720p", "fast"} <= set(book.kept["work"])
    monkeypatch.setattr(quota_watch, "EVERY_S", 0.0)
    await watch.look()
    assert script.count(INFO) == 2
    await watch.look()  # nothing happened since
    assert script.count(INFO) == 2


async def test_a_sleeping_profile_is_not_woken_and_one_in_trouble_left_alone(script: Script) -> None:
    pool = Desk(script)
    watch = QuotaWatch(pool, Book())
    pool.awake = False
    await watch.look()
    pool.awake, pool.clearance = True, Clearance.CHALLENGED
    await watch.look()
    assert script.count(INFO) == 0
    pool.clearance = Clearance.READY
    await watch.look()
    assert script.count(INFO) == 1


async def test_another_account_is_asked_for_at_once(script: Script) -> None:
    pool, book = Desk(script), Book()
    watch = QuotaWatch(pool, book)
    await watch.look()
    pool.lease_of.account = {"id": "another"}
    script.on(INFO, {"video": None})
    await watch.look()
    assert script.count(INFO) == 2
    assert "video720p" not in book.kept["work"]


async def test_a_restart_does_not_ask_again_too_soon(script: Script) -> None:
    before = Book()
    await QuotaWatch(Desk(script), before).look()
    await QuotaWatch(Desk(script), Book(before.kept)).look()
    assert script.count(INFO) == 1


@pytest.mark.parametrize(
    "answer",
    [
        (404, {"code": 5, "message": "no", "details": []}),
        (403, {"error": {"code": 7, "message": "Request rejected by anti-bot rules.", "details": []}}),
        (401, ""),
        (429, {}),
        (503, ""),
        (200, "<html>"),
        None,
        {"video": None},
        {"video": {"remainingQueries": None, "windowSizeSeconds": "x"}},
    ],
)
async def test_no_answer_condemns_the_profile(answer: Any) -> None:
    script = Script().on(INFO, answer).on(LIMITS, answer)
    pool = Desk(script)
    await QuotaWatch(pool, Book()).look()
    assert pool.lease_of.verdicts == []
    assert pool.lease_of.cooldowns == []


async def test_a_finished_video_makes_the_hints_outdated(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE)
    book = bench.maker.quota
    assert not book.due("work", datetime.now(UTC), every_s=600)
    await bench.make()
    assert book.due("work", datetime.now(UTC), every_s=600)


async def test_modes_are_asked_once_and_listed_as_told(script: Script) -> None:
    script.on(MODES, {"modes": [
        {"id": "auto", "title": "Auto", "availability": {"available": {}}},
        {"id": "heavy", "title": "Heavy", "availability": {"requiresUpgrade": {}}},
    ]})  # fmt: skip
    pool, modes = Desk(script), ModeBook()
    assert modes.offered(pool.status()) is None, "nothing was told yet"
    watch = QuotaWatch(pool, Book(), modes)
    for _ in range(3):
        await watch.look()
    assert script.count(MODES) == 1
    assert modes.offered(pool.status()) == {"auto"}
    pool.lease_of.account = {"id": "another"}
    await watch.look()
    assert script.count(MODES) == 2


@pytest.mark.parametrize("answer", [(404, {"code": 5, "message": "no", "details": []}), {"modes": []}, (503, ""), None])
async def test_a_site_without_modes_leaves_the_list_to_the_tier(script: Script, answer: Any) -> None:
    script.on(MODES, answer)
    pool, modes = Desk(script), ModeBook()
    watch = QuotaWatch(pool, Book(), modes)
    for _ in range(3):
        await watch.look()
    assert script.count(MODES) == 1
    assert script.count(INFO) == 1, "the quota is asked for all the same"
    assert modes.offered(pool.status()) is None


def test_hints_come_back_as_they_were() -> None:
    now = datetime.now(UTC)
    line = QuotaLine(remaining=0, total=3, window_s=86400, wait_s=1.5, next_at=now + timedelta(hours=1), available=True)
    hints = {"video": QuotaHint("video", line, now, True), "auto": QuotaHint("auto", QuotaLine(), now)}
    assert hints_from_json(hints_to_json(hints)) == hints
    assert hints_from_json({"video": None, "image": {"remaining": 1}, "x": 3}) == {}
