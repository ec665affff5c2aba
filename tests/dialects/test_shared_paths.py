"""The rules that tell apart APIs on the same paths (dialects C1-C16), one table each."""

import itertools

import pytest

from gateway.dialects import shared_paths as rules
from gateway.dialects.shared_paths import AMBIGUOUS, Dialect
from gateway.errors import InvalidRequest

OPENAI, XAI, DUBRIFY, NEWAPI, GROK2API, SYNC = Dialect
BASE = {"model": "grok-imagine-video", "prompt": "x"}
SDK = {"user-agent": "OpenAI/Python 2.8.1", "x-stainless-lang": "python"}


@pytest.mark.parametrize(
    ("headers", "fields", "form", "pin", "dialect"),
    [
        # 1: the pin, whatever the request looks like
        (SDK, {"seconds": "4"}, True, XAI, XAI),
        (SDK, {"seconds": "4"}, True, DUBRIFY, DUBRIFY),
        ({}, {"duration": 6}, False, OPENAI, OPENAI),
        ({}, {"duration": 6}, False, NEWAPI, NEWAPI),
        ({}, {"duration": 6}, False, GROK2API, OPENAI),
        ({}, {"duration": 6}, False, SYNC, OPENAI),
        # 2: a form
        ({}, {"duration": "6", "resolution": "720p"}, True, None, OPENAI),
        # 3: OpenAI's own SDKs, and litellm
        ({"x-stainless-lang": "js"}, {"duration": 6}, False, None, OPENAI),
        ({"user-agent": "OpenAI/Python 2.54.0"}, {}, False, None, OPENAI),
        ({"user-agent": "AsyncOpenAI/Python 2.54.0"}, {}, False, None, OPENAI),
        ({"user-agent": "litellm/1.80.0"}, {"duration": 6}, False, None, OPENAI),
        ({"user-agent": "python-requests/2.32"}, {}, False, None, AMBIGUOUS),
        # 4: fields that only OpenAI's users send
        ({}, {"seconds": 4}, False, None, OPENAI),
        ({}, {"size": "1280x720"}, False, None, OPENAI),
        ({}, {"input_reference": "https://x/y.png"}, False, None, OPENAI),
        ({}, {"image_urls": []}, False, None, OPENAI),
        ({}, {"images": ["a"]}, False, None, OPENAI),
        ({}, {"reference_images": ["a"]}, False, None, OPENAI),
        ({}, {"image": "https://x/y.png"}, False, None, OPENAI),
        ({}, {"duration": 6, "seconds": 6}, False, None, OPENAI),
        # 5: Dubrify's
        ({}, {"duration": 6}, False, None, DUBRIFY),
        ({}, {"image": {"url": "https://x/y.png"}}, False, None, DUBRIFY),
        ({}, {"resolution": "720p", "aspect_ratio": "16:9"}, False, None, DUBRIFY),
        ({"user-agent": "Go-http-client/1.1"}, {"duration": 6}, False, None, DUBRIFY),  # C2: why new-api needs a pin
        # 6: nothing tells
        ({}, {}, False, None, AMBIGUOUS),
        ({}, {"resolution": "720p"}, False, None, AMBIGUOUS),
        ({}, {"aspect_ratio": "16:9"}, False, None, AMBIGUOUS),
        ({"user-agent": "Go-http-client/1.1"}, {}, False, None, AMBIGUOUS),
    ],
)
def test_c1_creates_at_videos(headers, fields, form, pin, dialect):
    assert rules.at_videos(headers=headers, fields=BASE | fields, form=form, pin=pin) == dialect


@pytest.mark.parametrize("stored", [*Dialect, "chat", "something older", None])
@pytest.mark.parametrize("pin", [*Dialect, None])
def test_c3_answers_at_videos(stored, pin):
    expected = {XAI: XAI, SYNC: XAI, DUBRIFY: DUBRIFY}
    assert rules.answering(stored, pin) == expected.get(pin or stored, OPENAI)


@pytest.mark.parametrize(
    ("fields", "dialect"),
    [
        ({"image_url": "https://x/y.png", "prompt": "x"}, SYNC),
        ({"image_url": "https://x/y.png", "prompt": "x", "model": "grok-imagine-0.9"}, SYNC),
        ({"image_url": "https://x/y.png", "prompt": "x", "model": "no-such-model"}, SYNC),
        ({"image_url": "", "prompt": "x"}, SYNC),
        ({"image_url": ""}, SYNC),
        ({"image_url": "https://x/y.png", "prompt": "x", "seed": 1}, SYNC),
        ({"image_url": "https://x/y.png", "prompt": "x", "model": "grok-imagine-video"}, XAI),
        ({"prompt": "x", "model": "grok-imagine-0.9"}, XAI),
        ({}, XAI),
        *(({"image_url": "https://x/y.png", "prompt": "x", name: "1"}, XAI) for name in sorted(rules.ASYNC_FIELDS)),
    ],
)
def test_c5_creates_at_generations(fields, dialect):
    assert rules.at_generations(fields=fields, pin=None) == dialect
    for pin in Dialect:
        assert rules.at_generations(fields=fields, pin=pin) == (XAI if pin is GROK2API else pin)


@pytest.mark.parametrize(
    ("fields", "form", "pin", "dialect"),
    [
        ({"video": {"id": "video_1"}}, False, None, OPENAI),
        ({"video": {"id": "video_1"}}, True, None, OPENAI),
        ({"video": {"url": "https://x/y.mp4"}}, True, None, OPENAI),
        ({"video": {"url": "https://x/y.mp4"}}, False, None, XAI),
        ({"video": {"file_id": "file_1"}}, False, None, XAI),
        ({"video_url": "https://x/y.mp4"}, False, None, XAI),
        ({}, False, None, XAI),
        ({"video": {"id": "video_1"}}, False, XAI, XAI),
        ({"video": {"url": "https://x/y.mp4"}}, False, OPENAI, OPENAI),
        ({"video": {"url": "https://x/y.mp4"}}, False, DUBRIFY, OPENAI),
    ],
)
def test_c7_edits_and_extensions(fields, form, pin, dialect):
    assert rules.at_changes(fields={"prompt": "x"} | fields, form=form, pin=pin) == dialect


def test_c11_what_is_listed_is_also_shown():
    assert {word for word in Dialect if rules.answering(word, None) is OPENAI} == set(rules.LISTED)


@pytest.mark.parametrize(
    ("path", "pin", "rest"),
    [
        ("/v1/videos", None, "/v1/videos"),
        ("/openai/v1/videos", OPENAI, "/v1/videos"),
        ("/xai/v1/videos/generations", XAI, "/v1/videos/generations"),
        ("/proxy/xai/v1/videos/generations", XAI, "/v1/videos/generations"),
        ("/dubrify/v1/videos/abc", DUBRIFY, "/v1/videos/abc"),
        ("/newapi/v1/video/generations", NEWAPI, "/v1/video/generations"),
        ("/grok2api/v1/video/tasks", GROK2API, "/v1/video/tasks"),
        ("/openai", OPENAI, "/"),
        ("/openai-like/v1/videos", None, "/openai-like/v1/videos"),
        ("/proxy/other/v1", None, "/proxy/other/v1"),
        ("/sync/v1/videos", None, "/sync/v1/videos"),
    ],
)
def test_c14_prefixes(path, pin, rest):
    assert rules.split_pin(path) == (pin, rest)


def test_the_header_pins_too():
    assert [rules.pin_of(word) for word in (None, "", " ", "openai", " XAI ")] == [None, None, None, OPENAI, XAI]
    with pytest.raises(InvalidRequest, match="openai, xai, dubrify, newapi, grok2api, sync") as refused:
        rules.pin_of("sora")
    assert refused.value.param == "X-Gateway-Dialect"


def test_a_keys_default_that_is_not_known_counts_as_none():
    assert [rules.default_of(word) for word in (None, "", "openai", "later")] == [None, None, OPENAI, None]


def test_every_pin_leads_somewhere_at_every_create():
    from gateway.dialects import video_routes

    for pin, fields, form in itertools.product([*Dialect, None], [{}, {"duration": 6}], [True, False]):
        assert rules.at_videos(headers={}, fields=fields, form=form, pin=pin) in video_routes.CREATE
        assert rules.at_generations(fields=fields, pin=pin) in video_routes.CREATE
        assert (
            rules.at_changes(fields=fields, form=form, pin=pin) in video_routes.EXTEND.keys() & video_routes.EDIT.keys()
        )
        assert rules.answering(pin, None) in video_routes.SHOW
    assert set(video_routes.SAY) == {*Dialect, AMBIGUOUS}


def test_c16_fixed_names_come_before_ids():
    from gateway.dialects import video_routes

    paths = [route.path for route in video_routes.router.routes]
    first_id = min(number for number, path in enumerate(paths) if "{video_id}" in path)
    fixed = {number for number, path in enumerate(paths) if "{video_id}" not in path}
    assert max(fixed) < first_id
