"""OpenAI's Videos API: every state, every error, every spelling of a create."""

from dataclasses import replace

import pytest

from gateway.dialects.openai import translate
from gateway.dialects.openai.protocol import CreateVideo, Extend, Remix, Video
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter
from gateway.models import MODELS
from gateway.tasks.model import VideoMode
from gateway.tasks.states import State
from gateway.web.form_names import unfolded
from tests.dialects.sample_tasks import in_every_state, link_to
from tests.dialects.video_golden import assert_nothing_secret, check_errors, golden_of, read_of

STATES = in_every_state("openai", "video_0195f0c2a1b37c2d8e9f00112233aabb", "sora-2")
AMBIGUOUS = in_every_state("openai", "video_0195f0c2a1b37c2d8e9f00112233aabb", "grok-imagine-video", dialect_data={"ambiguous": True})  # fmt: skip
MODEL = MODELS["grok-imagine-video"]
ONE_PICTURE = MODELS["grok-video-1.5"]


@pytest.fixture(scope="module")
def golden(request):
    yield from golden_of("openai", request)


def read(fields, model=MODEL):
    fields = unfolded(fields)
    return translate.from_create(CreateVideo.model_validate(fields), fields, model)


@pytest.mark.parametrize("case", STATES)
def test_a_video_in_every_state(case, golden):
    shown = translate.to_video(STATES[case], link_to)
    golden.check(f"video_{case}", shown)
    Video.model_validate(shown, strict=True)
    assert_nothing_secret(shown)


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_video_that_could_be_dubrifys_too(case, golden):
    shown = translate.to_video(AMBIGUOUS[case], link_to)
    golden.check(f"ambiguous_{case}", shown)
    assert ("video" in shown) == (AMBIGUOUS[case].state is State.SUCCEEDED)
    assert shown["request_id"] == shown["id"]


def test_lists_and_deletions(golden):
    golden.check("answers", {
        "list": translate.to_list([STATES["running"], STATES["done"]], True, link_to),
        "empty": translate.to_list([], False, link_to),
        "deleted": translate.to_deleted("video_1"),
        "remixed": translate.to_video(replace(STATES["queued"], dialect_data={"remixed_from": "video_1"}), link_to),
    })  # fmt: skip


def test_every_error(golden):
    check_errors(golden, translate.to_error, translate.ERRORS)


CREATES = {
    "sdk": {"model": "sora-2", "prompt": "x", "seconds": "4", "size": "720x1280"},
    "nothing_said": {"prompt": " x "},
    "wide": {"prompt": "x", "seconds": "8", "size": "1792x1024"},
    "small": {"prompt": "x", "seconds": 12, "size": "854x480"},
    "square": {"prompt": "x", "size": "1024x1024"},
    "newapi_passthrough": {"prompt": "x", "duration": 10, "resolution": "480p", "aspect_ratio": "3:2", "user": "u", "seed": 1},
    "grok2api": {"prompt": "x", "video_length": "6", "resolution_name": "720p", "preset": "fun", "size": "1024x1024"},
    "picture_in_brackets": {"prompt": "x", "input_reference[image_url]": "https://example.com/a.png"},
    "picture_by_id": {"prompt": "x", "input_reference": {"file_id": "file_1"}},
    "picture_as_json_text": {"prompt": "x", "input_reference": '{"image_url": "https://example.com/a.png"}'},
    "picture_like_in_chats": {"prompt": "x", "image": {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}},
    "picture_and_size": {"prompt": "x", "input_reference": "https://example.com/a.png", "size": "1280x720"},
    "picture_without_words": {"input_reference": "https://example.com/a.png"},
    "several": {"prompt": "x", "input_reference[]": ["https://example.com/a.png", "https://example.com/b.png"]},
    "image_urls": {"prompt": "x", "image_urls": ["https://example.com/a.png"]},
    "references": {"prompt": "x", "seconds": "10", "reference_images": [{"url": "https://example.com/a.png"}]},
    "asks_for_nothing": {"prompt": "x", "n": "1", "keyframes": [], "generate_audio": False, "output": {}, "input_reference": ""},
}  # fmt: skip


@pytest.mark.parametrize("case", CREATES)
def test_creates_are_read(case, golden):
    golden.check(f"create_{case}", read_of(read(CREATES[case])))


@pytest.mark.parametrize(
    ("fields", "error", "param", "words"),
    [
        ({}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"prompt": " "}, EmptyPrompt, "prompt", "Prompt cannot be empty"),
        ({"seconds": "0"}, InvalidRequest, "seconds", "1 to 15"),
        ({"seconds": 16}, InvalidRequest, "seconds", "1 to 15"),
        ({"size": "big"}, InvalidRequest, "size", "1280x720"),
        ({"size": "0x720"}, InvalidRequest, "size", "1280x720"),
        ({"resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9"),
        ({"n": 2}, UnsupportedParameter, "n", "one video"),
        ({"n": 0}, UnsupportedParameter, "n", "one video"),
        ({"generate_audio": True}, UnsupportedParameter, "generate_audio", "sound"),
        ({"last_frame": {"url": "x"}}, UnsupportedParameter, "last_frame", "first frame"),
        ({"keyframes": [{}]}, UnsupportedParameter, "keyframes", "first frame"),
        ({"reference_audios": ["x"]}, UnsupportedParameter, "reference_audios", "sound"),
        ({"output": {"upload_url": "x"}}, UnsupportedParameter, "output", "kept here"),
        ({"storage_options": {"a": 1}}, UnsupportedParameter, "storage_options", "kept here"),
        ({"input_reference": 5}, InvalidRequest, "input_reference", "an image is given as"),
        ({"input_reference": "a", "reference_images": ["b"]}, InvalidRequest, "reference_images", "together"),
        ({"image_urls": list("abcdefgh")}, InvalidRequest, "input_reference", "at most 7"),
    ],
)  # fmt: skip
def test_bad_creates_name_the_clients_own_field(fields, error, param, words):
    with pytest.raises(error) as refused:
        read({"prompt": "x"} | fields if "prompt" not in fields and fields else fields)
    assert refused.value.param == param
    assert words in refused.value.message


@pytest.mark.parametrize("pictures", [[], ["a", "b"]])
def test_a_model_for_one_picture_takes_exactly_one(pictures):
    with pytest.raises(InvalidRequest, match=r"^grok-video-1\.5 only supports exactly one reference image$"):
        read({"model": "grok-video-1.5", "prompt": "x", "images": pictures}, ONE_PICTURE)
    assert read({"prompt": "x", "images": ["a"]}, ONE_PICTURE).mode is VideoMode.IMAGE


def test_a_remix_takes_over_everything_but_the_prompt(golden):
    golden.check("remix", read_of(translate.from_remix(Remix(prompt=" at night "), STATES["done"])))


def test_an_extension_begins_where_its_source_ends(golden):
    request = translate.from_extend(Extend.model_validate({"prompt": "it sails away", "seconds": "8"}), STATES["done"])
    golden.check("extend", {**read_of(request), "source_task_id": request.source_task_id, "start_s": request.start_s})


@pytest.mark.parametrize(
    ("value", "found"),
    [({"id": "video_1"}, "video_1"), ("video_1", "video_1"), ({"url": "https://x/y"}, "https://x/y")],
)
def test_a_source_is_named_in_many_ways(value, found):
    assert translate.source_of(value) == found


def test_a_video_file_is_no_source():
    with pytest.raises(UnsupportedParameter):
        translate.source_of(object())
    with pytest.raises(InvalidRequest):
        translate.source_of(None)


@pytest.mark.parametrize(("word", "limit"), [(None, 20), ("1", 1), ("100", 100), ("1000", 100)])
def test_limits(word, limit):
    assert translate.read_limit(word) == limit


@pytest.mark.parametrize("word", ["0", "-1", "many", "1.5", ""])
def test_bad_limits(word):
    with pytest.raises(InvalidRequest):
        translate.read_limit(word)


def test_the_examples_of_the_documentation_are_taken():
    for example in CreateVideo.model_config["json_schema_extra"]["examples"]:
        read(example)
