"""Images: makes and edits in every form that clients send, and every form they want back."""

import base64
import io
import json

import pytest
from PIL import Image

from gateway.auth.callers import Scope
from gateway.calls.model import PictureRefused
from gateway.errors import NoImageInAnswer, RateLimited
from tests.front.material import picture
from tests.front.scripted_calls import preview
from tests.front.shape import assert_error_shape
from tests.front.sse_text import named

MAKE, EDIT = "/v1/images/generations", "/v1/images/edits"
PNG = picture()
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()


def opened(data):
    return Image.open(io.BytesIO(base64.b64decode(data)))


async def made(front, path=MAKE, **fields):
    answer = await front.http.post(path, json={"prompt": "a lighthouse"} | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [MAKE, "/images/generations", "/xai/v1/images/generations"])
async def test_pictures_come_as_links_that_need_no_key(front, path):
    said = await made(front, path, n=2)
    assert isinstance(said["created"], int) and len(said["data"]) == 2
    for item in said["data"]:
        assert "b64_json" not in item
        async with front.client(None) as nobody:
            fetched = await nobody.get(item["url"])
        assert fetched.headers["content-type"] == item["mime_type"] == "image/jpeg"
    assert {"total_tokens", "input_tokens", "output_tokens", "input_tokens_details"} <= said["usage"].keys()
    assert said["size"] == "64x48" and said["quality"] == "medium" and said["aspect_ratio"] == "1:1"
    assert "partial" not in said and "warnings" not in said


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({}, {"url"}), ({"response_format": "url"}, {"url"}), ({"response_format": "b64_json"}, {"b64_json"}),
        ({"response_format": "base64"}, {"b64_json", "base64"}), ({"model": "gpt-image-1"}, {"b64_json"}),
        ({"model": "gpt-image-1", "response_format": "url"}, {"url"}), ({"response_format": None, "model": None}, {"url"}),
    ],
)  # fmt: skip
async def test_the_form_of_a_picture_by_rule_c9(front, fields, keys):
    [item] = (await made(front, **fields))["data"]
    assert item.keys() & {"url", "b64_json", "base64"} == keys
    edited = await front.http.post(
        EDIT, data={"prompt": "x", **{k: v for k, v in fields.items() if v}}, files={"image": PNG}
    )
    [item] = edited.json()["data"]
    assert item.keys() & {"url", "b64_json", "base64"} == (keys if any(fields.values()) else {"url", "b64_json"})


@pytest.mark.parametrize(
    ("fields", "ratio", "quality"),
    [
        ({}, "1:1", "speed"), ({"size": "1024x1024"}, "1:1", "speed"), ({"size": "1024x1536"}, "2:3", "speed"), ({"size": "1792x1024"}, "16:9", "speed"),
        ({"size": "auto"}, "auto", "speed"), ({"aspect_ratio": "9:16", "size": "1024x1024"}, "9:16", "speed"), ({"aspect_ratio": "4:3"}, "3:2", "speed"),
        ({"aspect_ratio": "4:3", "quality": "hd"}, "4:3", "quality"), ({"quality": "standard"}, "1:1", "speed"),
        ({"model": "grok-imagine-image-quality", "aspect_ratio": "19.5:9"}, "19.5:9", "quality"), ({"quality": "high"}, "1:1", "quality"),
    ],
)  # fmt: skip
async def test_shapes_are_mapped_to_what_the_site_makes(front, fields, ratio, quality):
    said = await made(front, **fields)
    asked = front.site.calls.images_asked[-1]
    assert (asked.aspect_ratio, asked.quality) == (ratio, quality)
    assert said.get("aspect_ratio") == (None if ratio == "auto" else ratio)


@pytest.mark.parametrize(("output", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
async def test_an_output_format_is_honoured(front, output, kind):
    said = await made(front, output_format=output, output_compression=50, response_format="b64_json")
    assert opened(said["data"][0]["b64_json"]).format == kind
    assert said["output_format"] == output and said["data"][0]["mime_type"] == f"image/{output}"
    said = await made(front, output_format=output)
    assert (await front.http.get(said["data"][0]["url"])).headers["content-type"] == f"image/{output}"


async def test_what_is_missing_is_said(front, site):
    one = await site.calls.made("x", kind="PNG")
    site.calls.image_script = [one, PictureRefused(1, "content_moderated", "the site withholds it")]
    said = await made(front, n=2)
    assert len(said["data"]) == 1 and said["partial"] is True and said["data"][0]["revised_prompt"] == "x"
    assert said["warnings"] == [{"index": 1, "code": "content_moderated", "message": "the site withholds it"}]
    site.calls.image_script = [PictureRefused(0, "content_moderated", "no")]
    assert_error_shape(
        await front.http.post(MAKE, json={"prompt": "x"}), 400, "content_policy_violation", param="prompt"
    )
    site.calls.image_script = [NoImageInAnswer("The site answered with text: sorry")]
    assert_error_shape(await front.http.post(MAKE, json={"prompt": "x"}), 502, "no_image_in_answer")
    site.calls.image_script = [RateLimited("enough", retry_after_s=3600)]
    answer = await front.http.post(MAKE, json={"prompt": "x"})
    assert_error_shape(answer, 429, "rate_limit_exceeded")
    assert answer.headers["retry-after"] == "3600" and answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", [MAKE, EDIT, "/images/generations", "/images/edits"])
async def test_a_stream_carries_both_apis_fields(front, site, path):
    """Seed 004 reads ``event:`` and ``index``; OpenAI's clients read ``type``."""
    body = {"prompt": "x", "n": 2, "stream": True} | ({"image": DATA} if "edits" in path else {})
    answer = await front.http.post(path, json=body)
    assert answer.status_code == 200 and "[DONE]" not in answer.text
    found = named(answer.text)
    action = "image_edit" if path == EDIT else "image_generation"
    assert [name for name, _ in found] == [f"{action}.partial_image"] * 2 + [f"{action}.completed"] * 2
    assert all(name == data["type"] for name, data in found)
    assert [data["index"] for _, data in found] == [0, 1, 0, 1]
    assert all(opened(data["b64_json"]).format == "JPEG" for _, data in found)
    assert found[0][1]["partial_image_index"] == 0
    last = found[-1][1]
    assert len(last["data"]) == 2 and last["usage"]["total_tokens"] > 0 and last["created_at"] == last["created"]


async def test_as_many_previews_as_are_asked_for(front, site):
    one = await site.calls.made("x")
    for asked, count in ((0, 0), (1, 1), (None, 3)):
        site.calls.image_script = [preview(0, 10), preview(0, 50), preview(0, 90), one]
        answer = await front.http.post(MAKE, json={"prompt": "x", "stream": True, "partial_images": asked})
        assert len(named(answer.text)) == count + 1


async def test_an_error_in_a_stream(front, site):
    site.calls.image_script = [preview(0), 0.05, RateLimited("enough")]
    answer = await front.http.post(MAKE, json={"prompt": "x", "stream": True})
    assert named(answer.text)[-1][1]["error"]["code"] == "rate_limit_exceeded"
    site.calls.image_script = [RateLimited("enough")]
    assert_error_shape(await front.http.post(MAKE, json={"prompt": "x", "stream": True}), 429, "rate_limit_exceeded")


@pytest.mark.parametrize(
    "kind",
    [
        {"files": [("image", ("a.png", PNG))]}, {"files": [("image[]", ("upload", PNG, "application/octet-stream"))]},
        {"files": [("image[]", ("a.png", PNG)), ("image[]", ("b.png", PNG))]}, {"files": [("image", ("a.png", PNG)), ("image", ("b.png", PNG))]},
        {"files": [("images", ("a.png", PNG))]}, {"files": [("image[0]", ("a.png", PNG)), ("image[1]", ("b.png", PNG))]},
        {"json": {"image": {"url": DATA, "type": "image_url"}}}, {"json": {"image": DATA}}, {"json": {"images": [{"url": DATA}, {"url": DATA}]}},
        {"json": {"image": [DATA, DATA]}}, {"json": {"image_url": DATA}}, {"json": {"images": [{"image_url": DATA}]}},
    ],
)  # fmt: skip
async def test_pictures_to_edit_in_every_form_by_rule_c8(front, kind):
    fields = {"prompt": "bluer", "n": "2", "stream": "false", "user": "u", "size": ""}
    sent = {"data": fields, **kind} if "files" in kind else {"json": {**kind["json"], "prompt": "bluer", "n": 2}}
    answer = await front.http.post(EDIT, **sent)
    assert answer.status_code == 200, answer.text
    count = len(kind["files"]) if "files" in kind else len(json.dumps(kind["json"]).split("base64,")) - 1
    asked = front.site.calls.images_asked[-1]
    assert (asked.prompt, asked.count, len(asked.images), asked.aspect_ratio) == ("bluer", 2, count, "auto")
    asset = await front.services.media.get(asked.images[0])
    assert asset.media_type == "image/png" and asset.expires_at is not None


@pytest.mark.parametrize("image", [DATA, {"url": DATA}, [DATA]], ids=["text", "object", "list"])
async def test_a_generation_with_a_picture_is_an_edit(front, image):
    """new-api's channels and some clients send pictures to the path of generations: dropped, they would get another picture."""
    said = await made(front, image=image)
    assert len(front.site.calls.images_asked[-1].images) == 1
    [item] = said["data"]
    assert item.keys() & {"url", "b64_json"} == {"url"}


async def test_more_pictures_than_the_site_takes(front):
    for count, code, number in ((8, "unsupported_parameter", "7"), (17, "invalid_value", "16")):
        answer = await front.http.post(EDIT, data={"prompt": "x"}, files=[("image[]", ("a.png", PNG))] * count)
        assert number in assert_error_shape(answer, 400, code, param="image")["message"]


@pytest.mark.parametrize(
    ("path", "change", "code", "param"),
    [
        (MAKE, {"prompt": ""}, "empty_prompt", "prompt"), (MAKE, {"prompt": None}, "empty_prompt", "prompt"),
        (MAKE, {"n": 0}, "invalid_value", "n"), (MAKE, {"n": 11}, "invalid_value", "n"), (MAKE, {"n": "many"}, "invalid_value", "n"),
        (MAKE, {"size": "huge"}, "invalid_value", "size"), (MAKE, {"aspect_ratio": "7:1"}, "invalid_value", "aspect_ratio"),
        (MAKE, {"quality": "best"}, "invalid_value", "quality"), (MAKE, {"response_format": "png"}, "invalid_value", "response_format"),
        (MAKE, {"output_format": "gif"}, "invalid_value", "output_format"), (MAKE, {"background": "transparent"}, "unsupported_parameter", "background"),
        (EDIT, {}, "invalid_value", "image"), (EDIT, {"image": DATA, "mask": DATA}, "unsupported_parameter", "mask"),
        (EDIT, {"image": 5}, "invalid_value", "image"), (EDIT, {"image": "data:image/png;base64,aGVsbG8="}, "invalid_image", "image"),
        (EDIT, {"images": [{"url": "ftp://x/y.png"}]}, "invalid_image", "images"),
    ],
)  # fmt: skip
async def test_mistakes_name_their_field(front, path, change, code, param):
    answer = await front.http.post(path, json={"prompt": "x"} | change)
    assert_error_shape(answer, 400, code, param=param, type_="invalid_request_error")


async def test_an_unknown_model_and_one_that_makes_something_else(front):
    for name in ("nope", "grok-4", "grok-imagine-video"):
        assert_error_shape(
            await front.http.post(MAKE, json={"prompt": "x", "model": name}), 404, "model_not_found", param="model"
        )


async def test_advice_is_ignored_and_said_so(front):
    answer = await front.http.post(
        MAKE,
        json={
            "prompt": "x",
            "style": "vivid",
            "background": "auto",
            "moderation": "low",
            "resolution": "1k",
            "user": "u",
            "x y": 1,
        },
    )
    assert answer.headers["x-gateway-ignored"] == "style,moderation,user"


async def test_a_key_makes_pictures_only_where_it_may(front):
    _, chat_only = await front.keys.create("chat", scopes={Scope.CHAT})
    async with front.client(chat_only) as http:
        assert_error_shape(await http.post(MAKE, json={"prompt": "x"}), 403, "permission_denied")
        assert_error_shape(await http.post(EDIT, files={"image": PNG}), 403, "permission_denied")
