"""When a video will probably be done: never a number that nothing stands for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.tasks.estimate import Usual, remaining_s, usual
from gateway.tasks.model import Task, VideoSpec
from gateway.tasks.states import State

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KNOWN = usual([(6, "480p", 40.0), (6, "480p", 50.0), (6, "480p", 300.0), (10, "720p", 90.0)])
QUEUED = Task("t", "k", "d", "m", "video", VideoSpec("x"), State.QUEUED, NOW)
RUNNING = replace(QUEUED, state=State.RUNNING, started_at=NOW - timedelta(seconds=20))


def test_what_is_known() -> None:
    assert KNOWN.of(VideoSpec("x")) == 50, "the median of those like it"
    assert KNOWN.of(VideoSpec("x", seconds=10, resolution="720p")) == 70, "one alone tells nothing; then all do"
    assert usual([(6, "480p", 40.0)]) == Usual({}, None)


def test_a_queued_task_waits_for_those_before_it() -> None:
    assert remaining_s(QUEUED, KNOWN, NOW, position=1, at_once=4) == 50
    assert remaining_s(QUEUED, KNOWN, NOW, position=4, at_once=4) == 50
    assert remaining_s(QUEUED, KNOWN, NOW, position=5, at_once=4) == 100
    later = replace(QUEUED, run_at=NOW + timedelta(seconds=120))
    assert remaining_s(later, KNOWN, NOW, position=1, at_once=4) == 170
    assert remaining_s(QUEUED, KNOWN, NOW, position=1, at_once=0) is None, "nobody can make it"
    assert remaining_s(QUEUED, usual([]), NOW, position=1, at_once=4) is None


def test_a_running_one_has_the_rest_to_go() -> None:
    assert remaining_s(RUNNING, KNOWN, NOW, position=None, at_once=4) == 30
    late = replace(RUNNING, started_at=NOW - timedelta(seconds=60))
    assert remaining_s(late, KNOWN, NOW, position=None, at_once=4) is None
    assert remaining_s(replace(RUNNING, state=State.SUCCEEDED), KNOWN, NOW, position=None, at_once=4) is None
