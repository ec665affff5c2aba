"""Names with brackets, sizes in pixels, pictures in every spelling."""

import pytest

from gateway.errors import InvalidRequest
from gateway.web.form_names import unfolded
from gateway.web.frame_sizes import RATIOS, SHORT_SIDE, nearest_ratio, nearest_resolution, pixels, read_size
from gateway.web.video_fields import pictures_in


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"a": "1"}, {"a": "1"}),
        ({"a[b]": "1", "a[c][d]": "2"}, {"a": {"b": "1", "c": {"d": "2"}}}),
        ({"k[]": "1"}, {"k": ["1"]}),
        ({"k[]": ["1", "2"]}, {"k": ["1", "2"]}),
        ({"k[1]": "b", "k[0]": "a", "k[10]": "c"}, {"k": ["a", "b", "c"]}),
        ({"k[][url]": ["1", "2"]}, {"k": [{"url": "1"}, {"url": "2"}]}),
        ({"a": "plain", "a[b]": "1"}, {"a": {"b": "1"}}),
        ({"a[b]": "1", "a[b][c]": "2"}, {"a": {"b": {"c": "2"}}}),
        ({"a[": "1", "[b]": "2", "a]b[": "3"}, {"a[": "1", "[b]": "2", "a]b[": "3"}),
    ],
)
def test_bracket_names(fields, found):
    assert unfolded(fields) == found


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("resolution", SHORT_SIDE)
def test_what_is_made_is_read_as_the_same_again(ratio, resolution):
    size = read_size(pixels(ratio, resolution))
    assert (nearest_ratio(*size), nearest_resolution(*size)) == (ratio, resolution)


def test_the_sizes_of_the_site():
    assert [pixels("16:9", "720p"), pixels("9:16", "720p"), pixels("16:9", "480p"), pixels("1:1", "480p")] == [
        "1280x720", "720x1280", "848x480", "480x480",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "x", "12", "1280", "1280x", "0x0", "-1x5", "1e3x5", "9" * 6 + "x1"])
def test_what_is_no_size(text):
    with pytest.raises(InvalidRequest):
        read_size(text)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, []), ("", []), (" a ", ["a"]), ({"url": "a"}, ["a"]), ({"image_url": {"url": "a"}}, ["a"]), ({"file_id": "a"}, ["a"]),
        (["a", {"url": "b"}, ""], ["a", "b"]), ('{"url": "a"}', ["a"]), ('["a", "b"]', ["a", "b"]), ("{broken", ["{broken"]),
    ],
)  # fmt: skip
def test_pictures(value, found):
    assert pictures_in(value, "image") == found


@pytest.mark.parametrize("value", [5, True, {"x": 1}, [[{}]]])
def test_what_is_no_picture(value):
    with pytest.raises(InvalidRequest) as refused:
        pictures_in(value, "image")
    assert refused.value.param == "image"
