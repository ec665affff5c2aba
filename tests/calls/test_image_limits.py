from __future__ import annotations

import pytest

from gateway.calls.image_limits import ASPECT_RATIOS, nearest_ratio, ratio_of


@pytest.mark.parametrize(
    ("size", "speed", "quality"),
    [
        ((1024, 1024), "1:1", "1:1"),
        ((1536, 1024), "3:2", "3:2"),
        ((1024, 1792), "9:16", "9:16"),
        ((1792, 1024), "16:9", "16:9"),
        ((800, 600), "3:2", "4:3"),
        ((2000, 100), "16:9", "20:9"),
        ((1000, 990), "1:1", "1:1"),
    ],
)
def test_the_nearest_ratio(size, speed, quality):
    assert nearest_ratio(*size) == speed
    assert nearest_ratio(*size, "quality") == quality


def test_every_ratio_is_its_own_nearest():
    for name in ASPECT_RATIOS["quality"]:
        assert nearest_ratio(ratio_of(name), 1.0, "quality") == name
