"""Which pictures of one request are finished, refused, or will not come: frames in any order, and silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grok.images.batch import BLOCKED_S, QUIET_S, VERDICT_S, Batch, Finished, Outcome, Shown, Withheld
from gateway.grok.wire.imagine import read_imagine


def start(job: str = "J") -> str:
    return json.dumps({"type": "json", "current_status": "start_stage", "job_id": job, "percentage_complete": 0})


def preview(job: str = "J") -> str:
    return json.dumps(
        {"type": "image", "id": job, "job_id": job, "url": f"{job}.png", "blob": "cA==", "percentage_complete": 50}
    )


def final(job: str = "J") -> str:
    return json.dumps({"type": "image", "id": job, "url": f"{job}.jpg", "blob": "Zg==", "percentage_complete": 100})


def verdict(job: str = "J", *, moderated: bool = False) -> str:
    return json.dumps({"type": "json", "current_status": "completed", "image_id": job, "moderated": moderated})


def see(batch: Batch, *frames: str, now: float = 0.0) -> list[Outcome]:
    return [found for frame in frames for found in batch.see(read_imagine(frame), now)]


def kinds(outcomes: list[Outcome]) -> list[type[Any]]:
    return [type(found) for found in outcomes]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([start(), preview(), final(), verdict()], [Shown, Finished]),
        ([verdict(), final()], [Finished]),
        ([final(), verdict(), final(), verdict(), preview()], [Finished]),
        ([start(), preview(), verdict(moderated=True)], [Shown, Withheld]),
        ([final(), verdict(moderated=True)], [Withheld]),
        ([start(), preview().replace("50", "null"), verdict()], [Finished]),
        ([start(), '{"type":"session_notice"}', "[]", "x", final(), verdict()], [Finished]),
    ],
)
def test_one_picture(frames, expected):
    batch = Batch(1, 0.0)
    assert kinds(see(batch, *frames)) == expected
    assert batch.over(0.0)


def test_silence_settles():
    batch = Batch(3, 0.0)
    see(batch, final("A"), preview("B"), start("C"))
    assert batch.due_at == VERDICT_S
    assert kinds(batch.expire(VERDICT_S)) == [Finished]
    assert batch.expire(BLOCKED_S - 1) == []
    assert kinds(batch.expire(BLOCKED_S)) == [Withheld]
    alone = Batch(1, 0.0)
    see(alone, preview())
    assert alone.due_at == 2 * BLOCKED_S
    assert not batch.over(BLOCKED_S), "one has only begun"
    assert kinds(see(batch, final("C"), verdict("C"), now=20.0)) == [Finished]
    assert batch.over(20.0)


def test_fewer_than_asked_for_are_waited_for_a_while_and_more_are_counted():
    batch = Batch(2, 0.0)
    see(batch, final("A"), verdict("A"), now=1.0)
    assert not batch.over(2.0)
    assert batch.over(1.0 + QUIET_S)
    assert kinds(see(batch, final("B"), verdict("B"), start("C"))) == [Finished]
    assert not batch.over(1.0)


def test_when_no_frame_will_come_what_is_finished_counts():
    batch = Batch(3, 0.0)
    see(batch, final("A"), preview("B"), start("C"))
    assert kinds(batch.give_up()) == [Finished, Withheld, Withheld]


@given(st.permutations([f(job) for job in "ABC" for f in (start, preview, final, verdict)]))
def test_the_order_of_frames_makes_no_difference(frames):
    batch = Batch(3, 0.0)
    found = see(batch, *frames)
    assert sorted(one.url for one in found if isinstance(one, Finished)) == ["A.jpg", "B.jpg", "C.jpg"]
    assert batch.over(0.0)
