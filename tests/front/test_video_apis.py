"""The video APIs on their shared paths over a real socket: each from create to file, and which one answers."""

import asyncio
import base64
import io
import os
import re

import pytest
from PIL import Image

from gateway.tasks.model import VideoMode
from tests.front.videos import (
    DATA_URL,
    DUBRIFY,
    GENERATIONS,
    MODEL,
    NEWAPI,
    OPENAI,
    PNG,
    SYNC,
    VIDEOS,
    film_at,
    get,
    made,
    over,
    watched,
)


@pytest.fixture
def seen(front):
    """The specs of what the site was asked for."""
    found = []
    front.site.script = lambda site, task, journal: watched(site, task, journal, found)
    return found


# -- each API from create to file --------------------------------------------------------------------------------------
async def test_dubrify(front, the_film, seen):
    request_id = await made(front, VIDEOS, DUBRIFY | {"prompt": "hold", "duration": 8}, key="request_id")
    assert re.fullmatch(r"grok_video_[0-9a-f]{32}", request_id)
    assert await get(front, f"{VIDEOS}/{request_id}") == {"status": "pending"}
    front.site.go.set()
    await over(front, request_id)
    done = await get(front, f"{VIDEOS}/{request_id}")
    assert set(done) == {"model", "video"} and done["video"]["duration"] == "10"
    await film_at(front, done["video"]["url"], the_film)
    assert (seen[0].seconds, seen[0].resolution, seen[0].aspect_ratio) == (10, "480p", "16:9")


async def test_openai(front, the_film, seen):
    video = (await front.http.post(VIDEOS, json=OPENAI | {"prompt": "hold", "size": "1280x720"})).json()
    assert (video["status"], video["seconds"], video["size"]) == ("queued", "6", "1280x720")
    early = await front.http.get(f"{VIDEOS}/{video['id']}/content")
    assert (early.status_code, early.json()["error"]["code"]) == (400, "video_not_ready")
    waiting = await front.http.get(f"{VIDEOS}/{video['id']}")
    assert waiting.status_code == 200 and waiting.headers["openai-poll-after-ms"].isdecimal()
    front.site.go.set()
    await over(front, video["id"])
    assert (await get(front, f"{VIDEOS}/{video['id']}"))["status"] == "completed"
    for variant, kind in ((None, "video/mp4"), ("video", "video/mp4"), ("thumbnail", "image/jpeg")):
        file = await front.http.get(
            f"{VIDEOS}/{video['id']}/content", params={"variant": variant} if variant else {}, headers={"accept": "application/binary"}
        )  # fmt: skip
        assert (file.status_code, file.headers["content-type"]) == (200, kind)
    part = await front.http.get(f"{VIDEOS}/{video['id']}/content", headers={"range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, the_film.read_bytes()[:10])
    refused = await front.http.get(f"{VIDEOS}/{video['id']}/content", params={"variant": "spritesheet"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unsupported_parameter")


async def test_xai(front, the_film, seen):
    request_id = await made(front, GENERATIONS, {"prompt": "hold", "duration": "5", "user": None}, key="request_id")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}", request_id)
    pending = await get(front, f"{VIDEOS}/{request_id}", 202)
    assert pending["status"] == "pending" and isinstance(pending["progress"], int)
    front.site.go.set()
    await over(front, request_id)
    done = await get(front, f"{VIDEOS}/{request_id}")
    assert (done["status"], done["video"]["duration"], done["video"]["respect_moderation"]) == ("done", 6, True)
    await film_at(front, done["video"]["url"], the_film)


async def test_newapi(front, the_film, seen):
    task_id = await made(front, NEWAPI, MODEL | {"seconds": 15, "image_urls": [DATA_URL, DATA_URL]}, key="task_id")
    await over(front, task_id)
    told = await get(front, f"{NEWAPI}/{task_id}")
    assert told["data"]["status"] == "SUCCESS"
    await film_at(front, told["data"]["result_url"], the_film)
    assert (seen[0].mode, seen[0].seconds, len(seen[0].image_assets)) == (VideoMode.REFERENCES, 10, 2)
    assert (await get(front, f"{VIDEOS}/{task_id}"))["status"] == "completed", "also in OpenAI's form"
    assert (await front.http.get(f"{VIDEOS}/{task_id}/content")).content == the_film.read_bytes()


async def test_sync(front, the_film, seen):
    answer = await front.http.post(GENERATIONS, json=SYNC)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["request_id"] == body["id"] and body["model"] == "grok-imagine-0.9"
    await film_at(front, body["video_url"], the_film)
    assert (await get(front, f"{VIDEOS}/{body['id']}"))["status"] == "done", "an asynchronous reader finds it too"
    assert (seen[0].mode, seen[0].aspect_ratio) == (VideoMode.IMAGE, "16:9"), "shaped like its picture"


@pytest.mark.parametrize(
    ("prompt", "code", "kind"),
    [
        ("moderate this", "no_video_url", "video_generation_error"),
        ("fail at this", "no_video_url", "video_generation_error"),
    ],
)
async def test_sync_says_when_there_is_no_video(front, seen, prompt, code, kind):
    front.services.settings.max_attempts = 1
    answer = await front.http.post(GENERATIONS, json=SYNC | {"prompt": prompt})
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert (error["message"], error["type"], error["code"]) == ("视频生成失败：未能获取视频URL", kind, code)


async def test_a_sync_client_that_leaves_changes_nothing(front, seen):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await front.http.post(GENERATIONS, json=SYNC | {"prompt": "hold on"})
    [task] = (await get(front, "/openai/v1/videos"))["data"]
    assert task["status"] == "in_progress"
    front.site.go.set()
    await over(front, task["id"])
    assert (await get(front, f"{VIDEOS}/{task['id']}"))["status"] == "done"


async def test_a_sync_answer_comes_when_the_wait_is_over(front, seen, monkeypatch):
    from gateway.dialects.sync import routes

    monkeypatch.setattr(routes, "WAIT_S", 0.2)
    answer = await front.http.post(GENERATIONS, json=SYNC | {"prompt": "hold on"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    assert (await get(front, f"{VIDEOS}/{answer.json()['id']}", 202))["status"] == "pending"


async def test_an_ambiguous_create_serves_both_kinds_of_client(front, the_film):
    answer = await front.http.post(VIDEOS, json=MODEL)
    video = answer.json()
    assert video["request_id"] == video["id"] and video["status"] == "queued" and "video" not in video
    await over(front, video["id"])
    done = await get(front, f"{VIDEOS}/{video['id']}")
    assert done["status"] == "completed" and done["video"]["respect_moderation"] == "true"
    await film_at(front, done["video"]["url"], the_film)


# -- which API it is ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "headers", "id_"),
    [
        ("/openai/v1/videos", {}, r"video_"),
        ("/dubrify/v1/videos", {"x-stainless-lang": "js"}, r"grok_video_"),
        ("/xai/v1/videos", {}, r"[0-9a-f]{8}-"),
        ("/proxy/xai/v1/videos/generations", {}, r"[0-9a-f]{8}-"),
        ("/newapi/v1/videos", {}, r"task_"),
        ("/newapi/v1/video/generations", {}, r"task_"),
        ("//xai//v1/videos/generations/", {}, r"[0-9a-f]{8}-"),
        (VIDEOS, {"x-gateway-dialect": "XAI"}, r"[0-9a-f]{8}-"),
        (VIDEOS, {"x-stainless-lang": "js"}, r"video_"),
        (VIDEOS, {}, r"grok_video_"),
    ],
)
async def test_pins(front, path, headers, id_):
    answer = await front.http.post(front.url + path, json=DUBRIFY, headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert re.match(id_, body.get("request_id") or body["id"])


async def test_an_unknown_pin_is_refused(front):
    answer = await front.http.post(VIDEOS, json=DUBRIFY, headers={"x-gateway-dialect": "sora"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "X-Gateway-Dialect")


async def test_a_keys_own_default(front):
    _, key = await front.keys.create("behind a proxy", default_dialect="openai")
    async with front.client(key) as client:
        video = (await client.post(VIDEOS, json=DUBRIFY)).json()
        assert video["object"] == "video"
        assert (await client.post("/dubrify/v1/videos", json=DUBRIFY)).json().keys() == {"request_id"}


async def test_a_form_is_openais(front, seen):
    for sent in (
        {"data": {**MODEL, "seconds": "8", "input_reference[image_url]": DATA_URL}},
        {"data": {**MODEL, "seconds": "8"}, "files": {"input_reference": ("a.png", PNG, "application/octet-stream")}},
        {"data": {**MODEL, "seconds": "8"}, "files": [("input_reference[]", ("upload", PNG, "image/png"))] * 2},
    ):
        answer = await front.http.post(VIDEOS, **sent)
        assert answer.status_code == 200, answer.text
        await over(front, answer.json()["id"])
    assert [(spec.mode, spec.seconds, len(spec.image_assets)) for spec in seen] == [
        (VideoMode.IMAGE, 10, 1), (VideoMode.IMAGE, 10, 1), (VideoMode.REFERENCES, 10, 2),
    ]  # fmt: skip
    assert [spec.aspect_ratio for spec in seen] == ["16:9", "16:9", "9:16"]


async def test_a_data_url_beyond_a_megabyte_travels_in_a_form(front, seen):
    noise = Image.frombytes("RGB", (800, 600), os.urandom(800 * 600 * 3))
    noise.save(buffer := io.BytesIO(), "PNG")
    url = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    assert len(url) > 1024 * 1024
    answer = await front.http.post(VIDEOS, files={"prompt": (None, "x"), "input_reference[image_url]": (None, url)})
    assert answer.status_code == 200, answer.text


async def test_what_we_gave_out_is_taken_back(front, seen):
    up = (await front.http.post("/v1/video/upload", files={"file": ("a.png", PNG, "image/png")})).json()
    for reference in (up["file_id"], up["image_url"], up["file_uri"]):
        task_id = await made(front, GENERATIONS, MODEL | {"image": {"url": reference}}, key="request_id")
        await over(front, task_id)
    assert [spec.mode for spec in seen] == [VideoMode.IMAGE] * 3
    task_id = await made(front, GENERATIONS, MODEL | {"image": {"file_id": up["file_id"]}}, key="request_id")
    await over(front, task_id)


@pytest.mark.parametrize(("path", "body", "ignored"), [
    (VIDEOS, OPENAI | {"seed": 4, "quality": "hd", "user": None}, "seed,quality"),
    (VIDEOS, DUBRIFY | {"duration": 6, "seed": 4}, "seed"),
    (GENERATIONS, MODEL | {"duration": 6, "user": "me", "generate_audio": True, "stream": False}, "user"),
    (GENERATIONS, SYNC | {"style": "vivid"}, "style"),
    (NEWAPI, {"model": "grok-image-video", "prompt": "x", "mode": "std", "metadata": {"negative_prompt": "y"}}, "negative_prompt,mode"),
    ("/v1/video/tasks", MODEL | {"seed": 4, "n": None}, "seed"),
    (VIDEOS, OPENAI, None),
])  # fmt: skip
async def test_what_nobody_reads_is_reported(front, path, body, ignored):
    answer = await front.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers.get("x-gateway-ignored") == ignored
