"""Each way a submitted video can end, on g2, with one submit."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from browser.clearance import Clearance
from browser.errors import SlotLost, TransportFailed, TransportTimeout
from browser.transport import World
from gateway import errors as ours
from gateway.errors import GatewayError
from tests.grok import frames as f
from tests.grok.conftest import Bench
from tests.grok.records import MemoryJournal, film
from tests.grok.script import NEW, Stream

CUTS = [TransportFailed("reset"), TransportTimeout("silent")]


async def test_the_straight_way(bench: Bench) -> None:
    bench.script.on(NEW, f.WHOLE)
    result = await bench.make()
    assert (result.size_bytes, result.width, result.duration_s, result.fingerprint) == (4, 736, 6.04, "f" * 64)
    assert {
        "conversation_id": "C",
        "video_id": "V",
        "asset_url": f.URL,
        "prompt": "a lighthouse, cinematic",
    }.items() <= (result.upstream.items())
    assert set(bench.media.assets) == {"t1.v", "t1.t"}
    assert bench.journal.bound == ("U", "work")
    assert bench.journal.progresses == sorted(bench.journal.progresses)
    assert bench.submits() == 1
    assert bench.lease.worked == 1
    [call] = [call for call in bench.script.calls if call.what == NEW]
    assert call.world is World.MAIN
    assert not [name for name in call.headers if "statsig" in name.lower()]


@pytest.mark.parametrize(
    "progress", [float("inf"), float("nan"), "NaN", "-Infinity", "38 %", "soon", -5, pytest.param(10**400, id="huge")]
)
async def test_a_number_that_is_none_does_no_harm(bench: Bench, progress: Any) -> None:
    odd = f.video(50)
    odd["result"]["response"]["streamingVideoGenerationResponse"]["progress"] = progress
    bench.script.on(NEW, [*f.WHOLE[:2], odd, *f.WHOLE[2:]])
    assert (await bench.make()).width == 736
    assert bench.submits() == 1


async def test_ids_are_stored_before_the_stream_ends(bench: Bench) -> None:
    """The conversation's id is in the journal before the site goes on, so that a crash then loses nothing."""
    seen: list[dict[str, Any]] = []

    class Watched(Stream):
        async def __aiter__(self) -> Any:
            yield json.dumps(f.conversation())
            await asyncio.sleep(0)
            seen.append(dict(bench.journal.steps["submit"].external))
            yield "".join(json.dumps(frame) for frame in f.WHOLE[1:])

    bench.script.on(NEW, Watched([]))
    await bench.make()
    assert seen[0]["conversation_id"] == "C"


async def test_an_answer_that_never_ends_is_left(bench: Bench) -> None:
    stream = Stream([*f.START, f.finished(), 30])
    bench.script.on(NEW, stream)
    await asyncio.wait_for(bench.make(), 5)
    assert stream.aborted


async def test_cancelling_aborts_the_stream(bench: Bench) -> None:
    stream = Stream([*f.START, f.video(1), 30])
    bench.script.on(NEW, stream)
    making = asyncio.create_task(bench.make())
    while not stream.aborted and bench.script.count(NEW) == 0:
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert stream.aborted


@pytest.mark.parametrize("attached", [(), ("V",)])
async def test_moderation_is_sticky(bench: Bench, attached: tuple[str, ...]) -> None:
    bench.script.on(NEW, [*f.START, f.video(50), f.video(100, moderated=True), f.answer(attachments=attached)])
    with pytest.raises(ours.ContentModerated):
        await bench.make()
    assert not bench.script.count(f"DOWNLOAD {f.URL}")
    assert not bench.lease.verdicts
    assert not bench.lease.cooldowns


async def test_words_instead_of_a_video(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, f.response(token="I cannot"), f.answer("I cannot do 8 seconds", ())])
    with pytest.raises(ours.NoVideoInAnswer, match="I cannot do 8 seconds"):
        await bench.make()


async def test_finished_without_an_address_is_looked_up(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, f.video(100), f.answer()]).on(f.TURNS, f.turns(f.human(), f.turn()))
    assert (await bench.make()).upstream["asset_url"] == f.URL


async def test_an_attached_path_is_an_address(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, f.video(99), f.answer(attachments=(f.KEY,))])
    assert (await bench.make()).upstream["asset_url"] == f.URL


@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_stream_is_followed_not_resubmitted(bench: Bench, cut: Exception) -> None:
    bench.script.on(NEW, [*f.START, f.video(13), cut])
    bench.script.on(
        f.TURNS, f.turns(f.human()), f.turns(f.human(), f.turn([], partial=True)), f.turns(f.human(), f.turn())
    )
    assert (await bench.make()).upstream["video_id"] == "V"
    assert bench.submits() == 1
    assert bench.script.count(f.TURNS) == 3


async def test_a_stalled_first_frame_is_followed(bench: Bench) -> None:
    bench.script.on(NEW, [f.conversation(), 0.0, *[""] * 3, 60])
    bench.script.on(f.TURNS, f.turns(f.turn()))
    bench.settings.stream_idle_timeout_s = 0.1
    stream = Stream([f.conversation(), TransportTimeout("idle")])
    bench.script.on(NEW, stream)
    assert await bench.make()


async def test_inputs_of_the_human_turn_are_not_the_result(bench: Bench) -> None:
    """The captured trap: a human turn carries the inputs in the same fields as the assistant's results."""
    inputs = f.asset("IN", responseId="H")
    bench.script.on(NEW, [*f.START, CUTS[0]])
    bench.script.on(
        f.TURNS,
        f.turns(f.human(fileAttachmentAssetMetadata=[inputs], fileAttachments=["IN"])),
        f.turns(
            f.human(fileAttachmentAssetMetadata=[inputs], fileAttachments=["IN"]),
            f.turn([inputs, f.asset()], fileAttachments=["V"]),
        ),
    )
    assert (await bench.make()).upstream["video_id"] == "V"


async def test_moderated_in_the_followed_turn(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, CUTS[0]]).on(f.TURNS, f.turns(f.turn([f.asset(moderated=True)])))
    with pytest.raises(ours.ContentModerated):
        await bench.make()


async def test_words_in_the_followed_turn(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, CUTS[0]]).on(f.TURNS, f.turns(f.turn([], message="I cannot")))
    with pytest.raises(ours.NoVideoInAnswer):
        await bench.make()


async def test_a_generation_that_never_ends(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, CUTS[0]]).on(f.TURNS, f.turns(f.human())).on(f.ASSETS, {"assets": []})
    with pytest.raises(ours.UpstreamTimeout):
        await bench.make()
    assert bench.submits() == 1


async def test_a_rate_limited_lookup_waits(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, CUTS[0]])
    bench.script.on(f.TURNS, (429, {"waitTimeSeconds": 0.05}), f.turns(f.turn()))
    assert await bench.make()
    assert not bench.lease.cooldowns


async def test_the_page_died(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, SlotLost("crashed")])
    with pytest.raises(ours.BrowserFailed):
        await bench.make()
    assert bench.journal.steps["submit"].external["conversation_id"] == "C"


async def test_the_profile_was_taken_away(bench: Bench) -> None:
    """Another task met a challenge: ours waits for the operator and is not charged."""
    bench.script.on(NEW, [*f.START, SlotLost("revoked")])
    bench.pool.clearance = Clearance.CHALLENGED
    with pytest.raises(ours.ChallengeRequired):
        await bench.make()


async def test_an_unreadable_frame_is_followed_too(bench: Bench) -> None:
    bench.script.on(NEW, Stream(['{"result":{"conversation":{"conversationId":"C"}}}', "{oops}"]))
    bench.script.on(f.TURNS, f.turns(f.turn()))
    assert await bench.make()


async def test_a_conversation_the_site_forgot(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, CUTS[0]]).on(f.ASSETS, {"assets": []})
    with pytest.raises(ours.GenerationFailed, match="no longer knows"):
        await bench.make()


async def test_an_unreadable_frame_is_drift(bench: Bench) -> None:
    bench.script.on(NEW, Stream(['{"result":{"conversation":{"conversationId":"C"}}}', "{oops}"]))
    with pytest.raises(ours.UpstreamDrifted) as caught:
        await bench.make()
    assert caught.value.field == "frame"


REFUSALS: list[tuple[Any, type[GatewayError], Any]] = [
    (Stream([{"error": {"code": 8, "message": "Too many requests"}}], 429), ours.RateLimited, "rest"),
    ([{"error": {"code": 8, "message": "Too many requests"}}], ours.RateLimited, "rest"),
    ([f.conversation(), f.user(), f.error("limit", usageLimitReached={})], ours.RateLimited, "rest"),
    ([f.error("credits", usagePoolExhausted={})], ours.RateLimited, "rest"),
    (Stream([{"error": {"code": 7, "message": "Page is out of date"}}], 403), ours.StalePage, Clearance.STALE_PAGE),
    (Stream([{"error": {"code": 7, "message": "anti-bot"}}], 403), ours.AntiBotRefused, Clearance.BLOCKED),
    (Stream([{"error": {"code": 16, "message": "x"}}], 401), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    (Stream([], 403, {"cf-mitigated": "challenge"}), ours.ChallengeRequired, Clearance.CHALLENGED),
    (Stream(["<html><title>Just a moment..."], 200, {"content-type": "text/html"}), ours.ChallengeRequired, Clearance.CHALLENGED),
    (Stream([{"error": {"code": "content-moderated", "message": "x"}}], 403), ours.ContentModerated, None),
    ([f.conversation(), f.error("", contentModerated={})], ours.ContentModerated, None),
    (Stream([{"error": {"code": 3, "message": "Invalid source post id"}}], 400), ours.UpstreamRefused, None),
    (Stream([{}], 402), ours.SpendingLimit, None),
    ([f.error("", userPromptTooLong={})], ours.ContextTooLong, None),
    ([f.error("", attachmentImageTooLarge={"maxSizeBytes": 5})], ours.ImageTooLarge, None),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "error", "effect"), REFUSALS)
async def test_a_refusal_is_forgotten_and_has_its_effect(bench: Bench, stream: Any, error: type, effect: Any) -> None:
    """Nothing was generated, so the step is gone and the task may be asked for again later."""
    bench.script.on(NEW, stream)
    with pytest.raises(error) as caught:
        await bench.make()
    assert type(caught.value) is error
    assert "submit" not in bench.journal.steps
    assert [v.clearance for v in bench.lease.verdicts] == ([effect] if isinstance(effect, Clearance) else [])
    assert bool(bench.lease.cooldowns) is (effect == "rest")
    assert bench.submits() == 1


OVERLOADS = [
    Stream([{"error": {"code": 14, "message": "unavailable"}}], 503),
    Stream(["<html>502"], 502, {"content-type": "text/html"}),
    Stream([{"error": {"code": 13, "message": "internal"}}], 500),
    [f.error("Stream aborted by server… ResourceExhausted", modelNotAvailable={})],
    [f.conversation(), f.user(), f.error("Stream aborted by server", modelNotAvailable={})],
    [*f.START, f.video(13), f.error("", internalError={})],
]


@pytest.mark.parametrize("stream", OVERLOADS)
async def test_overload_is_never_answered_with_a_second_submit(bench: Bench, stream: Any) -> None:
    bench.script.on(NEW, stream).on(f.LIST, {"conversations": []}).on(f.ASSETS, {"assets": []}).on(f.TURNS, f.turns())
    bench.script.file(f.URL, 404)
    with pytest.raises(ours.UpstreamOverloaded):
        await bench.make()
    with pytest.raises(ours.UpstreamOverloaded):
        await bench.make(bench.journal)
    assert bench.submits() == 1


async def test_overload_reported_and_generated_all_the_same(bench: Bench) -> None:
    bench.script.on(NEW, [*f.START, f.error("Stream aborted by server", modelNotAvailable={})])
    bench.script.on(f.TURNS, f.turns(f.human(), f.turn()))
    assert await bench.make()


async def test_a_limit_without_a_time_takes_the_quotas(bench: Bench) -> None:
    from datetime import UTC, datetime, timedelta

    until = datetime.now(UTC) + timedelta(hours=2)
    quota = {"video": {"available": True, "remainingQueries": 0, "nextAvailableAt": until.isoformat()}, "image": None}
    bench.script.on(NEW, Stream([{"error": {"code": 8, "message": "x"}}], 429))
    bench.script.on("POST /rest/media/imagine/quota_info", quota)
    with pytest.raises(ours.RateLimited) as caught:
        await bench.make()
    assert caught.value.retry_after_s == pytest.approx(7200, abs=5)
    assert bench.lease.cooldowns[-1].until == until


async def test_limits_that_follow_each_other_rest_longer(bench: Bench) -> None:
    bench.script.on(NEW, Stream([{"error": {"code": 8, "message": "x"}}], 429))
    rests = []
    for _ in range(3):
        with pytest.raises(ours.RateLimited) as caught:
            await bench.make()
        rests.append(caught.value.retry_after_s)
    assert rests == pytest.approx([60, 120, 240])


async def test_a_page_that_stays_stale_stops_the_profile(bench: Bench) -> None:
    bench.script.on(NEW, Stream([{"error": {"code": 7, "message": "This page is out of date."}}], 403))
    for _ in range(3):
        with pytest.raises(ours.StalePage):
            await bench.make()
    assert [v.clearance for v in bench.lease.verdicts] == [
        Clearance.STALE_PAGE,
        Clearance.STALE_PAGE,
        Clearance.BLOCKED,
    ]


async def test_not_what_was_promised(tmp_path: Path) -> None:
    for seconds in (4.0, 10.04):
        bench = Bench(tmp_path, inspect=film(seconds))
        bench.script.on(NEW, f.WHOLE)
        with pytest.raises(ours.InvalidMedia):
            await bench.make(MemoryJournal())
