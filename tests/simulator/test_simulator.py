"""The double over real sockets: generations, videos, streams, chat, assets and lists."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import time
from typing import Any

import av
import pytest
from curl_cffi import CurlMime
from curl_cffi.requests.exceptions import RequestException
from PIL import Image

from tests.simulator.client import Simulator
from tests.simulator.direct import NEW, Direct, last_video, objects, text_of, video_g1, video_g2
from tests.simulator.site.chat_script import answer_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONVERSATIONS = "/rest/app-chat/conversations"


def decoded(film: bytes) -> str:
    """A digest of the pictures in a film, whatever its bytes."""
    digest = hashlib.sha256()
    with av.open(io.BytesIO(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % 24 == 0:
                digest.update(bytes(frame.planes[0]))
    return digest.hexdigest()


def facts(film: bytes) -> tuple[int, int, float]:
    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.duration is not None
        assert stream.time_base is not None
        return stream.width, stream.height, float(stream.duration * stream.time_base)


async def upload(user: Direct) -> str:
    picture = io.BytesIO()
    Image.new("RGB", (320, 200), "teal").save(picture, "PNG")
    content = base64.b64encode(picture.getvalue()).decode()
    answer = await user.post(
        "/rest/app-chat/upload-file", {"fileName": "a.png", "fileMimeType": "image/png", "content": content}
    )
    return str(answer.json()["fileMetadataId"])


# videos


async def test_g2_video_from_submit_to_file(sim: Simulator, user: Direct) -> None:
    frames = await user.submit(video_g2("a red fox", duration=10, resolutionName="720p", aspectRatio="2:3"))
    assert list(frames[0]["result"]) == ["conversation"]
    assert "userResponse" in frames[1]["result"]["response"]
    assert list(frames[-1]["result"]) == ["title"]
    video = last_video(frames)
    assert (video["progress"], video["width"], video["height"]) == (100, 784, 1168)
    film = await user.asset(video["videoUrl"])
    assert film.headers["content-type"] == "video/mp4"
    assert facts(film.content) == (784, 1168, pytest.approx(10.04, abs=0.01))
    assert film.content.index(b"moov") < film.content.index(b"mdat")
    thumbnail = await user.asset(video["thumbnailImageUrl"])
    assert Image.open(io.BytesIO(thumbnail.content)).size == (784, 1168)
    (entry,) = await sim.ledger("submit_video")
    assert (entry["prompt"], entry["outcome"], entry["http_version"]) == ("a red fox", "finished", "2")
    assert entry["params"]["asset_id"] == video["videoId"]


async def test_g1_video_needs_a_post(user: Direct) -> None:
    refused = await user.post(NEW, video_g1("a fox", "nonsense"))
    assert (refused.status_code, refused.json()["message"]) == (400, "Invalid source post id")
    created = await user.post("/rest/media/post/create", {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": "a fox"})
    post = created.json()["post"]
    assert post["mediaUrl"] == ""
    video = last_video(await user.submit(video_g1("a fox", post["id"])))
    assert video["parentPostId"] == post["id"]
    seen = (await user.post("/rest/media/post/get", {"id": post["id"]})).json()["post"]
    assert seen["mediaUrl"].endswith(video["videoUrl"])
    assert seen["videos"][0]["id"] == video["videoId"]


async def test_generations_refuse_and_deceive(sim: Simulator, user: Direct) -> None:
    await sim.settings(generation="g1")
    refused = await user.post(NEW, video_g2("a fox"))
    assert refused.status_code == 400
    assert refused.json()["code"] == 3
    assert 'unknown field "mediaGenInput"' in refused.json()["message"]
    await sim.settings(generation="g2")
    films = []
    for prompt in ("a fox", "a ship"):
        created = await user.post("/rest/media/post/create", {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": prompt})
        video = last_video(await user.submit(video_g1(prompt, created.json()["post"]["id"])))
        films.append((await user.asset(video["videoUrl"])).content)
    assert films[0] != films[1]
    assert decoded(films[0]) == decoded(films[1])


async def test_pictures_differ_by_prompt_and_by_asset(sim: Simulator, user: Direct) -> None:
    await sim.settings(pictures="asset")
    films = []
    for prompt in ("a fox", "a ship", "a fox"):
        video = last_video(await user.submit(video_g2(prompt)))
        films.append((await user.asset(video["videoUrl"])).content)
    assert len({decoded(film) for film in films}) == 3


async def test_image_to_video_checks_its_inputs(sim: Simulator, user: Direct) -> None:
    await sim.settings(pictures="asset")
    refused = await user.post(NEW, video_g2("it moves", inputAssets=["nobody"]))
    assert refused.status_code == 400
    file_id = await upload(user)
    frames = await user.submit(video_g2("it moves", inputAssets=[file_id, file_id], aspectRatio="1:1"))
    assert facts((await user.asset(last_video(frames)["videoUrl"])).content)[:2] == (560, 560)


async def test_several_references_are_one_kind(user: Direct) -> None:
    file_id = await upload(user)
    body = video_g2("together", inputAssets=[file_id] * 3)
    body["mediaGenInput"] = {"referenceToVideo": body["mediaGenInput"].pop("imageToVideo")}
    assert last_video(await user.submit(body))["progress"] == 100


async def test_an_extension_goes_on_where_a_film_ends(sim: Simulator, user: Direct) -> None:
    await sim.settings(generation="g1")
    created = await user.post("/rest/media/post/create", {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": "a fox"})
    post = created.json()["post"]["id"]
    first = last_video(await user.submit(video_g1("a fox", post)))
    more = {"isVideoExtension": True, "videoExtensionStartTime": 6, "stitchWithExtendPostId": True}
    refused = await user.post(NEW, video_g1("it runs", post, extendPostId="nobody", **more))
    assert refused.json()["message"] == "Invalid source post id"
    film = last_video(await user.submit(video_g1("it runs", post, extendPostId=first["videoId"], **more)))
    assert facts((await user.asset(film["videoUrl"])).content)[2] == pytest.approx(12.04, abs=0.01)


async def test_a_multipart_upload_comes_back_byte_for_byte(user: Direct) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(picture, "PNG")
    form = CurlMime()
    form.addpart(name="file", filename="bild-ü.png", content_type="image/png", data=picture.getvalue())
    form.addpart(name="file_source", data=b"IMAGINE_SELF_UPLOAD_FILE_SOURCE")
    answer = await user.session.post(user.url("/http/upload-file-v2/direct"), multipart=form)
    metadata = answer.json()["fileMetadata"]
    assert metadata["fileName"] == "bild-ü.png"
    assert (await user.asset(metadata["fileUri"])).content == picture.getvalue()
    broken = CurlMime()
    broken.addpart(name="file", filename="a.png", content_type="image/png", data=b"no picture")
    answer = await user.session.post(user.url("/http/upload-file-v2/direct"), multipart=broken)
    assert "attachmentLoadFailed" in answer.json()["terminalError"]


@pytest.mark.parametrize(
    "change", [{"duration": 7}, {"duration": 15}, {"resolutionName": "1080p"}, {"aspectRatio": "5:7"}]
)
async def test_what_the_site_cannot_make_is_answered_in_words(user: Direct, change: dict[str, Any]) -> None:
    frames = await user.submit(video_g2("a fox", **change))
    assert last_video(frames) == {}
    assert any("modelResponse" in frame["result"].get("response", {}) for frame in frames)


async def test_fifteen_seconds_for_those_who_pay(sim: Simulator) -> None:
    payer = Direct(sim, await sim.account(paid=True))
    async with payer.session:
        video = last_video(await payer.submit(video_g2("a fox", duration=15)))
        assert facts((await payer.asset(video["videoUrl"])).content)[2] == pytest.approx(15.04, abs=0.01)


# streams


@pytest.mark.parametrize("framing", ["ndjson", "concat", "sse"])
async def test_framings(user: Direct, framing: str) -> None:
    answer = await user.post(NEW, video_g2(f"a fox [sim:framing-{framing}] [sim:split-bytes]"))
    frames = objects(answer.text)
    assert last_video(frames)["progress"] == 100
    between = {"ndjson": "}\n{", "concat": "}{", "sse": "}\n\ndata: {"}[framing]
    assert between in answer.text
    assert answer.text.endswith("data: [DONE]\n\n") is (framing == "sse")


async def test_split_bytes_loses_nothing(user: Direct) -> None:
    chunks, error = await user.pull({"message": "say: 好的好的好的 [sim:split-bytes=7]"})
    assert error is None
    with pytest.raises(UnicodeDecodeError):
        [chunk.decode() for chunk in chunks]
    assert text_of(objects(b"".join(chunks).decode())).strip() == "好的好的好的"


async def test_a_cut_stream_finishes_behind_the_scenes(sim: Simulator, user: Direct) -> None:
    received, error = await user.pull(video_g2("a fox [sim:cut-stream=5]"))
    assert error is not None
    frames = objects(b"".join(received).decode())
    assert len(frames) == 5
    conversation = frames[0]["result"]["conversation"]["conversationId"]
    (entry,) = await sim.wait("submit_video", 1, outcome="cut")
    await asyncio.sleep(0.4)
    path = f"{CONVERSATIONS}/{conversation}/responses?conversationKind=CONVERSATION_KIND_IMAGINE"
    human, answer = (await user.get(path)).json()["responses"]
    (asset,) = answer["fileAttachmentAssetMetadata"]
    assert asset["responseId"] == answer["responseId"] != human["responseId"]
    assert asset["assetId"] == entry["params"]["asset_id"]
    listed = (await user.get("/rest/assets?pageSize=40")).json()["assets"]
    assert [one["assetId"] for one in listed] == [asset["assetId"]]
    assert (await user.asset(asset["key"])).status_code == 200


async def test_cut_before_the_first_frame_and_cut_and_lost(user: Direct) -> None:
    for name, left in (("cut-and-lost", 0), ("cut-before-first-frame", 1)):
        with pytest.raises(RequestException):
            await user.post(NEW, video_g2(f"a fox [sim:{name}]"))
        listed = (await user.get(f"{CONVERSATIONS}?pageSize=40&kind=CONVERSATION_KIND_IMAGINE")).json()
        assert len(listed["conversations"]) == left


async def test_a_reset_is_in_the_ledger_within_milliseconds(sim: Simulator, user: Direct) -> None:
    begun = time.monotonic()
    _, error = await user.pull({"message": "[sim:tokens=400] [sim:every=0.01]"}, timeout_s=0.4)
    assert error is not None
    (entry,) = await sim.wait("submit_chat", 1, outcome="reset")
    assert 0.35 < entry["reset_at"] - begun < 0.5


@pytest.mark.parametrize(("name", "frames"), [("stall=3", 3), ("keep-open", 20)])
async def test_stall_and_keep_open_never_end(sim: Simulator, user: Direct, name: str, frames: int) -> None:
    received, error = await user.pull(video_g2(f"a fox [sim:{name}]"), timeout_s=0.8)
    assert error is not None
    found = objects(b"".join(received).decode())
    assert len(found) == 3 if frames == 3 else len(found) >= frames


# chat


async def test_chat_answer_is_predictable(user: Direct) -> None:
    prompt = "What is ünïcödé? [sim:thinking] [sim:web-search]"
    frames = await user.submit({"temporary": True, "modeId": "auto", "message": prompt})
    text = text_of(frames)
    assert text.startswith(answer_to(prompt))
    assert '<grok:render card_id="' in text
    responses = [frame["result"].get("response", {}) for frame in frames]
    tags = [one.get("messageTag") for one in responses if "token" in one]
    assert {"header", "summary", "tool_usage_card", "raw_function_result", "final"} <= set(tags)
    (whole,) = [one["modelResponse"] for one in responses if "modelResponse" in one]
    assert whole["message"] == text


async def test_continuation_puts_fields_directly_under_result(user: Direct) -> None:
    frames = await user.submit({"modelName": "grok-3", "message": "say: one"})
    conversation = frames[0]["result"]["conversation"]["conversationId"]
    parent = frames[-2]["result"]["response"]["modelResponse"]["responseId"]
    path = f"{CONVERSATIONS}/{conversation}/responses"
    more = await user.submit({"message": "say: two", "parentResponseId": parent}, path)
    assert all("response" not in frame["result"] for frame in more)
    assert text_of(more) == "two"
    history = (await user.post(f"{CONVERSATIONS}/{conversation}/load-responses", {})).json()["responses"]
    assert [turn["sender"] for turn in history] == ["HUMAN", "ASSISTANT"] * 2


async def test_pictures_in_chat_and_edits(user: Direct) -> None:
    file_id = await upload(user)
    edit = {
        "modelName": "imagine-image-edit",
        "message": "make it blue",
        "mediaGenInput": {"imageToImage": {"prompt": "make it blue", "inputAssets": [file_id], "aspectRatio": "1:1"}},
    }
    for body in ({"message": "draw a cat", "enableImageGeneration": True, "imageGenerationCount": 2}, edit):
        frames = await user.submit(body)
        pictures = [
            frame["result"]["response"]["streamingImageGenerationResponse"]
            for frame in frames
            if "streamingImageGenerationResponse" in frame["result"].get("response", {})
        ]
        assert [one["progress"] for one in pictures] == [50, 50, 100, 100]
        found = await user.asset(pictures[-1]["imageUrl"])
        assert Image.open(io.BytesIO(found.content)).format == "JPEG"


# assets


async def test_assets_are_the_owners(sim: Simulator, user: Direct) -> None:
    key = last_video(await user.submit(video_g2("a fox")))["videoUrl"]
    stranger = Direct(sim, await sim.account())
    async with stranger.session:
        assert (await stranger.asset(key)).status_code == 403
    whole = await user.asset(key)
    part = await user.asset(key, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    beyond = await user.asset(key, headers={"range": "bytes=999999999-"})
    assert beyond.status_code == 416
    head = await user.session.head(user.url("/" + key, "assets.grok.com"))
    assert int(head.headers["content-length"]) == len(whole.content)
    assert "access-control-allow-origin" not in whole.headers
    await sim.settings(assets_cors=True)
    assert (await user.asset(key)).headers["access-control-allow-credentials"] == "true"


async def test_assets_misbehave(user: Direct) -> None:
    key = last_video(await user.submit(video_g2("a fox [sim:asset-late=2] [sim:asset-big=5]")))["videoUrl"]
    answers = [await user.asset(key) for _ in range(3)]
    assert [one.status_code for one in answers] == [404, 404, 200]
    assert len(answers[2].content) == 5_000_000
    assert facts(answers[2].content)[0] == 736
    key = last_video(await user.submit(video_g2("a fox [sim:asset-403]")))["videoUrl"]
    assert (await user.asset(key)).status_code == 403
    key = last_video(await user.submit(video_g2("a fox [sim:asset-slow=400000]")))["videoUrl"]
    before = time.monotonic()
    size = len((await user.asset(key)).content)
    assert time.monotonic() - before > size / 400000 * 0.8
    key = last_video(await user.submit(video_g2("a fox [sim:asset-cut=1000]")))["videoUrl"]
    with pytest.raises(RequestException):
        await user.asset(key)
    assert (await user.asset(key)).status_code == 200


# lists, posts, uploads


async def test_lists_are_paged(user: Direct) -> None:
    for number in range(3):
        await user.submit(video_g2(f"fox {number} [sim:pace=0.01]"))
    path = f"{CONVERSATIONS}?pageSize=2&kind=CONVERSATION_KIND_IMAGINE"
    page = (await user.get(path)).json()
    assert [one["title"] for one in page["conversations"]] == ["fox 2", "fox 1"]
    rest = (await user.get(f"{path}&pageToken={page['nextPageToken']}")).json()
    assert len(rest["conversations"]) == 1
    assert "nextPageToken" not in rest


async def test_posts_like_list_share_delete_upscale(user: Direct) -> None:
    video = last_video(await user.submit(video_g2("a fox")))
    named = {"id": video["videoId"]}
    assert (await user.post("/rest/media/post/like", named)).json() == {}
    liked = {"limit": 40, "filter": {"source": "MEDIA_POST_SOURCE_LIKED"}}
    assert len((await user.post("/rest/media/post/list", liked)).json()["posts"]) == 1
    link = {"postId": video["videoId"], "source": "post-page", "platform": "web"}
    assert "/imagine/post/" in (await user.post("/rest/media/post/create-link", link)).json()["shareLink"]
    hd = (await user.post("/rest/media/video/upscale", {"videoId": video["videoId"]})).json()["hdMediaUrl"]
    assert (await user.asset(hd.removeprefix("https://assets.grok.com/"))).status_code == 200
    await user.post("/rest/media/post/delete", named)
    assert (await user.post("/rest/media/post/get", named)).status_code == 404
    gone = await user.session.delete(user.url(f"/rest/assets-metadata/{video['videoId']}"))
    assert gone.json() == {}
    assert (await user.asset(video["videoUrl"])).status_code == 404
