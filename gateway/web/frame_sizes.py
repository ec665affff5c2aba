"""Between pixels, as some clients ask for them, and the ratios and resolutions that videos are made in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from gateway.errors import InvalidRequest

RATIOS: Mapping[str, float] = {
    "16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0, "4:3": 4 / 3, "3:4": 3 / 4, "3:2": 3 / 2, "2:3": 2 / 3,
}  # fmt: skip
SHORT_SIDE: Mapping[str, int] = {"480p": 480, "720p": 720}
#: Short sides from here on count as the higher resolution.
HIGHER_FROM = 600

_SIZE = re.compile(r"\s*(\d{1,5})\s*[xX*×]\s*(\d{1,5})\s*")


def read_size(text: str, *, param: str = "size") -> tuple[int, int]:
    """Read ``1280x720``: width and height in pixels. Raises InvalidRequest."""
    found = _SIZE.fullmatch(text)
    if found is None or not int(found[1]) or not int(found[2]):
        raise InvalidRequest(f"Invalid value for '{param}': {text[:40]!r}. A size is written as 1280x720.", param=param)
    return int(found[1]), int(found[2])


def nearest_ratio(width: int, height: int) -> str:
    """Return the ratio whose frame is most like one of *width* to *height*."""
    wanted = math.log(width / height)
    return min(RATIOS, key=lambda word: abs(math.log(RATIOS[word]) - wanted))


def nearest_resolution(width: int, height: int) -> str:
    return "720p" if min(width, height) >= HIGHER_FROM else "480p"


def pixels(ratio: str, resolution: str) -> str:
    """Return the size of a video of that ratio and resolution, as ``WIDTHxHEIGHT``."""
    short = SHORT_SIDE[resolution]
    shape = RATIOS[ratio]
    long = int(short * max(shape, 1 / shape) + 1e-6) // 8 * 8
    return f"{long}x{short}" if shape >= 1 else f"{short}x{long}"
