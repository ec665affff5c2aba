"""What the site takes in an image request (upstream.md 2.7), for dialects to choose from and for the adapter to keep to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gateway.calls.model import ImageRequest
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter

MAX_PICTURES = 10
#: Input pictures of one edit. The limit the site states for references (#909); nothing tells of another for edits.
MAX_INPUTS = 7
MAX_PROMPT_CHARS = 20_000

_FAST = ("1:1", "2:3", "3:2", "9:16", "16:9")
_FURTHER = ("4:3", "3:4", "2:1", "1:2", "19.5:9", "9:19.5", "20:9", "9:20")
#: Aspect ratios by quality.
ASPECT_RATIOS: Mapping[str, Sequence[str]] = {"speed": _FAST, "quality": (*_FAST, *_FURTHER)}
AUTO = "auto"


def nearest_ratio(width: float, height: float, quality: str = "speed") -> str:
    """Return the aspect ratio the site takes that is nearest to *width* by *height*."""
    wanted = math.log(width / height)
    return min(ASPECT_RATIOS[quality], key=lambda name: abs(math.log(ratio_of(name)) - wanted))


def ratio_of(name: str) -> float:
    """Return width by height of an aspect ratio such as ``19.5:9``."""
    width, _, height = name.partition(":")
    return float(width) / float(height)


def check_images(request: ImageRequest) -> None:
    """Raise what is wrong with *request*, with what is taken instead: nothing was spent yet."""
    if not request.prompt.strip():
        raise EmptyPrompt("a prompt is needed", param="prompt")
    if len(request.prompt) > MAX_PROMPT_CHARS:
        raise InvalidRequest(f"the prompt is longer than {MAX_PROMPT_CHARS} characters", param="prompt")
    if not 1 <= request.count <= MAX_PICTURES:
        raise InvalidRequest(f"1 to {MAX_PICTURES} pictures can be asked for, not {request.count}", param="n")
    if len(request.images) > MAX_INPUTS:
        raise UnsupportedParameter(
            f"the site takes {MAX_INPUTS} input pictures at most, not {len(request.images)}", param="image"
        )
    if request.quality not in ASPECT_RATIOS:
        raise InvalidRequest(
            f"quality {request.quality!r} is not taken; allowed: {', '.join(ASPECT_RATIOS)}", param="quality"
        )
    # an edit's picture brings its own ratio; all of them are taken there
    allowed = ASPECT_RATIOS["quality" if request.images else request.quality]
    if request.aspect_ratio not in (*allowed, AUTO):
        raise InvalidRequest(
            f"aspect_ratio {request.aspect_ratio!r} is not taken; allowed: {', '.join(allowed)}, {AUTO}",
            param="aspect_ratio",
        )
