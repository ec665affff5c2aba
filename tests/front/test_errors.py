"""Every way a request can be wrong, told in the one shape."""

import json

import pytest

from tests.front.serving import CREATE
from tests.front.shape import assert_error_shape

pytestmark = pytest.mark.asyncio(loop_scope="module")
TASKS = "/v1/video/tasks"
UNKNOWN = "task_" + "0" * 32


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"prompt": ""}, "empty_prompt", "prompt"),
        ({"prompt": "   "}, "empty_prompt", "prompt"),
        ({"prompt": None}, "empty_prompt", "prompt"),
        ({"prompt": {"a": 1}}, "invalid_value", "prompt"),
        ({"prompt": "x" * 20001}, "invalid_value", "prompt"),
        ({"model": "invalid-model"}, "model_not_found", "model"),
        ({"model": None}, "invalid_value", "model"),
        ({"aspect_ratio": "21:9"}, "invalid_value", "aspect_ratio"),
        ({"video_length": 7}, "invalid_value", "video_length"),
        ({"video_length": "ten"}, "invalid_value", "video_length"),
        ({"video_length": 6.5}, "invalid_value", "video_length"),
        ({"resolution": "1080p"}, "invalid_value", "resolution"),
        ({"preset": "wild"}, "invalid_value", "preset"),
        ({"preset": "spicy"}, "spicy_not_allowed", "preset"),
        ({"image_url": "ftp://example.com/x.png"}, "invalid_image", "image_url"),
        ({"image_url": "cat.png"}, "invalid_image", "image_url"),
        ({"image_url": "http://127.0.0.1:1/x.png"}, "image_fetch_failed", "image_url"),
        ({"image_url": "http://nobody.invalid/x.png"}, "image_fetch_failed", "image_url"),
        ({"image_url": "data:image/png;base64,%%%"}, "invalid_image", "image_url"),
        ({"image_url": "data:image/png;base64,aGVsbG8="}, "invalid_image", "image_url"),
        ({"image_url": "file_" + "0" * 32}, "image_fetch_failed", "image_url"),
        ({"image_url": ["a"]}, "invalid_value", "image_url"),
    ],
)
async def test_a_bad_create_names_its_field_and_makes_no_task(calm, change, code, param):
    before = (await calm.http.get(TASKS)).json()["tasks"]
    answer = await calm.http.post(TASKS, json=CREATE | change)
    assert_error_shape(answer, 400, code, param=param, type_="invalid_request_error")
    assert (await calm.http.get(TASKS)).json()["tasks"] == before


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {"content-type": "application/json"}, "invalid_json"),
        (b"[1]", {"content-type": "application/json"}, "invalid_json"),
        (b'"x"', {}, "invalid_json"),
        (b"\xff\xfe", {"content-type": "application/json"}, "invalid_json"),
        (b"[" * 100_000, {"content-type": "application/json"}, "invalid_json"),
        (b"", {"content-type": "application/json"}, "nothing said"),
        (b"nonsense", {"content-type": "multipart/form-data; boundary=x"}, "invalid_value"),
        (b"nonsense", {"content-type": "multipart/form-data"}, "invalid_value"),
    ],
)
async def test_a_body_that_is_not_what_it_says(calm, body, headers, code):
    answer = await calm.http.post(TASKS, content=body, headers=headers)
    if code == "nothing said":
        assert_error_shape(answer, 400, "invalid_value", param="model")
    else:
        assert_error_shape(answer, 400, code)


async def test_fields_of_the_wrong_kind_are_listed_too(calm):
    answer = await calm.http.post(TASKS, json=CREATE | {"video_length": "ten", "prompt": [1]})
    assert [entry["loc"] for entry in answer.json()["detail"]] == [["prompt"], ["video_length"]]
    assert "input" not in answer.text, "what was sent is not repeated"


async def test_a_json_body_as_curl_d_sends_it_is_taken(calm):
    answer = await calm.http.post(
        TASKS, content=b'{"model":"grok-imagine-video","prompt":"x"}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    assert answer.status_code == 200


async def test_a_form_is_taken_like_json(calm):
    for kind in ({"data": CREATE}, {"files": {name: (None, value) for name, value in CREATE.items()}}):
        assert (await calm.http.post(TASKS, **kind)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("GET", "/stream"), ("GET", "/content"), ("HEAD", "/content")],
)
async def test_an_unknown_task(calm, method, path):
    for task_id in (UNKNOWN, "x", "task_%2e%2e%2f", "任务"):
        answer = await calm.http.request(method, f"{TASKS}/{task_id}{path}")
        assert answer.status_code == 404
        if method != "HEAD":
            assert_error_shape(answer, 404, "task_not_found", type_="not_found_error")
            assert answer.json()["detail"] == "任务不存在"


async def test_bad_query_parameters(calm):
    assert_error_shape(await calm.http.get(TASKS, params={"status": "done"}), 400, "invalid_value", param="status")
    assert_error_shape(await calm.http.get(TASKS, params={"limit": "many"}), 400, "invalid_value", param="limit")
    assert_error_shape(await calm.http.get(TASKS, params={"limit": 0}), 400, "invalid_value", param="limit")
    cursor = await calm.http.get(TASKS, params={"cursor": "nonsense"})
    assert_error_shape(cursor, 400, "invalid_value", param=cursor.json()["error"]["param"])
    assert_error_shape(await calm.http.delete(f"{TASKS}/status/done"), 400, "invalid_value", param="status")
    assert_error_shape(await calm.http.request("DELETE", TASKS, json={}), 400, "invalid_value", param="task_ids")
    assert_error_shape(
        await calm.http.request("DELETE", TASKS, json={"task_ids": "x"}), 400, "invalid_value", param="task_ids"
    )


async def test_an_unknown_path_names_its_neighbours(calm):
    error = assert_error_shape(await calm.http.get("/v1/video/task"), 404, "unknown_path")
    assert "/v1/video/tasks" in error["message"]
    assert_error_shape(await calm.http.get("/nothing/like/it"), 404, "unknown_path")


async def test_a_wrong_method_names_the_right_ones(calm):
    answer = await calm.http.put(TASKS, json={})
    error = assert_error_shape(answer, 405, "method_not_allowed")
    assert {word.strip() for word in answer.headers["allow"].split(",")} >= {"GET"}
    assert "PUT" in error["message"]


@pytest.mark.parametrize(("method", "path", "code"), [
    ("GET", "/v1/video/generations", "method_not_allowed"), ("DELETE", "/v1/video/generations/task_1", "method_not_allowed"),
    ("GET", "/v1/video/generations/a/b", "unknown_path"),
])  # fmt: skip
async def test_requests_gone_astray_at_new_apis_paths_are_told_in_its_words(calm, method, path, code):
    answer = await calm.http.request(method, path)
    body = answer.json()
    assert (body["code"], body["data"]) == (code, None)
    assert body["message"] == body["error"]["message"] == body["detail"]
    assert answer.headers["x-request-id"]


async def test_requests_gone_astray_are_told_as_they_are_pinned(calm):
    body = (await calm.http.put("/xai/v1/videos", json={})).json()
    assert body["code"] == "invalid_argument"
    assert body["error"]["code"] == "method_not_allowed"


async def test_a_bug_of_ours_tells_nothing_of_our_inside(logs, calm, monkeypatch):
    async def broken(*_args, **_more):
        raise ZeroDivisionError("canary-inside")

    monkeypatch.setattr(calm.services.store, "get", broken, raising=False)
    answer = await calm.http.get(f"{TASKS}/{UNKNOWN}")
    error = assert_error_shape(answer, 500, "internal", type_="api_error")
    assert "canary-inside" not in answer.text
    assert answer.headers["x-request-id"] in error["message"]
    logged = logs.getvalue()
    assert "canary-inside" in logged
    assert answer.headers["x-request-id"] in logged


async def test_a_clients_request_id_comes_back(calm):
    answer = await calm.http.get("/livez", headers={"x-request-id": "mine-12345"})
    assert answer.headers["x-request-id"] == "mine-12345"
    answer = await calm.http.get("/livez", headers={"x-request-id": "bad id!"})
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("path", [f"/{TASKS}", f"{TASKS}/", "//v1//video/tasks//", "///v1/video/tasks"])
async def test_slashes_do_not_matter_and_nothing_redirects(calm, path):
    for method in ("GET", "POST"):
        answer = await calm.http.request(method, calm.url + path, json=CREATE if method == "POST" else None)
        assert answer.status_code == 200, path


@pytest.mark.parametrize("text", ["a\0b", "\ud83d", "\udc00\ud800"])
async def test_text_that_nothing_can_keep_is_refused(calm, text):
    for name in ("prompt", "model", "aspect_ratio"):
        answer = await calm.http.post(TASKS, content=json.dumps(CREATE | {name: text}).encode())
        assert_error_shape(answer, 400, "invalid_value", param=None, type_="invalid_request_error")
    if text.isprintable() or "\0" in text:
        answer = await calm.http.post(TASKS, data=CREATE | {"prompt": text})
        assert answer.status_code == 400
    answer = await calm.http.post(TASKS, content=json.dumps(CREATE | {"prompt": "\\u0000 \\ud800 \U0001f600"}).encode())
    assert answer.status_code == 200, "these are ordinary letters, and a whole character"


@pytest.mark.parametrize(
    "address", [f"{TASKS}/a%00b", f"{TASKS}?cursor=%00", "/v1/videos/a%00b", "/v1/videos?after=%00", "/%00"]
)
async def test_an_address_with_a_nul_is_refused_before_anything_is_looked_up(calm, address):
    """PostgreSQL takes none in a text; it would be told as a database that is away."""
    assert_error_shape(await calm.http.get(address), 400, "invalid_value")
