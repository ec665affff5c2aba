"""Chats over the ``mgw`` WebSocket, and which of the two ways is taken."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from browser.errors import TransportFailed, TransportRefused
from gateway import errors
from gateway.calls.model import ChatRequest, Citation, Ended, Picture, Reasoning, Role, Text, Turn
from gateway.grok.chat import over_mgw
from gateway.media.assets import AssetKind
from tests.grok.calling import MGW, START, Calls, image_file, picture, token, whole, words
from tests.grok.script import NEW, ScriptedSocket, Stream


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_mgw, "ATTACH_S", 0.05)
    monkeypatch.setattr(over_mgw, "PING_EVERY_S", 0.05)


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path, chat_protocol="mgw")


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"session_id": "S", "event": {"type": kind, "event_id": "x", **fields}}


def chunk(text: str, channel: str = "CHANNEL_ASSISTANT_RESPONSE") -> dict[str, Any]:
    return event("response.chunk", chunk={"text": {"text": text, "channel": channel}})


CREATED = event("session.created", client_event_id="e1")
ATTACHED = event("conversation.attached", conversation={"id": "S", "object": "realtime.conversation"}, mode="new")
DONE = event("response.done", response={"id": "r", "status": "completed", "usage": {}})
OPEN = [CREATED, ATTACHED, event("response.created", response={"id": "r", "status": "in_progress"})]


def over(calls: Calls, *frames: Any, opened: bool = True) -> ScriptedSocket:
    socket = ScriptedSocket([*(OPEN if opened else []), *frames])
    calls.script.on(MGW, socket)
    return socket


async def test_a_session_a_message_a_response(calls):
    socket = over(calls, chunk("Hel"), chunk("lo"), DONE)
    assert await calls.chat("hi") == [Text("Hel"), Text("lo"), Ended("stop", "Hello")]
    assert calls.script.calls[0].query == "uid=U"
    assert socket.closed
    assert socket.events == ["session.create", "conversation.item.create", "response.create"]
    create, item, _ = socket.sent
    assert "session_id" not in create
    assert create["event"]["session"]["model"] == "fast"
    assert create["event"]["session"]["x_grok"]["is_temporary"] is True
    assert item["session_id"] == "S"
    assert item["event"]["item"]["x_grok"]["input_chunks"] == [{"text": {"text": "hi"}}]


@pytest.mark.parametrize(
    "frames", [[CREATED], [ATTACHED], [CREATED, ATTACHED], [event("ping"), CREATED, "nonsense", "[]"]]
)
async def test_a_session_begins_in_several_ways(calls, frames):
    over(calls, *frames, *([] if ATTACHED in frames else [0.1]), chunk("hi"), DONE, opened=False)
    assert words(await calls.chat()) == "hi"


async def test_channels_tell_thinking_from_the_answer(calls):
    over(
        calls,
        chunk("Plan", "CHANNEL_ASSISTANT_THINKING_NOTETAKER_HEADER"),
        chunk("hm", "CHANNEL_ANALYSIS"),
        chunk("so", "CHANNEL_ASSISTANT_THINKING"),
        chunk("secret", "CHANNEL_TOOL_CALL"),
        event("response.chunk", chunk={"tool_usage_card": {"id": "t"}}),
        event("response.chunk", chunk={"text": {"text": "42"}}),
        DONE,
    )
    assert await calls.chat() == [
        Reasoning("Plan", title=True), Reasoning("hm"), Reasoning("so"), Text("42"), Ended("stop", "42"),
    ]  # fmt: skip


async def test_the_older_form_of_text(calls):
    over(
        calls, event("response.output_text.delta", delta="Hel"), event("response.output_text.done", text="Hello"), DONE
    )
    assert words(await calls.chat()) == "Hello"
    both = [
        event("response.output_text.delta", delta="Hi"),
        chunk("Hi"),
        event("response.output_text.delta", delta="!"),
    ]
    over(calls, *both, DONE)
    assert words(await calls.chat()) == "Hi!"
    over(calls, chunk("Hel"), event("response.done", response={
        "status": "incomplete", "output": [{"content": [{"type": "output_text", "text": "Hello"}]}]}))  # fmt: skip
    assert (await calls.chat())[-1] == Ended("length", "Hello")


async def test_sources_and_pictures(calls):
    calls.script.file(image_file("J"), picture())
    made = {"image_chunk": {"image_uuid": "J", "image_url": "users/U/generated/J/image.jpg", "progress": 100}}
    over(
        calls,
        event("response.search.result", results=[{"url": "https://e.com/1", "title": "One"}]),
        chunk('Sky<grok:render card_id="c1" type="render_inline_citation">'),
        event("response.chunk", chunk={"render_citation": {"card_id": "c1", "url": "https://e.com/1"}}),
        event("response.chunk", chunk={"render_generated_image": made}),
        event("response.grok.output", output={"card_attachment": {"json_data": json.dumps({"id": "c2", "url": "https://e.com/2"})}}),
        DONE,
    )  # fmt: skip
    events = await calls.chat()
    assert words(events) == "Sky"
    assert Citation("https://e.com/1", "One", 3, 3) in events
    assert Citation("https://e.com/2") in events
    assert [type(found) for found in events if isinstance(found, Picture)] == [Picture]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (event("error", error={"code": "rate_limit_exceeded", "message": "slow"}), errors.RateLimited),
        (event("error", error={"code": 16, "message": "x"}), errors.LoginRequired),
        (event("error", code="resource_exhausted", message="x"), errors.RateLimited),
        (event("response.grok.output", output={"stream_error": {"usage_limit_reached": {}}}), errors.RateLimited),
        (event("response.grok.output", output={"stream_error": {"content_moderated": {}}}), errors.ContentModerated),
        (event("response.done", response={"status": "failed", "error": {"code": 13, "message": "x"}}), errors.UpstreamOverloaded),
        (event("session.ended"), errors.AnswerCut),
        (TransportFailed("closed with code 1006"), errors.AnswerCut),
        (DONE, errors.EmptyAnswer),
        (3600, errors.UpstreamTimeout),
    ],
)  # fmt: skip
async def test_what_can_go_wrong(calls, frame, expected):
    over(calls, frame)
    with pytest.raises(expected):
        await calls.chat()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, errors.LoginRequired),
        (403, errors.ChallengeRequired),
        (429, errors.RateLimited),
        (404, errors.UpstreamError),
    ],
)
async def test_a_refused_opening(calls, status, expected):
    calls.script.on(MGW, TransportRefused("refused", status=status))
    with pytest.raises(expected):
        await calls.chat()


async def test_heartbeats_both_ways(calls):
    socket = over(
        calls, chunk("a"), event("ping"), 0.12, event("pong"), event("error", client_event_id="?"), chunk("b"), DONE
    )
    at = next(
        i for i, frame in enumerate(socket.frames) if isinstance(frame, dict) and frame["event"]["type"] == "error"
    )
    socket.frames[at] = lambda sent: event("error", error={
        "event_id": next(s["event"]["event_id"] for s in sent if s["event"]["type"] == "ping"), "message": "unknown"})  # fmt: skip
    assert words(await calls.chat()) == "ab"
    assert "pong" in socket.events
    assert "ping" in socket.events


async def test_a_site_that_only_keeps_the_line_alive_is_given_up(calls):
    socket = over(calls, chunk("a"), *[piece for _ in range(200) for piece in (0.05, event("ping"))])
    with pytest.raises(errors.UpstreamTimeout, match="nothing but heartbeats"):
        await calls.chat()
    assert socket.closed
    assert socket.events.count("pong") >= 6, "the patience is longer than that for silence"


async def test_files_are_mentioned(calls):
    kept = await calls.media.add(picture(), kind=AssetKind.INPUT, suffix=".jpg", media_type="image/jpeg")
    calls.script.on("UPLOAD /http/upload-file-v2/direct", {"fileMetadata": {"fileMetadataId": "F", "fileUri": "u"}})
    socket = over(calls, chunk("a cat"), DONE)
    await calls.chat(Turn(Role.USER, "What?", images=(kept.id,)))
    x_grok = socket.sent[1]["event"]["item"]["x_grok"]
    assert x_grok["file_attachment_ids"] == ["F"]
    assert x_grok["input_chunks"] == [
        {"mention": {"target": {"file_mention": {"file_id": "F"}}}},
        {"text": {"text": "What?"}},
    ]


async def test_leaving_the_block_cancels_and_closes(calls):
    socket = over(calls, chunk("a"), 3600)
    async with (
        asyncio.timeout(60),
        calls.maker.chat(ChatRequest((Turn(Role.USER, "hi"),), mode="fast")) as events,
    ):
        assert await anext(aiter(events)) == Text("a")
    assert socket.closed
    assert socket.events[-1] == "response.cancel"


# -- which way


UNKNOWN = Stream([json.dumps({"code": 3, "message": 'unknown field "modeId"', "details": []})], status=400)


async def test_a_way_the_site_does_not_take_leads_to_the_other_and_is_remembered(tmp_path):
    calls = Calls(tmp_path)
    calls.script.on(NEW, UNKNOWN)
    over(calls, chunk("a"), DONE)
    assert words(await calls.chat()) == "a"
    over(calls, chunk("b"), DONE)
    assert words(await calls.chat()) == "b"
    assert calls.script.count(NEW) == 1
    calls.script.on(MGW, TransportRefused("gone", status=404))
    calls.script.on(NEW, [*START, token("c"), whole("c")])
    assert words(await calls.chat()) == "c"
    assert words(await calls.chat()) == "c"
    assert calls.script.count(MGW) == 3


async def test_a_site_that_knows_no_modes_is_asked_by_name(tmp_path):
    calls = Calls(tmp_path, chat_protocol="rest")
    calls.script.on(NEW, UNKNOWN, [*START, whole("a")])
    assert words(await calls.chat(rest_name="grok-4", mode="expert")) == "a"
    body = calls.script.bodies(NEW)[-1]
    assert "modeId" not in body
    assert body["modelName"] == "grok-4"
    assert body["modelMode"] == "MODEL_MODE_EXPERT"
    assert calls.script.count(MGW) == 0


async def test_after_something_was_told_no_other_way_is_tried(tmp_path):
    calls = Calls(tmp_path)
    calls.answers(*START, token("a"), {"error": {"code": 12, "message": "unimplemented"}})
    with pytest.raises(errors.GatewayError):
        await calls.chat()
    assert calls.script.count(MGW) == 0
    calls = Calls(tmp_path)
    calls.answers({"error": {"code": 8, "message": "Too many requests"}})
    with pytest.raises(errors.RateLimited):
        await calls.chat()
    assert calls.script.count(MGW) == 0, "a limit is no refusal of the form"
