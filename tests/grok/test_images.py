"""Image requests: over the imagine WebSocket, by chat, and edits."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from browser.errors import TransportFailed, TransportRefused
from gateway import errors
from gateway.calls.model import ImageRequest, Picture, PicturePreview, PictureRefused
from gateway.grok.chat import over_rest
from gateway.grok.images import batch, ways
from gateway.media.assets import AssetKind
from tests.grok.calling import IMAGINE, START, Calls, image, image_file, picture, whole
from tests.grok.frames import error
from tests.grok.script import NEW, ScriptedSocket, Stream

QUOTA = "POST /rest/media/imagine/quota_info"
UPLOAD = "UPLOAD /http/upload-file-v2/direct"
LIMITED = {"type": "error", "err_code": "rate_limit_exceeded", "err_msg": "Image rate limit exceeded"}


@pytest.fixture
def calls(tmp_path: Path) -> Calls:
    return Calls(tmp_path)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VERDICT_S", "BYTES_S", "BLOCKED_S", "QUIET_S"):
        monkeypatch.setattr(batch, name, 0.05)
    monkeypatch.setattr(over_rest, "LINGER_S", 0.05)
    monkeypatch.setattr("gateway.grok.pictures.LATE_S", 0.05)
    monkeypatch.setattr("gateway.grok.pictures.FIRST_PAUSE_S", 0.01)


class Painter(ScriptedSocket):
    """A socket that answers each request with what *paints* makes of (job, request id)."""

    def __init__(self, paints: Callable[[str, str], list[Any]], *, at_most: int = 99) -> None:
        super().__init__([])
        self._paints = paints
        self._at_most = at_most
        self._jobs = 0

    async def send(self, text: str) -> None:
        await super().send(text)
        content = self.sent[-1]["item"]["content"][0]
        if content["type"] == "input_text":
            made: list[list[Any]] = []
            for _ in range(min(self._at_most, content["properties"]["num_generations"])):
                self._jobs += 1
                made.append(self._paints(f"J{self._jobs}", content["requestId"]))
            # interleaved, as the site does
            self.frames += [frames[i] for i in range(max(map(len, made))) for frames in made if i < len(frames)]

    @property
    def questions(self) -> list[dict[str, Any]]:
        contents = [sent["item"]["content"][0] for sent in self.sent]
        return [content for content in contents if content["type"] == "input_text"]


def frames(job: str, request_id: str, *, percents: tuple[int, ...] = (50, 100), moderated: bool = False) -> list[Any]:
    said: dict[str, Any] = {"job_id": job, "image_id": job, "request_id": request_id, "order": 0}
    shown = [
        {
            **said, "type": "image", "id": job, "percentage_complete": percent, "blob": base64.b64encode(picture()).decode(),
            "url": f"https://imagine-public.x.ai/imagine-public/images/{job}.{'jpg' if percent == 100 else 'png'}",
        }
        for percent in percents
    ]  # fmt: skip
    begun = {
        **said,
        "type": "json",
        "current_status": "start_stage",
        "percentage_complete": 0,
        "full_prompt": "a fine cat",
    }
    done = {**said, "type": "json", "current_status": "completed", "moderated": moderated}
    return [begun, *shown, *([done] if 100 in percents or moderated else [])]


def made(events: list[Any]) -> int:
    return sum(isinstance(event, Picture) for event in events)


def refused(events: list[Any]) -> list[str]:
    return [event.code for event in events if isinstance(event, PictureRefused)]


@pytest.mark.parametrize(
    ("count", "quality", "asked"), [(1, "speed", [1]), (10, "speed", [6, 4]), (9, "quality", [4, 4, 1])]
)
async def test_as_many_as_asked_for_in_several_requests(calls, count, quality, asked):
    painter = Painter(frames)
    calls.script.on(IMAGINE, painter)
    events = await calls.images(count=count, quality=quality, aspect_ratio="16:9")
    assert made(events) == count
    assert [event.index for event in events if isinstance(event, PicturePreview)] == list(range(count))
    assert [question["properties"]["num_generations"] for question in painter.questions] == asked
    question = painter.questions[0]
    assert question["text"] == "a cat"
    assert question["properties"]["aspect_ratio"] == "16:9"
    assert question["properties"]["enable_pro"] is (quality == "quality")
    assert painter.sent[0]["item"]["content"] == [{"type": "reset"}]
    assert painter.closed
    assert {event.prompt for event in events if isinstance(event, Picture)} == {"a fine cat"}


async def test_the_file_is_preferred_and_the_bytes_at_hand_are_enough(calls):
    calls.script.on(IMAGINE, Painter(frames))
    calls.script.file("https://imagine-public.x.ai/imagine-public/images/J1.jpg", picture(96, 80))
    events = await calls.images(count=2, key_id="k")
    assert sorted((event.width, event.height) for event in events if isinstance(event, Picture)) == [(64, 48), (96, 80)]
    assert {asset.kind for asset in calls.media.assets.values()} == {AssetKind.IMAGE}
    assert {asset.key_id for asset in calls.media.assets.values()} == {"k"}


async def test_a_picture_returned_for_other_words_is_told_apart(calls):
    stock = picture(96, 80, "PNG")

    async def suspects(prompt: str) -> list[bool]:
        calls.script.on(IMAGINE, Painter(frames))
        calls.script.file("https://imagine-public.x.ai/imagine-public/images/J1.jpg", stock)
        return [event.suspect for event in await calls.images(prompt) if isinstance(event, Picture)]

    assert await suspects("a cat") == [False]
    assert await suspects("a  Cat ") == [False], "the same words"
    assert await suspects("a lighthouse") == [True]
    assert await suspects("a cat") == [False], "it is rightfully theirs"


async def test_a_site_that_makes_fewer_or_more_at_once(calls):
    painter = Painter(frames, at_most=2)
    calls.script.on(IMAGINE, painter)
    assert made(await calls.images(count=5)) == 5
    assert [question["properties"]["num_generations"] for question in painter.questions] == [5, 3, 1]
    socket = ScriptedSocket([frame for job in "ABCD" for frame in frames(job, "")])
    calls.script.on(IMAGINE, socket)
    assert made(await calls.images(count=2)) == 2


async def test_what_is_refused_is_told_and_what_is_finished_is_kept(calls):
    def paints(job: str, request_id: str) -> list[Any]:
        if job == "J1":
            return frames(job, request_id, percents=(50,), moderated=True)
        return frames(job, request_id, percents=(50,)) if job == "J2" else frames(job, request_id)

    calls.script.on(IMAGINE, Painter(paints))
    events = await calls.images(count=3)
    assert made(events) == 1
    assert refused(events) == ["content_moderated", "content_moderated"]
    calls.script.on(IMAGINE, Painter(lambda job, request_id: frames(job, request_id, percents=(50,), moderated=True)))
    with pytest.raises(errors.ContentModerated):
        await calls.images(count=2)
    assert calls.script.count(IMAGINE) == 2, "a refusal is not tried again"


async def test_a_cut_after_some_pictures_keeps_them(calls):
    socket = ScriptedSocket([*frames("A", ""), *frames("B", "")[:2], TransportFailed("closed with code 1006")])
    calls.script.on(IMAGINE, socket)
    events = await calls.images(count=3)
    assert made(events) == 1
    assert refused(events) == ["answer_cut"] * 2
    calls.script.on(IMAGINE, ScriptedSocket([*frames("B", "")[:2], TransportFailed("closed with code 1006")]))
    with pytest.raises(errors.AnswerCut):
        await calls.images(count=2)
    calls.script.on(IMAGINE, ScriptedSocket([*frames("B", "")[:1], 3600]))
    with pytest.raises(errors.UpstreamTimeout):
        await calls.images()


async def test_a_limit_is_told_with_its_time_and_not_tried_again(calls):
    socket = ScriptedSocket([LIMITED])
    calls.script.on(IMAGINE, socket)
    calls.script.on(
        QUOTA, {"image": {"available": True, "remainingQueries": 0, "nextAvailableAt": "2999-01-01T00:00:00Z"}}
    )
    with pytest.raises(errors.RateLimited) as limited:
        await calls.images(count=2)
    assert limited.value.retry_after_s == pytest.approx(60, abs=2)
    assert [rest.kind for rest in calls.pool.rests["a"]] == ["image:words"]
    assert calls.script.count(IMAGINE) == 1
    assert calls.script.count(NEW) == 0
    with pytest.raises(errors.RateLimited):
        await calls.images()
    assert calls.script.count(IMAGINE) == 1


async def test_pictures_from_words_and_edits_have_limits_of_their_own(calls):
    inputs = await kept(calls)
    calls.script.on(IMAGINE, ScriptedSocket([LIMITED]))
    with pytest.raises(errors.RateLimited):
        await calls.images()
    calls.script.file(image_file("A"), picture())
    calls.script.on(NEW, [*START, image("A"), whole("one")])
    assert made(await calls.images("blue", images=inputs)) == 1
    calls.pool.rests["a"].clear()
    calls.script.on(NEW, [{"error": {"code": 8, "message": "Too many requests"}}])
    with pytest.raises(errors.RateLimited):
        await calls.images("blue", images=inputs)
    assert [rest.kind for rest in calls.pool.rests["a"]] == ["image:edits"]
    calls.script.on(IMAGINE, ScriptedSocket(frames("J", "")))
    calls.script.file(image_file("J"), picture())
    assert made(await calls.images()) == 1
    with pytest.raises(errors.RateLimited):
        await calls.images("blue", images=inputs)


async def test_a_limit_after_some_pictures_keeps_them(calls):
    calls.script.on(IMAGINE, ScriptedSocket([*frames("A", ""), LIMITED]))
    events = await calls.images(count=2)
    assert made(events) == 1
    assert refused(events) == ["rate_limited"]


async def test_a_limited_profile_hands_on_to_another(tmp_path):
    calls = Calls(tmp_path, "a", "b")
    calls.script.on(IMAGINE, ScriptedSocket([LIMITED]))
    calls.pool.scripts["b"].on(IMAGINE, Painter(frames))
    assert made(await calls.images()) == 1
    assert calls.pool.lent == ["a", "b"]


@pytest.mark.parametrize(
    "refusal",
    [
        TransportRefused("x", status=404),
        TransportRefused("x", status=429),
        TransportRefused("x", status=0),
        ScriptedSocket([TransportFailed("closed with code 1008")]),
    ],
)
async def test_a_socket_that_is_not_to_be_had_leads_to_the_chat_and_is_remembered(calls, refusal):
    calls.script.on(IMAGINE, refusal)
    calls.script.file(image_file("J"), picture()).file(image_file("K"), picture())
    drawn = [*START, image("J", 50), image("J"), image("K"), whole("I made two")]
    calls.script.on(NEW, drawn, drawn)
    assert made(await calls.images(count=2, aspect_ratio="16:9")) == 2
    body = calls.script.bodies(NEW)[0]
    assert body["message"] == "Generate an image (aspect ratio 16:9): a cat"
    assert body["imageGenerationCount"] == 2
    assert body["toolOverrides"] == {"imageGen": True}
    assert made(await calls.images()) == 1
    assert calls.script.count(IMAGINE) == 1


@pytest.mark.parametrize(("status", "expected"), [(401, errors.LoginRequired), (403, errors.ChallengeRequired)])
async def test_a_socket_refused_to_this_profile(calls, status, expected):
    calls.script.on(IMAGINE, TransportRefused("x", status=status))
    with pytest.raises(expected):
        await calls.images()
    assert calls.script.count(NEW) == 0


async def test_a_socket_that_only_ever_limits_is_retired(tmp_path, monkeypatch):
    calls = Calls(tmp_path, cooldown_s=0.01)
    calls.script.file(image_file("J"), picture())
    calls.script.on(NEW, [*START, image("J"), whole("made")])
    calls.script.on(IMAGINE, ScriptedSocket([LIMITED]), ScriptedSocket([LIMITED]))
    with pytest.raises(errors.RateLimited):
        await calls.images()
    calls.pool.rests["a"].clear()
    assert made(await calls.images()) == 1
    clock = [0.0]
    memory = ways.WayMemory(lambda: clock[0])
    memory.retired("a")
    assert not memory.by_socket("a")
    clock[0] += ways.RETIRED_S
    assert memory.by_socket("a")


async def test_a_chat_that_answers_in_words_or_with_a_limit(calls):
    calls.script.on(IMAGINE, TransportRefused("x", status=404))
    calls.script.on(NEW, [*START, whole("I cannot draw that")])
    with pytest.raises(errors.NoImageInAnswer, match="cannot draw"):
        await calls.images()
    calls.script.on(NEW, [*START, error("x", usagePoolExhausted={})])
    with pytest.raises(errors.RateLimited):
        await calls.images()
    assert [rest.kind for rest in calls.pool.rests["a"]] == ["image"]


# -- edits


async def kept(calls: Calls, *, count: int = 1) -> tuple[str, ...]:
    calls.script.on(UPLOAD, {"fileMetadata": {"fileMetadataId": "F", "fileUri": "users/U/F/content"}})
    found = [
        await calls.media.add(picture(), kind=AssetKind.INPUT, suffix=".jpg", media_type="image/jpeg")
        for _ in range(count)
    ]
    return tuple(asset.id for asset in found)


async def test_an_edit_is_repeated_until_enough_are_there(calls):
    inputs = await kept(calls, count=2)
    for job in "ABC":
        calls.script.file(image_file(job), picture())
    calls.script.on(
        NEW, [*START, image("A"), image("B"), whole("two")], [*START, image("C", 50), image("C"), whole("one")]
    )
    events = await calls.images("blue", count=3, images=inputs, aspect_ratio="auto")
    assert made(events) == 3
    body = calls.script.bodies(NEW)[0]
    assert body["modelName"] == "imagine-image-edit"
    assert body["mediaGenInput"] == {"imageToImage": {"prompt": "blue", "inputAssets": ["F", "F"]}}
    assert calls.script.count(UPLOAD) == 2
    assert calls.script.count(NEW) == 2


async def test_an_older_site_is_asked_in_its_own_shape_and_that_is_remembered(calls):
    inputs = await kept(calls)
    unknown = Stream([json.dumps({"code": 3, "message": 'unknown field "mediaGenInput"'})], status=400)
    calls.script.file(image_file("A"), picture())
    calls.script.on(NEW, unknown, [*START, image("A"), whole("one")])
    calls.script.on("POST /rest/media/post/create", {"post": {"id": "P"}})
    assert made(await calls.images("blue", images=inputs)) == 1
    config = calls.script.bodies(NEW)[1]["responseMetadata"]["modelConfigOverride"]["modelMap"]["imageEditModelConfig"]
    assert config == {"imageReferences": ["https://assets.grok.com/users/U/F/content"], "parentPostId": "P"}
    assert made(await calls.images("blue", images=inputs)) == 1
    assert calls.script.count(NEW) == 3


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ([*START, image("A", 100, moderated=True), whole("")], errors.ContentModerated),
        ([*START, whole("I can only describe it")], errors.NoImageInAnswer),
        ([{"error": {"code": 8, "message": "Too many requests"}}], errors.RateLimited),
        (Stream(["{}"], status=401), errors.LoginRequired),
        ([*START, image("A"), whole("one")], errors.DownloadFailed),
    ],
)
async def test_what_can_become_of_an_edit(calls, stream, expected):
    calls.script.on(NEW, stream)
    with pytest.raises(expected):
        await calls.images("blue", images=await kept(calls))


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"prompt": " "}, "prompt"),
        ({"count": 0}, "1 to 10"),
        ({"count": 11}, "1 to 10"),
        ({"aspect_ratio": "20:9"}, "1:1, 2:3"),
        ({"quality": "best"}, "speed, quality"),
        ({"images": ("x",) * 8}, "7 input pictures at most, not 8"),
    ],
)
async def test_what_the_site_does_not_take_is_refused_before_anything_is_spent(calls, request_, says):
    with pytest.raises(errors.InvalidRequest, match=says):
        await calls.images(**request_)
    assert not calls.pool.lent


async def test_leaving_the_block_closes_the_socket(calls):
    painter = Painter(lambda job, request_id: [*frames(job, request_id)[:2], 3600])
    calls.script.on(IMAGINE, painter)
    async with asyncio.timeout(60), calls.maker.images(ImageRequest("a cat")) as events:
        assert isinstance(await anext(aiter(events)), PicturePreview)
    assert painter.closed
