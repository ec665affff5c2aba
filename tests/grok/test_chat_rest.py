"""Chats over the REST stream, every form of frame."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from browser.clearance import Clearance
from browser.errors import SlotLost, TransportFailed, TransportTimeout
from browser.transport import World
from gateway import errors
from gateway.calls.model import Citation, Ended, Picture, PictureRefused, Reasoning, Role, Text, Turn
from gateway.grok.chat import over_rest
from gateway.media.assets import AssetKind
from tests.grok.calling import START, Calls, image, image_file, picture, thought, token, whole, words
from tests.grok.frames import TURNS, beat, error, human, response, turn, turns
from tests.grok.script import NEW, Stream


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_rest, "LINGER_S", 0.05)
    monkeypatch.setattr(over_rest, "LOOK_PAUSE_S", 0.01)
    monkeypatch.setattr("gateway.grok.pictures.LATE_S", 0.1)
    monkeypatch.setattr("gateway.grok.pictures.FIRST_PAUSE_S", 0.01)


async def test_an_answer_is_told_as_it_comes_and_ends_with_its_closing_frame(calls):
    after = {"result": {"title": {"newTitle": "x"}}}
    calls.answers(*START, beat(), token("Hel"), token("lo", messageTag="final"), whole("Hello"), after, 3600)
    events = await calls.chat("hi there")
    assert events == [Text("Hel"), Text("lo"), Ended("stop", "Hello")]
    (call,) = [call for call in calls.script.calls if call.what == NEW]
    assert call.world is World.MAIN
    assert call.json["message"] == "hi there"
    assert call.json["temporary"] is True
    assert call.json["modeId"] == "fast"
    assert "modelName" not in call.json
    assert call.json["fileAttachments"] == []


async def test_what_is_asked_is_what_is_sent(calls):
    calls.answers(*START, whole("x"))
    await calls.chat(mode="auto", thinking=True, search=False, draw=0)
    (body,) = calls.script.bodies(NEW)
    assert body["modeId"] == "expert"
    assert body["isReasoning"] is True
    assert body["disableSearch"] is True
    assert body["enableImageGeneration"] is False


async def test_thinking_and_tools_are_kept_apart(calls):
    calls.answers(
        *START,
        response(uiLayout={"effort": "LOW"}),
        thought("Reading", "header"),
        thought("<xai:tool_usage_card>x</xai:tool_usage_card>", "tool_usage_card"),
        thought("{}", "raw_function_result"),
        thought("because"),
        token("<card/>", messageTag="tool_usage_card"),
        response(progressReport={"category": "x", "percentage": 5}),
        response(keepAlive=True),
        token("42"),
        whole("42"),
    )
    assert await calls.chat() == [
        Reasoning("Reading", title=True), Reasoning("because"), Text("42"), Ended("stop", "42"),
    ]  # fmt: skip
    calls.answers(*START, thought("because"), token("42"), whole("42"))
    assert await calls.chat(thinking=False) == [Text("42"), Ended("stop", "42")]


async def test_citations_are_resolved_wherever_their_card_comes(calls):
    mark = '<grok:render card_id="{}" card_type="citation_card" type="render_inline_citation">'
    card = {"id": "c2", "type": "render_inline_citation", "url": "https://e.com/2"}
    calls.answers(
        *START,
        response(webSearchResults={"results": [{"url": "https://e.com/1", "title": "One", "preview": "p"}]}),
        response(cardAttachment={"jsonData": json.dumps({"id": "c1", "url": "https://e.com/1"})}),
        token("Sky"),
        token(mark.format("c1")[:20]),
        token(mark.format("c1")[20:]),
        token(f" blue{mark.format('c2')}."),
        whole(f"Sky{mark.format('c1')} blue{mark.format('c2')}.", cardAttachmentsJson=[json.dumps(card)]),
    )
    events = await calls.chat()
    assert words(events) == "Sky blue."
    assert [event for event in events if isinstance(event, Citation)] == [
        Citation("https://e.com/1", "One", 3, 3),
        Citation("https://e.com/2", "", 8, 8),
    ]
    assert events[-1] == Ended("stop", "Sky blue.", (Citation("https://e.com/1", "One"),))


async def test_gaps_are_repaired_from_the_sites_own_copy(calls):
    calls.answers(*START, token("Hel"), whole("Hello, <grok:render card_id='x' type='t'>you"))
    events = await calls.chat()
    assert words(events) == "Hello, you"
    calls.answers(*START, token("Hxllo"), whole("Hello"))
    events = await calls.chat()
    assert words(events) == "Hxllo"
    assert events[-1] == Ended("stop", "Hello")
    calls.answers(*START, whole("all at once"))
    assert await calls.chat() == [Text("all at once"), Ended("stop", "all at once")]


async def test_fields_directly_under_result_and_other_framings(calls):
    flat = {"result": {"token": "hi", "isThinking": False, "messageTag": "final", "responseId": "R"}}
    last = {"result": {"modelResponse": {"responseId": "R", "message": "hi", "partial": False}, "responseId": "R"}}
    text = "".join(json.dumps(frame) for frame in (*START, flat, last))
    calls.script.on(NEW, Stream([text[:50], text[50:51], text[51:]]))
    assert words(await calls.chat()) == "hi"
    events = "".join(f"data: {json.dumps(frame)}\n\n" for frame in (*START, flat, last)) + "data: [DONE]\n\n"
    calls.script.on(NEW, Stream([events], headers={"content-type": "text/event-stream"}))
    assert words(await calls.chat()) == "hi"


async def test_an_answer_that_is_never_closed_ends_soon_after_its_text(calls):
    calls.answers(*START, token("done"), response(token="", isSoftStop=True), 3600)
    calls.script._answers[NEW][0][-2]["result"]["response"]["isSoftStop"] = True
    assert (await calls.chat())[-1] == Ended("stop", "done")
    calls.answers(*START, token("done"), response(finalMetadata={}))
    assert (await calls.chat())[-1] == Ended("stop", "done")


@pytest.mark.parametrize("frames", [[], [beat()], [whole("")], [thought("hm"), whole("  ")]])
async def test_an_empty_answer_is_an_error(calls, frames):
    calls.answers(*START, *frames, *([] if frames and "modelResponse" in str(frames) else [response(finalMetadata={})]))
    with pytest.raises(errors.EmptyAnswer):
        await calls.chat()


ROWS = [
    ({"error": {"code": 8, "message": "Too many requests", "details": []}}, errors.RateLimited),
    (error("You've reached your usage limit", usageLimitReached={}), errors.RateLimited),
    (error("Stream aborted by server: ResourceExhausted", modelNotAvailable={}), errors.UpstreamOverloaded),
    (error("x", contentModerated={}), errors.ContentModerated),
    (error("x", beyondContextLength={}), errors.ContextTooLong),
    (error("x", userPromptTooLong={}), errors.ContextTooLong),
    (error("x", attachmentImageTooLarge={"maxSizeBytes": 5}), errors.ImageTooLarge),
    (error("x", internalError={}), errors.UpstreamOverloaded),
    (error("x", toolCallFailed={}), errors.GenerationFailed),
    (error("x", concurrencyLimit={}), errors.RateLimited),
    (error("media generation credits", usagePoolExhausted={}), errors.RateLimited),
    ({"error": {"code": 16, "message": "x"}}, errors.LoginRequired),
    (error("something new"), errors.UpstreamError),
]


@pytest.mark.parametrize(("frame", "expected"), ROWS)
@pytest.mark.parametrize("late", [False, True])
async def test_errors_inside_the_stream(calls, frame, expected, late):
    calls.answers(*START, *([token("a")] if late else []), frame, token("b"), whole("ab"))
    if not late:
        with pytest.raises(expected):
            await calls.chat()
        return
    seen = []
    with pytest.raises(expected):
        async with calls.maker.chat(_request()) as events:
            async for event in events:
                seen.append(event)
    assert seen == [Text("a")]
    assert calls.script.count(NEW) == 1, "never asked again once something was told"


def _request():
    from gateway.calls.model import ChatRequest

    return ChatRequest((Turn(Role.USER, "hi"),), mode="fast")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, "{}", errors.LoginRequired),
        (403, '{"error":{"code":7,"message":"Request rejected by anti-bot rules."}}', errors.AntiBotRefused),
        (429, '{"error":{"code":8,"message":"Too many requests"}}', errors.RateLimited),
        (403, "", errors.ChallengeRequired),
        (402, "{}", errors.SpendingLimit),
        (413, "{}", errors.ImageTooLarge),
        (503, '{"code":14,"message":"x"}', errors.UpstreamOverloaded),
    ],
)
async def test_refusals(calls, status, body, expected):
    calls.script.on(NEW, Stream([body], status=status))
    with pytest.raises(expected) as refused:
        await calls.chat()
    by_the_operator = {errors.LoginRequired, errors.AntiBotRefused, errors.ChallengeRequired}
    assert ("; the gateway's operator has to " in refused.value.message) == (expected in by_the_operator)


async def test_a_page_where_frames_belong_is_a_challenge(calls):
    page = Stream(["<html><title>Just a moment...</title>"], headers={"content-type": "text/html"})
    calls.script.on(NEW, page)
    with pytest.raises(errors.ChallengeRequired):
        await calls.chat()
    assert calls.pool.verdicts[0][1].clearance is Clearance.CHALLENGED


async def test_a_limit_rests_the_mode_and_media_credits_rest_pictures(calls):
    calls.answers(error("usage limit", usageLimitReached={}))
    with pytest.raises(errors.RateLimited):
        await calls.chat(mode="expert")
    calls.answers(*START, error("x", usagePoolExhausted={}))
    with pytest.raises(errors.RateLimited):
        await calls.chat()
    assert [rest.kind for rest in calls.pool.rests["a"]] == ["chat:expert", "image"]
    with pytest.raises(errors.RateLimited) as resting:
        await calls.chat(mode="expert")
    assert 50 < (resting.value.retry_after_s or 0) <= 60
    assert calls.script.count(NEW) == 2, "a mode that rests is not asked"
    calls.answers(*START, whole("fine"))
    assert words(await calls.chat()) == "fine"


async def test_a_limit_that_names_no_time_lasts_as_long_as_the_sites_limits_say(calls):
    calls.answers(error("usage limit", usageLimitReached={}))
    calls.script.on(
        "POST /rest/rate-limits", {"windowSizeSeconds": 7200, "remainingQueries": 0, "waitTimeSeconds": 900}
    )
    with pytest.raises(errors.RateLimited) as limited:
        await calls.chat(mode="expert")
    assert limited.value.retry_after_s == pytest.approx(900, abs=2)
    assert calls.script.bodies("POST /rest/rate-limits") == [{"modelName": "expert"}]
    with pytest.raises(errors.RateLimited) as resting:
        await calls.chat(mode="expert")
    assert resting.value.retry_after_s == pytest.approx(900, abs=2)


async def test_silence_at_the_start_and_in_the_middle(calls):
    calls.answers(3600)
    with pytest.raises(errors.UpstreamTimeout):
        await calls.chat()
    calls.answers(*START, token("a"), TransportTimeout("sent nothing for 90 s"))
    with pytest.raises(errors.UpstreamTimeout):
        await calls.chat()


@pytest.mark.parametrize(
    ("begin", "sign"),
    [([token("a")], beat()), ([thought("hm")], {"result": {"response": {"keepAlive": {}}}}), ([], {"result": {}})],
)
async def test_a_site_that_only_keeps_the_line_alive_is_given_up(calls, begin, sign):
    stream = Stream([*START, *begin, *[piece for _ in range(200) for piece in (sign, 0.05)]])
    calls.script.on(NEW, stream)
    with pytest.raises(errors.UpstreamTimeout, match="only kept the line open"):
        await calls.chat()
    assert stream.aborted


async def test_signs_of_life_before_the_answer_do_not_put_its_beginning_off(calls):
    calls.answers(*[piece for _ in range(200) for piece in ("\n", 0.05)])
    with pytest.raises(errors.UpstreamTimeout, match="did not begin"):
        await calls.chat()


async def test_thinking_may_take_longer_than_the_usual_patience(calls, monkeypatch):
    monkeypatch.setattr(over_rest, "KEPT_ALIVE", 30)
    calls.answers(*START, *[piece for _ in range(10) for piece in (beat(), 0.05)], token("a"), whole("a"))
    assert words(await calls.chat()) == "a"


@pytest.mark.parametrize("rest", [[], ["\n\n"], ["\n\n", 3600]])
async def test_a_stream_that_says_it_is_done_is_done(calls, rest):
    lines = [f"data: {json.dumps(frame)}\n\n" for frame in (*START, token("Hel"), token("lo"))]
    calls.answers(*lines, "data: [DO", "NE]", *rest)
    assert (await calls.chat())[-1] == Ended("stop", "Hello")


async def test_an_answer_that_never_ends_is_ended(tmp_path):
    calls = Calls(tmp_path, chat_timeout_s=0.5, call_idle_timeout_s=30)
    stream = Stream([*START, *[piece for _ in range(100) for piece in (token("on and "), 0.05)]])
    calls.script.on(NEW, stream)
    with pytest.raises(errors.DeadlineExceeded, match=r"longer than 0\.5 s"):
        await calls.chat()
    assert stream.aborted
    assert calls.pool.used == {"a": 0}


async def test_a_broken_stream_is_mended_from_the_conversation(calls):
    calls.answers(*START, token("Hel"), TransportFailed("reset"))
    calls.script.on(
        TURNS, turns(human(), turn([], message="Hel", partial=True)), turns(human(), turn([], message="Hello"))
    )
    events = await calls.chat()
    assert words(events) == "Hello"
    assert events[-1] == Ended("stop", "Hello")
    calls.script.on(TURNS, turns(human(), turn([], message="something else")))
    with pytest.raises(errors.AnswerCut):
        await calls.chat()
    calls.answers(*START, token("Hel"))  # the end of the body, and no closing frame
    with pytest.raises(errors.AnswerCut):
        await calls.chat()


async def test_a_lost_page_is_a_failed_browser(calls):
    calls.answers(*START, token("a"), SlotLost("the page is gone"))
    with pytest.raises(errors.BrowserFailed):
        await calls.chat()


async def test_pictures_made_in_a_chat_are_fetched_and_kept(calls):
    calls.script.file(image_file("J"), picture()).file(image_file("K"), 404, picture(32, 32, "PNG"))
    calls.answers(
        *START, token("Here"), image("J", 50), image("J"), image("J"), image("M", 100, moderated=True),
        response(cardAttachment={"jsonData": json.dumps({"id": "g", "image_chunk": {
            "imageUuid": "K", "imageUrl": "users/U/generated/K/image.jpg", "progress": 100, "moderated": False}})}),
        whole("Here", generatedImageUrls=["https://assets.grok.com/users/U/generated/J/image.jpg"]),
    )  # fmt: skip
    events = await calls.chat(key_id="k1")
    pictures = [event for event in events if isinstance(event, Picture)]
    assert {(found.width, found.height, found.media_type) for found in pictures} == {
        (64, 48, "image/jpeg"),
        (32, 32, "image/png"),
    }
    assert [type(event) for event in events if isinstance(event, PictureRefused)] == [PictureRefused]
    assert isinstance(events[-1], Ended)
    asset = calls.media.assets[pictures[0].asset_id]
    assert asset.kind is AssetKind.IMAGE
    assert asset.key_id == "k1"
    assert asset.expires_at is not None


async def test_a_picture_that_cannot_be_had_is_told(calls):
    calls.script.file(image_file("J"), 404)
    calls.answers(*START, token("Here"), image("J"), whole("Here"))
    events = await calls.chat()
    assert [event.code for event in events if isinstance(event, PictureRefused)] == ["download_failed"]
    calls.script.file(image_file("J"), b"no picture")
    calls.answers(*START, image("J"), whole(""))
    with pytest.raises(errors.InvalidMedia):
        await calls.chat()
    calls.answers(*START, image("J", 100, moderated=True), whole(""))
    with pytest.raises(errors.ContentModerated):
        await calls.chat()


async def test_pictures_of_the_caller_are_uploaded_and_attached(calls):
    kept = await calls.media.add(picture(), kind=AssetKind.INPUT, suffix=".jpg", media_type="image/jpeg")
    calls.script.on("UPLOAD /http/upload-file-v2/direct", {"fileMetadata": {"fileMetadataId": "F", "fileUri": "u"}})
    calls.answers(*START, whole("a cat"))
    await calls.chat(Turn(Role.SYSTEM, "Look."), Turn(Role.USER, "What?", images=(kept.id, kept.id)))
    (body,) = calls.script.bodies(NEW)
    assert body["fileAttachments"] == ["F", "F"]
    assert body["message"].endswith("### user\nWhat?\n[image 1]\n[image 2]")
    assert calls.script.count("UPLOAD /http/upload-file-v2/direct") == 1


async def test_leaving_the_block_leaves_the_stream(calls):
    stream = Stream([*START, token("a"), 3600])
    calls.script.on(NEW, stream)
    async with asyncio.timeout(60), calls.maker.chat(_request()) as events:
        assert await anext(aiter(events)) == Text("a")
        assert not stream.aborted
    assert stream.aborted
    assert calls.pool.used == {"a": 0}
