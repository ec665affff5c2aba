"""What the site makes, as a table; every dialect asks it before anything is spent (upstream.md 2.6, limits).

Durations other than these were accepted and then answered with text (#792), ratios ignored (#129, #153), so they are refused
here, with the allowed values in the message. 15 seconds are offered to paying accounts only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.errors import EmptyPrompt, InvalidRequest, SpicyNotAllowed, UnsupportedParameter
from gateway.tasks.model import Preset, VideoMode, VideoSpec

T = TypeVar("T", int, str)

SECONDS = (6, 10)
#: Lengths only some accounts get, by the word that stands for it in ``Offer.allows``.
EXTRA_SECONDS: Mapping[str, int] = {"15s": 15}
RESOLUTIONS = ("480p", "720p")
ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
PRESETS = tuple(Preset)
MAX_REFERENCES = 7
#: Limit the console states for videos from references (#909); longer ones are refused before spending.
MAX_REFERENCE_SECONDS = 10
MAX_PROMPT_CHARS = 20_000

_FREE_TIERS = frozenset({"", "free", "basic", "none", "x_subscription_type_unspecified", "unspecified"})
_SPICY_WORDS = re.compile(r"--mode[=\s]+\S*spicy", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What a client asks for, before it is checked. None = not said. *asked* is kept on the spec as it is.

    seconds: exactly that length; at_least_s: the shortest length there is that is not below it.
    """

    prompt: str = ""
    seconds: int | None = None
    at_least_s: float | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    preset: str | None = None
    mode: VideoMode = VideoMode.TEXT
    image_assets: tuple[str, ...] = ()
    source_task_id: str | None = None
    start_s: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)


def allows_of(tier: str) -> frozenset[str]:
    """Return what an account of that tier (``xSubscriptionType``) can do beyond the ordinary; '' is a free account."""
    return frozenset() if tier.strip().lower() in _FREE_TIERS else frozenset(EXTRA_SECONDS)


def allowed_seconds(allows: Collection[str] = (), *, mode: VideoMode = VideoMode.TEXT) -> tuple[int, ...]:
    """Return the lengths that can be asked for, shortest first."""
    all_of_them = (*SECONDS, *(seconds for word, seconds in EXTRA_SECONDS.items() if word in allows))
    return tuple(s for s in all_of_them if mode is not VideoMode.REFERENCES or s <= MAX_REFERENCE_SECONDS)


def fitting_seconds(wanted: float, allows: Collection[str] = (), *, mode: VideoMode = VideoMode.TEXT) -> int:
    """Return the shortest length not below *wanted*, or the longest there is: for dialects that promise to clamp."""
    allowed = allowed_seconds(allows, mode=mode)
    return next((seconds for seconds in allowed if seconds >= wanted), allowed[-1])


def check_video(request: VideoRequest, *, allow_spicy: bool, allows: Collection[str] = ()) -> VideoSpec:
    """Return the effective spec of *request*.

    allows: what some profile can do beyond the ordinary (``Offer.allows``). Raises EmptyPrompt, SpicyNotAllowed,
    UnsupportedParameter, InvalidRequest; ``param`` names the field and the message the values that are taken.
    """
    prompt = request.prompt.strip()
    mode = request.mode
    if not prompt and mode not in {VideoMode.IMAGE, VideoMode.UPSCALE}:
        raise EmptyPrompt("a prompt is needed", param="prompt")
    if len(prompt) > MAX_PROMPT_CHARS:
        raise InvalidRequest(f"the prompt is longer than {MAX_PROMPT_CHARS} characters", param="prompt")
    if mode is VideoMode.LATER:
        raise UnsupportedParameter(
            "this video was made by a newer version of the gateway; bring this node up to date to make one like it",
            param="video",
        )
    _check_images(request)
    preset = _preset(request.preset or Preset.NORMAL, prompt, allow_spicy=allow_spicy)
    if mode in {VideoMode.EXTEND, VideoMode.UPSCALE} and not request.source_task_id:
        raise InvalidRequest(f"to {mode.value} a video, say which one", param="video")
    return VideoSpec(
        prompt=prompt,
        seconds=_seconds(request, allowed_seconds(allows, mode=mode)),
        resolution=_one_of(request.resolution or RESOLUTIONS[0], RESOLUTIONS, "resolution"),
        aspect_ratio=_one_of(request.aspect_ratio or "3:2", ASPECT_RATIOS, "aspect_ratio"),
        # "custom" means "as the prompt says"; without one the site's own page sends "normal" (captured 2026-08-23)
        preset=Preset.NORMAL if preset is Preset.CUSTOM and not prompt else preset,
        mode=mode,
        image_assets=request.image_assets,
        source_task_id=request.source_task_id,
        start_s=request.start_s,
        asked=request.asked,
    )


def _seconds(request: VideoRequest, allowed: Collection[int]) -> int:
    if request.seconds is not None or request.at_least_s is None:
        return _one_of(SECONDS[0] if request.seconds is None else request.seconds, allowed, "seconds")
    wanted = request.at_least_s
    fitting = [seconds for seconds in allowed if seconds >= wanted]
    if not fitting:
        listed = ", ".join(str(seconds) for seconds in allowed)
        raise InvalidRequest(
            f"{wanted:g} seconds are more than the signed-in accounts make of this; allowed: {listed} "
            "(shorter wishes become the next of these)",
            param="seconds",
        )
    return min(fitting)


def _check_images(request: VideoRequest) -> None:
    count = len(request.image_assets)
    match request.mode:
        case VideoMode.TEXT | VideoMode.EXTEND | VideoMode.UPSCALE if count:
            raise UnsupportedParameter("pictures are not taken together with this kind of video", param="image")
        case VideoMode.IMAGE if count != 1:
            raise InvalidRequest(f"a video from a picture takes exactly one, not {count}", param="image")
        case VideoMode.REFERENCES if not 1 <= count <= MAX_REFERENCES:
            raise InvalidRequest(
                f"1 to {MAX_REFERENCES} reference pictures are taken, not {count}", param="reference_images"
            )


def _preset(given: str, prompt: str, *, allow_spicy: bool) -> Preset:
    preset = Preset(_one_of(given, PRESETS, "preset"))
    if not allow_spicy and (preset is Preset.SPICY or _SPICY_WORDS.search(prompt)):
        raise SpicyNotAllowed(
            "the preset 'spicy' is not turned on at this gateway (its operator can set GATEWAY_ALLOW_SPICY=true)",
            param="preset",
        )
    return preset


def _one_of(value: T, allowed: Collection[T], param: str) -> T:
    if value not in allowed:
        listed = ", ".join(str(item) for item in allowed)
        raise InvalidRequest(f"{param} {value!r} is not taken; allowed: {listed}", param=param)
    return value
