"""Dubrify's video API (seed 001): every state, every error, every create."""

import pytest

from gateway.dialects.dubrify import translate
from gateway.dialects.dubrify.protocol import CreateVideo, Done, Pending
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter
from gateway.models import MODELS
from tests.dialects.sample_tasks import in_every_state, link_to
from tests.dialects.video_golden import assert_nothing_secret, check_errors, golden_of, read_of

STATES = in_every_state("dubrify", "grok_video_0195f0c2a1b37c2d8e9f00112233aabb", "grok-imagine-video")
MODEL = MODELS["grok-imagine-video"]


@pytest.fixture(scope="module")
def golden(request):
    yield from golden_of("dubrify", request)


def read(fields, model=MODEL):
    return translate.from_create(CreateVideo.model_validate(fields), fields, model)


@pytest.mark.parametrize("case", STATES)
def test_a_video_in_every_state(case, golden):
    shown = translate.to_result(STATES[case], link_to)
    golden.check(f"video_{case}", shown)
    assert ("video" in shown) != ("status" in shown), "the documented loop looks for one or the other"
    (Done if "video" in shown else Pending).model_validate(shown, strict=True)
    assert_nothing_secret(shown)


def test_a_create(golden):
    golden.check("accepted", translate.to_accepted(STATES["queued"]))


def test_every_error(golden):
    check_errors(golden, translate.to_error, translate.ERRORS)


CREATES = {
    "text": {"model": "grok-imagine-video", "prompt": "x", "duration": 6, "resolution": "720p", "aspect_ratio": "16:9"},
    "picture": {"model": "grok-imagine-video", "prompt": "x", "duration": 8, "resolution": "720p", "image": {"url": "https://example.com/a.jpg"}},
    "nothing_said": {"model": "grok-imagine-video", "prompt": " x "},
    "longest": {"model": "grok-imagine-video", "prompt": "x", "duration": "15", "aspect_ratio": "2:3"},
}  # fmt: skip


@pytest.mark.parametrize("case", CREATES)
def test_creates_are_read(case, golden):
    golden.check(f"create_{case}", read_of(read(CREATES[case])))


@pytest.mark.parametrize(
    ("fields", "error", "param", "words"),
    [
        ({"prompt": " "}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"duration": 0}, InvalidRequest, "duration", "1 to 15"),
        ({"duration": 16}, InvalidRequest, "duration", "1 to 15"),
        ({"resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9"),
        ({"n": 2}, UnsupportedParameter, "n", "one video"),
        ({"image": ["a", "b"]}, InvalidRequest, "image", "one picture"),
        ({"reference_images": ["a"]}, UnsupportedParameter, "reference_images", "one picture"),
        ({"last_frame": "a"}, UnsupportedParameter, "last_frame", "first frame"),
    ],
)
def test_bad_creates_name_the_clients_own_field(fields, error, param, words):
    with pytest.raises(error) as refused:
        read({"model": "grok-imagine-video", "prompt": "x"} | fields)
    assert refused.value.param == param
    assert words in refused.value.message


def test_the_examples_of_the_documentation_are_taken():
    for example in CreateVideo.model_config["json_schema_extra"]["examples"]:
        read(example)
