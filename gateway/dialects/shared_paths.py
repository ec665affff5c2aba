"""Where several APIs use the same path: which of them a request speaks, by one rule per conflict. Pure.

Clients of OpenAI, xAI, Dubrify, new-api and the synchronous API all post to ``/v1/videos…`` and mean different things. The
dialect is decided once, when a task is made, and stored with it; later requests are answered in it. A pin (a prefix of the
path, the header ``X-Gateway-Dialect``, or the key's default for creates) wins over every guess.

C1  `at_videos`          POST /v1/videos: pin, form, OpenAI's own SDKs, telling fields, else ambiguous
C2  a proxy (new-api) in front passes its users' fields on: it pins by its base URL, ``…/openai``
C3  `answering`          GET /v1/videos/{id}: by the task's stored dialect
C4  strings or numbers in the answer: each dialect's own translation
C5  `at_generations`     POST /v1/videos/generations: synchronous only for exactly its own three fields, else xAI
C6  errors on that path: those of the dialect decided on
C7  `at_changes`         POST /v1/videos/{edits,extensions}: a form or an id is OpenAI's, a URL is xAI's
C11 `LISTED`             GET /v1/videos lists what it can also show; /v1/video/generations/{id} knows only its own tasks
C12, C13                 an unknown id, or no key: each path's own words, in bodies that all clients can read
C14 `split_pin`          what may stand before a path and does not belong to it
C16 fixed names come before ``{id}``: the order of registration in ``video_routes``

(C8-C10 and C15 concern images and models; they are kept by the dialect that serves those.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from gateway.errors import InvalidRequest


class Dialect(StrEnum):
    """An API that clients speak, by the word stored with tasks and used as a pin."""

    OPENAI = "openai"
    XAI = "xai"
    DUBRIFY = "dubrify"
    NEWAPI = "newapi"
    GROK2API = "grok2api"
    SYNC = "sync"


#: What a create was taken for when nothing tells: answered in OpenAI's form with Dubrify's fields beside it.
AMBIGUOUS = "ambiguous"

HEADER = "x-gateway-dialect"
#: Prefixes that pin. ComfyUI's own nodes are given a host and add the second one.
PREFIXES: Mapping[str, Dialect] = {
    **{f"/{dialect}": dialect for dialect in Dialect if dialect is not Dialect.SYNC},
    "/proxy/xai": Dialect.XAI,
}

OPENAI_AGENTS = ("openai/", "litellm/")
OPENAI_FIELDS = frozenset({"seconds", "size", "input_reference", "image_urls", "images", "reference_images"})

#: Fields that the synchronous API does not have: any of them, and the caller expects to poll.
ASYNC_FIELDS = frozenset(
    {
        "image", "reference_images", "duration", "seconds", "aspect_ratio", "resolution", "output", "user", "video_url",
        "input_reference", "generate_audio", "storage_options", "last_frame", "keyframes", "reference_audios",
        "video_length", "preset",
    }
)  # fmt: skip
#: Video models by the names that xAI itself gives them.
XAI_MODELS = frozenset({"grok-imagine-video", "grok-imagine-video-latest", "grok-imagine-video-1.5"})

#: Tasks that ``GET /v1/videos`` lists: those that it also shows one by one in OpenAI's form.
LISTED: Collection[str] = frozenset({Dialect.OPENAI, Dialect.NEWAPI, Dialect.GROK2API})


# -- pins --------------------------------------------------------------------------------------------------------------
def split_pin(path: str) -> tuple[Dialect | None, str]:
    """Split ``/xai/v1/videos`` into the pin and the path it is meant for; (None, path) when there is none."""
    for prefix, dialect in PREFIXES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return dialect, path[len(prefix) :] or "/"
    return None, path


def pin_of(word: str | None) -> Dialect | None:
    """Read the header. Raises InvalidRequest that lists the dialects there are."""
    if word is None or not word.strip():
        return None
    try:
        return Dialect(word.strip().lower())
    except ValueError:
        listed = ", ".join(Dialect)
        raise InvalidRequest(
            f"There is no dialect {word[:40]!r}; {HEADER} is one of: {listed}.", param="X-Gateway-Dialect"
        ) from None


def default_of(word: str | None) -> Dialect | None:
    """Read a key's default dialect; one that this version does not know counts as none."""
    return Dialect(word) if word in set(Dialect) else None


# -- creates -----------------------------------------------------------------------------------------------------------
def at_videos(*, headers: Mapping[str, str], fields: Mapping[str, Any], form: bool, pin: Dialect | None) -> str:
    """C1: which dialect ``POST /v1/videos`` is meant in; the first rule that fits decides.

    headers: with names in lower case. fields: of the body, nulls left out. form: whether the body is one.
    """
    if pin is not None:
        # These two have no create of their own here; later versions of both took OpenAI's.
        return Dialect.OPENAI if pin in {Dialect.GROK2API, Dialect.SYNC} else pin
    if form or _is_openai_sdk(headers):
        return Dialect.OPENAI
    if fields.keys() & OPENAI_FIELDS or isinstance(fields.get("image"), str):
        return Dialect.OPENAI
    if (
        "duration" in fields
        or isinstance(fields.get("image"), Mapping)
        or {"resolution", "aspect_ratio"} <= fields.keys()
    ):
        return Dialect.DUBRIFY
    return AMBIGUOUS


def at_generations(*, fields: Mapping[str, Any], pin: Dialect | None) -> str:
    """C5: which dialect ``POST /v1/videos/generations`` is meant in."""
    if pin is not None:
        return Dialect.XAI if pin is Dialect.GROK2API else pin
    only_its_own = "image_url" in fields and not fields.keys() & ASYNC_FIELDS
    return Dialect.SYNC if only_its_own and fields.get("model") not in XAI_MODELS else Dialect.XAI


def at_changes(*, fields: Mapping[str, Any], form: bool, pin: Dialect | None) -> str:
    """C7: which dialect ``POST /v1/videos/edits`` and ``…/extensions`` are meant in."""
    if pin is not None:
        return Dialect.XAI if pin is Dialect.XAI else Dialect.OPENAI
    video = fields.get("video")
    if form or (isinstance(video, Mapping) and video.get("id")):
        return Dialect.OPENAI
    return Dialect.XAI


def _is_openai_sdk(headers: Mapping[str, str]) -> bool:
    agent = headers.get("user-agent", "").lower()
    return any(name.startswith("x-stainless-") for name in headers) or any(word in agent for word in OPENAI_AGENTS)


# -- later requests ----------------------------------------------------------------------------------------------------
def answering(stored: str | None, pin: Dialect | None) -> Dialect:
    """C3: which dialect tells of a task at ``/v1/videos/{id}``; *stored* None when there is no such task.

    A task made elsewhere is told in the form that its maker can read: the synchronous API's in xAI's (its create answer
    carries a ``request_id``), all others in OpenAI's.
    """
    word = pin or stored
    if word in {Dialect.XAI, Dialect.SYNC}:
        return Dialect.XAI
    return Dialect.DUBRIFY if word == Dialect.DUBRIFY else Dialect.OPENAI
