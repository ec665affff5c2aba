"""Video and image models in chat (seed 004 §1)."""

import base64

import pytest

from gateway.calls.model import PictureRefused
from gateway.dialects.chat.speaking import error_of
from gateway.errors import ContentModerated, GenerationError, GenerationFailed
from gateway.tasks.model import Failure, VideoMode
from gateway.webhooks.callbacks import Callbacks
from tests.front.material import picture
from tests.front.shape import assert_error_shape
from tests.front.sse_text import chunks, content, thoughts

CHAT = "/chat/completions"
VIDEO = {
    "model": "grok-imagine-1.0-video",
    "messages": [{"role": "user", "content": "一只可爱的猫在花园里玩耍"}],
    "video_config": {"aspect_ratio": "16:9", "video_length": 6, "resolution_name": "480p", "preset": "normal"},
}
DATA = "data:image/png;base64," + base64.b64encode(picture()).decode()


async def test_a_callback_of_a_video_in_chat_is_no_ignored_field(front, monkeypatch):
    heard = []

    async def read(_, fields):
        heard.append(fields["callback_url"])

    monkeypatch.setattr(Callbacks, "read", read)
    ask = {"model": "grok-imagine-1.0-video", "messages": [{"role": "user", "content": "a cat"}], "seed": 1}
    answer = await front.http.post("/v1/chat/completions", json=ask | {"callback_url": "https://example.com/hook"})
    assert answer.headers.get("x-gateway-ignored") == "seed", answer.text
    assert heard == ["https://example.com/hook"]


async def test_a_video_comes_as_a_link(front):
    answer = await front.http.post(CHAT, json=VIDEO)
    assert answer.status_code == 200, answer.text
    message = answer.json()["choices"][0]["message"]
    assert message["content"] == message["video"]["url"]
    async with front.client(None) as nobody:
        assert (await nobody.get(message["content"])).headers["content-type"] == "video/mp4"
    [task] = (await front.http.get("/v1/video/tasks")).json()["tasks"]
    assert task["task_id"] == message["video"]["task_id"]
    assert task["prompt"] == "一只可爱的猫在花园里玩耍"


async def test_a_video_is_followed_as_reasoning(front):
    found = chunks((await front.http.post(CHAT, json=VIDEO | {"stream": True})).text)
    assert found[0]["choices"][0]["delta"]["video"]["task_id"].startswith("task_")
    assert thoughts(found).startswith("Generating the video: 5%")
    assert content(found).endswith(".mp4")
    assert found[-1]["choices"][0]["finish_reason"] == "stop"
    quiet = chunks((await front.http.post(CHAT, json=VIDEO | {"stream": True, "thinking": "disabled"})).text)
    assert not thoughts(quiet)


async def test_pictures_of_the_message_are_what_the_video_begins_with(front):
    def said(*urls):
        parts = [{"type": "text", "text": "move"}, *[{"type": "image_url", "image_url": {"url": url}} for url in urls]]
        return VIDEO | {"messages": [{"role": "user", "content": parts}], "video_config": {}}

    for count, mode in ((1, VideoMode.IMAGE), (2, VideoMode.REFERENCES)):
        answer = await front.http.post(CHAT, json=said(*[DATA] * count))
        task = await front.services.store.get(answer.json()["choices"][0]["message"]["video"]["task_id"])
        assert (task.spec.mode, len(task.spec.image_assets), task.spec.prompt) == (mode, count, "move")
    refused = await front.http.post(CHAT, json=said() | {"model": "grok-video-1.5"})
    assert_error_shape(refused, 400, "invalid_value", param="messages")


@pytest.mark.parametrize(
    ("config", "code", "param"),
    [
        ({"video_length": 7}, "invalid_value", "video_config.video_length"),
        ({"video_length": "x"}, "invalid_value", "video_config.video_length"),
        ({"aspect_ratio": "21:9"}, "invalid_value", "video_config.aspect_ratio"),
        ({"resolution_name": "4k"}, "invalid_value", "video_config.resolution_name"),
        ({"preset": "wild"}, "invalid_value", "video_config.preset"),
        ({"preset": "spicy"}, "spicy_not_allowed", "video_config.preset"),
    ],
)
async def test_a_bad_video_config_names_its_field(front, config, code, param):
    answer = await front.http.post(CHAT, json=VIDEO | {"video_config": config, "stream": True})
    assert_error_shape(answer, 400, code, param=param)


async def test_a_video_that_fails_is_an_error(front, site):
    async def fails(*_):
        raise ContentModerated("The site refuses this content.")

    site.script = fails
    assert_error_shape(await front.http.post(CHAT, json=VIDEO), 400, "content_policy_violation")
    found = chunks((await front.http.post(CHAT, json=VIDEO | {"stream": True})).text)
    assert found[-1]["error"]["code"] == "content_policy_violation"


def test_a_stored_failure_is_its_error_again():
    assert type(error_of(Failure("content_moderated", "no", "", False))) is ContentModerated
    assert type(error_of(Failure("generation_failed", "no", "", True))) in {GenerationFailed, GenerationError}
    assert type(error_of(Failure("upstream_drifted", "no", "", True))) is GenerationError
    assert type(error_of(None)) is GenerationFailed


async def test_an_idempotency_key_finds_the_same_video(front):
    ids = set()
    for _ in range(2):
        answer = await front.http.post(CHAT, json=VIDEO, headers={"idempotency-key": "k1"})
        ids.add(answer.json()["choices"][0]["message"]["video"]["task_id"])
    assert len(ids) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_image_model_answers_with_pictures(front, site, stream):
    body = {
        "model": "grok-imagine-1.0",
        "messages": VIDEO["messages"],
        "image_config": {"n": 2, "size": "1792x1024"},
        "stream": stream,
    }
    answer = await front.http.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    text = content(chunks(answer.text)) if stream else answer.json()["choices"][0]["message"]["content"]
    assert text.count("](http") == 2
    asked = site.calls.images_asked[-1]
    assert (asked.count, asked.aspect_ratio, asked.images) == (2, "16:9", ())


async def test_an_image_model_edits_the_messages_pictures(front, site):
    parts = [{"type": "text", "text": "bluer"}, {"type": "image_url", "image_url": {"url": DATA}}]
    body = {"model": "grok-imagine-1.0", "messages": [{"role": "user", "content": parts}]}
    assert (await front.http.post(CHAT, json=body)).status_code == 200
    asked = site.calls.images_asked[-1]
    assert (asked.prompt, len(asked.images), asked.aspect_ratio) == ("bluer", 1, "auto")
    site.calls.image_script = [PictureRefused(0, "content_moderated", "no")]
    assert_error_shape(await front.http.post(CHAT, json=body), 400, "content_policy_violation")
