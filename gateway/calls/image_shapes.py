"""From what a client says about a picture's shape (a size, a ratio, a quality) to what the site takes."""

from __future__ import annotations

import re

from gateway.calls.image_limits import ASPECT_RATIOS, AUTO, nearest_ratio
from gateway.errors import InvalidRequest

_SIZE = re.compile(r"(\d{1,5})\s*[xX×*]\s*(\d{1,5})")
_QUALITIES = {
    "speed": "speed", "auto": "speed", "standard": "speed", "low": "speed", "medium": "speed", "draft": "speed",
    "quality": "quality", "hd": "quality", "high": "quality", "ultra": "quality",
}  # fmt: skip


def quality_of(asked: str | None, usual: str) -> str:
    """Return ``speed`` or ``quality``. usual: where the client leaves it open. Raises InvalidRequest."""
    word = (asked or "auto").strip().lower()
    if word == "auto":
        return usual
    if word not in _QUALITIES:
        raise InvalidRequest(
            f"Invalid value for 'quality': {asked!r}. Supported values are: {', '.join(_QUALITIES)}.", param="quality"
        )
    return _QUALITIES[word]


def ratio_for(size: str | None, aspect_ratio: str | None, quality: str, *, usual: str) -> str:
    """Return the aspect ratio the site takes that comes nearest to what is asked. An aspect ratio wins over a size.

    usual: where nothing is said. Raises InvalidRequest.
    """
    param, asked = ("aspect_ratio", aspect_ratio) if (aspect_ratio or "").strip() else ("size", size)
    asked = (asked or "").strip().lower()
    if not asked:
        return usual
    if asked == AUTO:
        return AUTO
    if asked in ASPECT_RATIOS[quality]:
        return asked
    if asked in ASPECT_RATIOS["quality"]:
        width, _, height = asked.partition(":")
        return nearest_ratio(float(width), float(height), quality)
    sized = _SIZE.fullmatch(asked)
    if sized and int(sized[1]) and int(sized[2]):
        return nearest_ratio(int(sized[1]), int(sized[2]), quality)
    raise InvalidRequest(
        f"Invalid value for '{param}': {asked[:40]!r}. Supported are: {', '.join(ASPECT_RATIOS['quality'])}, {AUTO}, "
        "and sizes such as 1024x1536.",
        param=param,
    )
