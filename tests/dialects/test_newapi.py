"""new-api's video tasks (seed 003): every state, every error, every create."""

import pytest

from gateway.dialects.newapi import translate
from gateway.dialects.newapi.protocol import CreateTask, Envelope, VideoAccepted
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter
from gateway.models import MODELS
from gateway.tasks.model import VideoMode
from tests.dialects.sample_tasks import in_every_state, link_to
from tests.dialects.video_golden import assert_nothing_secret, check_errors, golden_of, read_of

STATES = in_every_state("newapi", "task_0195f0c2a1b37c2d8e9f00112233aabb", "grok-image-video")
A, B = "https://example.com/a.png", "https://example.com/b.png"


@pytest.fixture(scope="module")
def golden(request):
    yield from golden_of("newapi", request)


def read(fields):
    wire = CreateTask.model_validate(fields)
    if wire.metadata:
        wire = CreateTask.model_validate(translate.with_metadata(fields, wire))
    translate.require(wire)
    return translate.from_create(wire, translate.with_metadata(fields, wire), MODELS[wire.model])


@pytest.mark.parametrize("case", STATES)
def test_a_task_in_every_state(case, golden):
    shown = translate.to_envelope(STATES[case], link_to)
    golden.check(f"task_{case}", shown)
    Envelope.model_validate(shown, strict=True)
    assert shown["data"]["data"]["seconds"] == "6", "the effective length is told, as text"
    assert shown["url"] == shown["data"]["result_url"]
    assert None not in shown["data"].values(), "new-api's own clients decode into plain types"
    assert (shown["data"]["status"] == "SUCCESS") == bool(shown["data"]["result_url"])
    assert (shown["data"]["status"] == "FAILURE") == bool(shown["data"]["fail_reason"])
    assert_nothing_secret(shown)


def test_a_create(golden):
    shown = translate.to_accepted(STATES["queued"])
    golden.check("accepted", shown)
    VideoAccepted.model_validate(shown, strict=True)


def test_every_error(golden):
    check_errors(golden, translate.to_error, translate.ERRORS)


CREATES = {
    "text": {"prompt": "x", "seconds": 6, "aspect_ratio": "16:9", "resolution": "720p"},
    "nothing_said": {"prompt": " x "},
    "text_numbers": {"prompt": "x", "seconds": "10"},
    "duration": {"prompt": "x", "duration": "6", "size": "480x854", "mode": "std"},
    "picture": {"prompt": "x", "seconds": 6, "aspect_ratio": "9:16", "resolution": "720p", "image_urls": [A]},
    "picture_reference": {"prompt": "x", "input_reference": {"image_url": A}},
    "picture_reference_text": {"prompt": "x", "input_reference": A, "resolution": "480p"},
    "picture_as_image": {"prompt": "x", "image": A, "images": []},
    "several": {"prompt": "x", "seconds": 10, "image_urls": [A, B]},
    "several_clamped": {"prompt": "x", "seconds": 15, "image_urls": [A, B]},
    "references": {"prompt": "x", "seconds": 15, "reference_images": [A]},
    "both_kinds": {"prompt": "x", "image_urls": [A], "reference_images": [B]},
    "metadata": {"prompt": "x", "seconds": 4, "metadata": {"aspect_ratio": "1:1", "seconds": 10, "resolution": None}},
    "metadata_text": {"prompt": "x", "metadata": '{"resolution": "480p"}'},
    "metadata_nonsense": {"prompt": "x", "metadata": "hello"},
}


@pytest.mark.parametrize("case", CREATES)
def test_creates_are_read(case, golden):
    golden.check(f"create_{case}", read_of(read({"model": "grok-image-video"} | CREATES[case])))


@pytest.mark.parametrize(
    ("fields", "error", "param", "words"),
    [
        ({"prompt": " "}, EmptyPrompt, "prompt", "prompt is required"),
        ({"model": ""}, translate.ModelMissing, "model", "model field is required"),
        ({"seconds": 0}, InvalidRequest, "seconds", "1 to 15"),
        ({"seconds": 16}, InvalidRequest, "seconds", "1 to 15"),
        ({"resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9"),
        ({"size": "large"}, InvalidRequest, "size", "1280x720"),
        ({"n": 2}, UnsupportedParameter, "n", "one video"),
        ({"input_reference": A, "reference_images": [B]}, InvalidRequest, "reference_images", "together"),
        ({"image_urls": [A] * 8}, InvalidRequest, "image_urls", "grok-image-video supports at most 7 reference images"),
        ({"model": "grok-video-1.5"}, InvalidRequest, "image_urls", "only supports exactly one reference image"),
        ({"model": "grok-video-1.5", "image_urls": [A, B]}, InvalidRequest, "image_urls", "only supports exactly one reference image"),
        ({"metadata": {"last_frame": A}}, UnsupportedParameter, "last_frame", "first frame"),
    ],
)  # fmt: skip
def test_bad_creates_name_the_clients_own_field(fields, error, param, words):
    with pytest.raises(error) as refused:
        read({"model": "grok-image-video", "prompt": "x"} | fields)
    assert refused.value.param == param
    assert words in refused.value.message


def test_the_model_for_one_picture_takes_it_in_any_field():
    for field in ("image_urls", "reference_images"):
        asked = read({"model": "grok-video-1.5", "prompt": "x", "seconds": 15, field: [A]})
        assert (asked.mode, asked.at_least_s) == (VideoMode.IMAGE, 15)


def test_missing_things_are_told_in_the_documented_words():
    for error, code, message in (
        (translate.ModelMissing("model field is required", param="model"), "missing_model", "model field is required"),
        (EmptyPrompt("prompt is required", param="prompt"), "invalid_request", "prompt is required"),
    ):
        answer = translate.to_error(error)
        assert (answer.status, answer.body["code"], answer.body["message"], answer.body["data"]) == (
            400,
            code,
            message,
            None,
        )


def test_the_examples_of_the_documentation_are_taken():
    for example in CreateTask.model_config["json_schema_extra"]["examples"]:
        read(example)
