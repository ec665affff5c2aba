"""On which profile a call is made, and when it moves to another."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from browser.clearance import Clearance, Cooldown
from browser.errors import SlotLost, TransportFailed
from gateway import errors
from gateway.calls.model import Role, Turn
from gateway.grok.mode_book import ModeBook
from gateway.grok.wire.modes import Mode, Modes
from gateway.media.assets import AssetKind
from tests.grok.calling import START, Calls, picture, token, whole, words
from tests.grok.frames import beat, error
from tests.grok.script import NEW, Stream

LIMIT = {"error": {"code": 8, "message": "Too many requests"}}
OVERLOAD = error("Stream aborted by server", modelNotAvailable={})


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path, "a", "b", "c", "d")


def script(calls: Calls, **streams: object) -> None:
    for name, stream in streams.items():
        calls.pool.scripts[name].on(NEW, stream)


FINE = [*START, token("fine"), whole("fine")]


@pytest.mark.parametrize(
    "first",
    [
        [LIMIT],
        [*START, beat(), OVERLOAD],
        [SlotLost("gone")],
        [*START, TransportFailed("reset")],
        Stream(["{}"], status=401),
        Stream(["{}"], status=503),
    ],
)
async def test_before_the_first_event_another_profile_may_answer(calls, first):
    script(calls, a=first, b=FINE)
    assert words(await calls.chat()) == "fine"
    assert calls.pool.lent == ["a", "b"]


@pytest.mark.parametrize(
    "first",
    [[error("x", contentModerated={})], [error("x", beyondContextLength={})], [3600], Stream(["{}"], status=400)],
)
async def test_what_another_profile_would_not_mend_is_not_tried_there(calls, first):
    script(calls, a=first, b=FINE)
    with pytest.raises(errors.GatewayError):
        await calls.chat()
    assert calls.pool.lent == ["a"]


async def test_a_mode_is_asked_of_a_profile_that_has_it(calls):
    modes = ModeBook()
    for name, has in (("a", False), ("b", True)):
        modes.told(name, Modes((Mode("fast", "Fast", True), Mode("heavy", "Heavy", has))))
    calls.maker._modes = modes
    script(calls, a=FINE, b=FINE)
    assert words(await calls.chat(mode="heavy")) == "fine"
    assert calls.pool.lent == ["b"]
    calls.pool.lent.clear()
    modes.told("b", Modes((Mode("fast", "Fast", True),)))
    assert words(await calls.chat(mode="heavy")) == "fine", "nobody has it: the site may say so itself"
    assert calls.pool.lent == ["a"]


async def test_only_one_other_profile_is_tried_and_three_for_limits(calls):
    script(calls, a=[OVERLOAD], b=[OVERLOAD], c=FINE)
    with pytest.raises(errors.UpstreamOverloaded):
        await calls.chat()
    assert calls.pool.lent == ["a", "b"]
    calls.pool.lent.clear()
    script(calls, a=[LIMIT], b=[LIMIT], c=[LIMIT], d=FINE)
    with pytest.raises(errors.RateLimited) as limited:
        await calls.chat()
    assert calls.pool.lent == ["a", "b", "c"]
    assert limited.value.retry_after_s is not None
    assert words(await calls.chat()) == "fine", "only the fourth does not rest"
    script(calls, a=FINE)
    calls.pool.lent.clear()
    assert words(await calls.chat(mode="expert")) == "fine"
    assert calls.pool.lent == ["a"], "other modes do not rest"


async def test_with_pictures_nothing_is_asked_twice(calls):
    kept = await calls.media.add(picture(), kind=AssetKind.INPUT, suffix=".jpg", media_type="image/jpeg")
    for name in "ab":
        calls.pool.scripts[name].on("UPLOAD /http/upload-file-v2/direct", {"fileMetadataId": "F", "fileUri": "u"})
    script(calls, a=[OVERLOAD], b=FINE)
    with pytest.raises(errors.UpstreamOverloaded):
        await calls.chat(Turn(Role.USER, "look", images=(kept.id,)))
    assert calls.pool.lent == ["a"]


async def test_a_page_out_of_date_is_tried_again_once_it_was_reloaded(tmp_path):
    calls = Calls(tmp_path, call_queue_timeout_s=2.0)
    stale = Stream(['{"error":{"code":7,"message":"This page is out of date. Reload to continue."}}'], status=403)
    calls.script.on(NEW, stale, FINE)

    async def reload() -> None:
        while calls.pool.clearances["a"] is Clearance.READY:
            await asyncio.sleep(0.01)
        calls.pool.clearances["a"] = Clearance.READY

    async with asyncio.TaskGroup() as group:
        group.create_task(reload())
        assert words(await calls.chat()) == "fine"


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        (Clearance.LOGIN_REQUIRED, "sign in again"),
        (Clearance.CHALLENGED, "asks for a human"),
        (Clearance.HELD, "operator is working"),
        (Clearance.DISABLED, "no profile is signed in"),
    ],
)
async def test_without_a_profile_the_answer_says_at_once_what_is_missing(tmp_path, standing, says):
    calls = Calls(tmp_path, call_queue_timeout_s=20.0)
    calls.pool.clearances["a"] = standing
    began = time.monotonic()
    with pytest.raises(errors.NoProfileReady, match=says):
        await calls.chat()
    assert time.monotonic() - began < 10


async def test_waiting_for_a_place_is_bounded(tmp_path):
    calls = Calls(tmp_path, places=1, call_queue_timeout_s=0.1)
    calls.script.on(NEW, [*START, token("a"), 0.3, whole("a")])

    async def one() -> str:
        try:
            return words(await calls.chat())
        except errors.NoProfileReady as exc:
            assert "are taken" in exc.message
            return "busy"

    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(one()) for _ in range(3)]
    assert sorted(task.result() for task in asked) == ["a", "busy", "busy"]
    calls.pool.rests["a"].append(Cooldown("chat", datetime.now(UTC) + timedelta(seconds=40), "used up"))
    with pytest.raises(errors.RateLimited, match="used up") as resting:
        await calls.chat()
    assert 30 < (resting.value.retry_after_s or 0) <= 40


async def test_waiting_ends_when_the_last_profile_is_lost(tmp_path):
    calls = Calls(tmp_path, call_queue_timeout_s=20.0)
    calls.pool.clearances["a"] = Clearance.VERIFYING

    async def lose() -> None:
        await asyncio.sleep(0.05)
        calls.pool.clearances["a"] = Clearance.LOGIN_REQUIRED

    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(lose())
        with pytest.raises(errors.NoProfileReady, match="sign in"):
            await calls.chat()
    assert time.monotonic() - began < 10
