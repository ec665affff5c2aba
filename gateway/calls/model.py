"""The values interactive work speaks: a chat or an image request, and what comes back piece by piece.

Neutral: every dialect translates into these and out of these; the site adapter produces the events. No I/O here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation. images: ids in the media store, already checked. name: of a tool or a speaker."""

    role: Role
    text: str
    images: tuple[str, ...] = ()
    name: str | None = None


@dataclass(slots=True)
class CallNote:
    """What the books keep of a call besides how it ended. dialect, model: as it was asked for; profile: whose work it was at
    last, written by whoever lent it."""

    dialect: str = ""
    model: str = ""
    profile: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to continue with one answer.

    mode: the site's own mode (``auto``, ``fast``, ``expert``, ``heavy``). rest_name: the site's older model name for the
    same, for sites that know no modes. thinking: whether the caller wants reasoning; None leaves it to the mode, False also
    keeps what the site thinks to itself. draw: how many pictures the answer may contain at most (0 forbids them).
    """

    turns: tuple[Turn, ...]
    mode: str
    rest_name: str = "grok-3"
    thinking: bool | None = None
    search: bool = True
    draw: int = 2
    key_id: str = ""
    note: CallNote = field(default_factory=CallNote, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of the model's thinking. title: a heading starts here."""

    text: str
    title: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the answer refers to. start/end: character positions in the answer so far, when known."""

    url: str
    title: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture, kept in the media store. prompt: as the site understood it, when it says. suspect: the site returned
    the very same before, for other words."""

    asset_id: str
    width: int
    height: int
    media_type: str
    prompt: str = ""
    size_bytes: int = 0
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class PicturePreview:
    """An unfinished picture: the bytes of a preview, for callers who watch. index counts from 0."""

    index: int
    data: bytes
    media_type: str
    percent: int


@dataclass(frozen=True, slots=True)
class PictureRefused:
    """One picture of a batch did not pass moderation or failed; the others go on."""

    index: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete. reason: ``stop`` or ``length``. text: all of it, gaps repaired from the site's own copy.

    sources: what the site found while it searched, whether the answer refers to it or not.
    """

    reason: str
    text: str
    sources: tuple[Citation, ...] = ()


ChatEvent = Reasoning | Text | Citation | Picture | PicturePreview | PictureRefused | Ended


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Pictures to make, or with *images* (ids in the media store) to edit. What may be asked: ``image_limits.py``.

    count: 1-10. aspect_ratio: in the site's terms; ``auto`` leaves it to the site. quality: ``speed`` or ``quality``;
    edits have only one.
    """

    prompt: str
    count: int = 1
    aspect_ratio: str = "1:1"
    quality: str = "speed"
    images: tuple[str, ...] = ()
    key_id: str = ""
    note: CallNote = field(default_factory=CallNote, compare=False, repr=False)


ImageEvent = PicturePreview | Picture | PictureRefused
