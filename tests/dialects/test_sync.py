"""The synchronous video API (seed 002): every end of a task, and every error in its documented words."""

import pytest

from gateway.dialects.sync import translate
from gateway.dialects.sync.protocol import Generate, Generated
from gateway.errors import AuthenticationFailed, GatewayError, InvalidRequest
from tests.dialects.errors import every_error
from tests.dialects.sample_tasks import in_every_state, link_to
from tests.dialects.video_golden import assert_nothing_secret, check_errors, golden_of, read_of

STATES = in_every_state("sync", "video-1701234567000000123", "grok-imagine-0.9")
OVER = [case for case, task in STATES.items() if task.finished_at is not None]
A = "https://example.com/my-image.jpg"


@pytest.fixture(scope="module")
def golden(request):
    yield from golden_of("sync", request)


def read(fields):
    return translate.from_create(Generate.model_validate(fields))


def refusal(fields):
    with pytest.raises(GatewayError) as refused:
        read(fields)
    return translate.to_error(refused.value)


@pytest.mark.parametrize("case", OVER)
def test_every_end(case, golden):
    status, body = translate.to_generated(STATES[case], link_to)
    golden.check(f"video_{case}", {"http": status, "body": body})
    assert status == (200 if case == "done" else 500)
    if status == 200:
        Generated.model_validate(body, strict=True)
    assert_nothing_secret(body)


def test_one_that_takes_too_long(golden):
    status, body = translate.to_unfinished("video-1")
    golden.check("unfinished", {"http": status, "body": body})


def test_every_error(golden):
    check_errors(golden, translate.to_error, translate.ERRORS)


def test_creates_are_read(golden):
    golden.check("creates", {
        "documented": read_of(read({"image_url": A, "prompt": "让图片动起来", "model": "grok-imagine-0.9"})),
        "data_url": read_of(read({"image_url": " data:image/png;base64,xx ", "prompt": " x "})),
        "uploaded_here": read_of(read({"image_url": "file_1", "prompt": "x"})),
    })  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"image_url": "", "prompt": "x"},
         {"message": "图片URL不能为空", "type": "validation_error", "code": "invalid_image_url"}),
        ({"prompt": "x"}, {"message": "图片URL不能为空", "type": "validation_error", "code": "invalid_image_url"}),
        ({"image_url": "ftp://x/y.png", "prompt": "x"},
         {"message": "图片URL必须是http/https链接或base64格式（data:image/...）", "type": "validation_error", "code": "invalid_image_url"}),
        ({"image_url": "iVBORw0KGgo", "prompt": "x"},
         {"message": "图片URL必须是http/https链接或base64格式（data:image/...）", "type": "validation_error", "code": "invalid_image_url"}),
    ],
)  # fmt: skip
def test_documented_refusals_word_for_word(fields, error):
    answer = refusal(fields)
    assert answer.status == 400
    assert {name: answer.body["error"][name] for name in error} == error


def test_an_unknown_model_word_for_word():
    answer = translate.to_error(translate.wrong_model("xxx"))
    assert (answer.status, answer.body["error"]["type"], answer.body["error"]["code"]) == (
        400,
        "validation_error",
        "invalid_model",
    )
    assert answer.body["error"]["message"] == "模型 'xxx' 不是视频生成模型，请使用 grok-imagine-0.9"


def test_an_empty_prompt_is_told_as_a_list():
    documented = {"type": "string_too_short", "loc": ["body", "prompt"], "msg": "String should have at least 1 character", "input": "", "ctx": {"min_length": 1}}  # fmt: skip
    answer = refusal({"image_url": "", "prompt": ""})
    assert (answer.status, answer.body["detail"]) == (400, [documented])
    assert refusal({"image_url": A}).body["detail"][0]["type"] == "missing"
    assert refusal({"image_url": A, "prompt": []}).body["detail"][0]["type"] == "string_type"


def test_other_documented_errors_word_for_word():
    assert translate.to_error(AuthenticationFailed("no")).body["detail"] == "未授权访问"
    _, body = translate.to_generated(STATES["failed"], link_to)
    assert body["error"]["message"] == "视频生成失败：未能获取视频URL"
    assert (body["error"]["type"], body["error"]["code"]) == ("video_generation_error", "no_video_url")
    _, body = translate.to_generated(STATES["upstream"], link_to)
    assert (body["error"]["type"], body["error"]["code"]) == ("HTTP_ERROR", "HTTP_ERROR")
    assert body["error"]["message"].startswith("请求失败: ")
    _, body = translate.to_generated(STATES["bug"], link_to)
    assert body["error"] | {"reason": ""} == {
        "message": "服务器内部错误", "type": "internal_error", "param": None, "code": "internal_server_error", "reason": "",
    }  # fmt: skip


def test_failures_are_sorted_by_codes_that_exist():
    assert {cls.code for cls in every_error()} >= translate.REFUSALS | translate.BUGS


def test_a_bad_picture_is_told_under_its_code():
    answer = translate.to_error(InvalidRequest("too big", param="image_url"))
    assert answer.body["error"]["code"] == "invalid_image_url"
