"""What is refused before anything is spent, and with which allowed values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest, SpicyNotAllowed, UnsupportedParameter
from gateway.grok.capabilities import VideoRequest, allows_of, check_video, fitting_seconds
from gateway.tasks.model import Preset, VideoMode

ASKED = VideoRequest(prompt=" a bird ")


def test_defaults() -> None:
    spec = check_video(ASKED, allow_spicy=False)
    assert (spec.prompt, spec.seconds, spec.resolution, spec.preset) == ("a bird", 6, "480p", Preset.NORMAL)


@pytest.mark.parametrize(
    ("changes", "error", "param", "says"),
    [
        ({"prompt": "  "}, EmptyPrompt, "prompt", ""),
        ({"seconds": 8}, InvalidRequest, "seconds", "6, 10"),
        ({"seconds": 0}, InvalidRequest, "seconds", "6, 10"),
        ({"seconds": 15}, InvalidRequest, "seconds", "6, 10"),
        ({"resolution": "1080p"}, InvalidRequest, "resolution", "480p, 720p"),
        ({"aspect_ratio": "21:9"}, InvalidRequest, "aspect_ratio", "16:9, 9:16"),
        ({"preset": "wild"}, InvalidRequest, "preset", "normal, fun, custom, spicy"),
        ({"preset": "spicy"}, SpicyNotAllowed, "preset", "GATEWAY_ALLOW_SPICY"),
        ({"prompt": "a bird --mode=extremely-spicy-or-crazy"}, SpicyNotAllowed, "preset", ""),
        ({"image_assets": ("a",)}, UnsupportedParameter, "image", ""),
        ({"mode": VideoMode.IMAGE}, InvalidRequest, "image", "exactly one"),
        ({"mode": VideoMode.REFERENCES, "image_assets": tuple("abcdefgh")}, InvalidRequest, "reference_images", "7"),
        ({"mode": VideoMode.EXTEND}, InvalidRequest, "video", ""),
        ({"prompt": "x" * 30_000}, InvalidRequest, "prompt", ""),
    ],
)
def test_refused(changes: dict[str, Any], error: type[GatewayError], param: str, says: str) -> None:
    with pytest.raises(error) as caught:
        check_video(replace(ASKED, **changes), allow_spicy=False)
    assert type(caught.value) is error
    assert caught.value.param == param
    assert says in caught.value.message


def test_fifteen_seconds_need_an_account_that_allows_them() -> None:
    assert check_video(replace(ASKED, seconds=15), allow_spicy=False, allows=allows_of("SuperGrok")).seconds == 15
    with pytest.raises(InvalidRequest):
        check_video(
            replace(ASKED, seconds=15, mode=VideoMode.REFERENCES, image_assets=("a", "b")),
            allow_spicy=False,
            allows={"15s"},
        )
    assert not allows_of("")
    assert not allows_of("Basic")


def test_an_image_needs_no_words_and_then_no_custom_mode() -> None:
    spec = check_video(VideoRequest(mode=VideoMode.IMAGE, image_assets=("a",), preset="custom"), allow_spicy=False)
    assert (spec.prompt, spec.preset) == ("", Preset.NORMAL)


def test_spicy_where_the_operator_allows_it() -> None:
    assert check_video(replace(ASKED, preset="spicy"), allow_spicy=True).preset is Preset.SPICY


@pytest.mark.parametrize(
    ("wanted", "allows", "seconds"), [(1, (), 6), (6, (), 6), (7, (), 10), (12, (), 10), (12, ("15s",), 15)]
)
def test_fitting_seconds(wanted: float, allows: tuple[str, ...], seconds: int) -> None:
    assert fitting_seconds(wanted, allows) == seconds
