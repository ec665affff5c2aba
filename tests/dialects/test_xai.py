"""xAI's video API: every state, every error, every spelling of a create."""

import pytest

from gateway.dialects.xai import translate
from gateway.dialects.xai.protocol import Extend, Generate, Generation
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter
from gateway.models import MODELS
from tests.dialects.errors import every_error
from tests.dialects.sample_tasks import in_every_state, link_to
from tests.dialects.video_golden import LEFT_TO_ROOT, assert_nothing_secret, check_errors, golden_of, read_of

STATES = in_every_state("xai", "0195f0c2-a1b3-4c2d-8e9f-00112233aabb", "grok-imagine-video")
MODEL = MODELS["grok-imagine-video"]


@pytest.fixture(scope="module")
def golden(request):
    yield from golden_of("xai", request)


def read(fields, model=MODEL):
    fields = {name: value for name, value in fields.items() if value is not None}
    return translate.from_generate(Generate.model_validate(fields), fields, model)


@pytest.mark.parametrize("case", STATES)
def test_a_video_in_every_state(case, golden):
    status, body = translate.to_generation(STATES[case], link_to)
    golden.check(f"video_{case}", {"http": status, "body": body})
    Generation.model_validate(body, strict=True)
    assert (status == 202) == (body["status"] == "pending")
    assert ("video" in body) == (body["status"] == "done")
    assert None not in body.values()
    assert_nothing_secret(body)


def test_a_create(golden):
    golden.check("accepted", translate.to_accepted(STATES["queued"]))


def test_every_error(golden):
    check_errors(golden, translate.to_error, translate.ERRORS)
    for cls in every_error():
        word = next(one for one in cls.__mro__ if one in translate.WORDS)
        assert word in {*every_error()} - LEFT_TO_ROOT or cls in LEFT_TO_ROOT


def test_a_failure_has_one_of_four_codes():
    from gateway.tasks.model import Failure
    from tests.dialects.sample_tasks import replace

    for code in {cls.code for cls in every_error()} | {"something new"}:
        task = replace(STATES["failed"], failure=Failure(code, "why"))
        assert translate.to_failure(task)["code"] in {
            "invalid_argument", "permission_denied", "failed_precondition", "internal_error",
        }  # fmt: skip


CREATES = {
    "nothing_said": {"prompt": " x "},
    "ai_sdk": {"model": "grok-imagine-video", "prompt": "x", "duration": 6, "aspect_ratio": "9:16", "resolution": "720p"},
    "nulls": {"prompt": "x", "duration": None, "image": None, "reference_images": None, "user": None, "output": None},
    "text_number": {"prompt": "x", "duration": "15", "user": "u"},
    "picture": {"prompt": "x", "image": {"url": "https://example.com/a.png", "type": "image_url"}},
    "picture_without_words": {"image": {"url": "data:image/png;base64,xx"}, "aspect_ratio": "1:1"},
    "picture_by_file": {"prompt": "x", "image": {"file_id": "file_1"}},
    "picture_elsewhere": {"prompt": "x", "input_reference": {"image_url": "https://example.com/a.png"}, "seconds": 3},
    "picture_flat": {"prompt": "x", "image_url": "https://example.com/a.png", "video_length": 10, "preset": "fun"},
    "picture_as_text": {"prompt": "x", "image": "https://example.com/a.png"},
    "one_reference": {"prompt": "x", "reference_images": [{"url": "https://example.com/a.png"}]},
    "references": {"prompt": "x", "reference_images": [{"url": "https://example.com/a.png"}, "file_2"]},
    "with_sound": {"prompt": "x", "generate_audio": True, "keyframes": []},
}  # fmt: skip


@pytest.mark.parametrize("case", CREATES)
def test_creates_are_read(case, golden):
    golden.check(f"create_{case}", read_of(read(CREATES[case])))


@pytest.mark.parametrize(
    ("fields", "error", "param", "words"),
    [
        ({"prompt": ""}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"prompt": "", "reference_images": ["a"]}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"duration": 0}, InvalidRequest, "duration", "1 to 15"),
        ({"duration": 16}, InvalidRequest, "duration", "1 to 15"),
        ({"resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9"),
        ({"n": 2}, UnsupportedParameter, "n", "one video"),
        ({"generate_audio": False}, UnsupportedParameter, "generate_audio", "sound"),
        ({"last_frame": {"url": "x"}}, UnsupportedParameter, "last_frame", "first frame"),
        ({"keyframes": [{}]}, UnsupportedParameter, "keyframes", "first frame"),
        ({"reference_audios": ["x"]}, UnsupportedParameter, "reference_audios", "sound"),
        ({"output": {"upload_url": "x"}}, UnsupportedParameter, "output", "kept here"),
        ({"storage_options": {"a": 1}}, UnsupportedParameter, "storage_options", "kept here"),
        ({"video_url": "https://x/y.mp4"}, UnsupportedParameter, "video", "extensions"),
        ({"stream": True}, UnsupportedParameter, "stream", "polled"),
        ({"image": "a", "reference_images": ["b"]}, InvalidRequest, "reference_images", "together"),
        ({"image": ["a", "b"]}, InvalidRequest, "image", "reference_images"),
        ({"reference_images": list("abcdefgh")}, InvalidRequest, "reference_images", "at most 7"),
    ],
)  # fmt: skip
def test_bad_creates_name_the_clients_own_field(fields, error, param, words):
    with pytest.raises(error) as refused:
        read({"prompt": "x"} | fields)
    assert refused.value.param == param
    assert words in refused.value.message


def test_an_extension_begins_where_its_source_ends(golden):
    fields = {"prompt": "it sails away", "video": {"url": "https://gw.example/media/x"}}
    request = translate.from_extend(Extend.model_validate(fields), fields, STATES["done"])
    golden.check("extend", {**read_of(request), "source_task_id": request.source_task_id, "start_s": request.start_s})
    with pytest.raises(InvalidRequest, match="1 to 10"):
        translate.from_extend(Extend.model_validate(fields | {"duration": 11}), fields, STATES["done"])


def test_a_source_is_named_in_many_ways():
    assert translate.source_of({"url": " https://x/y "}) == "https://x/y"
    assert translate.source_of({"file_id": "file_1"}) == translate.source_of("file_1") == "file_1"
    with pytest.raises(InvalidRequest):
        translate.source_of({})


def test_the_examples_of_the_documentation_are_taken():
    for example in Generate.model_config["json_schema_extra"]["examples"]:
        read(example)
