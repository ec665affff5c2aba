"""The live view's protocol ``gw.live.v1``: pictures as binary messages, everything else as JSON.

To the viewer: type (1 byte, 1), tab (u32), width and height of the page (u16 each), Unix time in ms (f64), all big-endian, then
the JPEG; or an object with a ``type``. From the viewer: objects with a ``type``, the classes below. What was typed shows in no
error.
"""

from __future__ import annotations

import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from browser.live.gestures import (
    MODIFIERS,
    Commit,
    Compose,
    Copy,
    Gesture,
    Key,
    Move,
    Paste,
    Press,
    Release,
    Text,
    Wheel,
)
from browser.live.outbox import Frame

SUBPROTOCOL = "gw.live.v1"
HEADER = struct.Struct(">BIHHd")
FRAME = 1
LONGEST_TEXT = 20_000

_Place = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
_Modifiers = Annotated[list[Literal["Shift", "Control", "Alt", "Meta"]], Field(max_length=4)]


class MalformedMessage(Exception):
    """A message that is not of this protocol. Says no word of what was in it."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)


class Mouse(_Message):
    type: Literal["mouse"]
    t: Literal["move", "down", "up"]
    x: _Place
    y: _Place
    b: Literal["left", "middle", "right"] = "left"
    mods: _Modifiers = []
    clicks: int = Field(default=1, ge=1, le=3)

    def gesture(self) -> Gesture:
        held = frozenset("Control" if name == "Meta" else name for name in self.mods) & MODIFIERS
        match self.t:
            case "move":
                return Move(self.x, self.y, held)
            case "down":
                return Press(self.x, self.y, self.b, self.clicks, held)
            case _:
                return Release(self.x, self.y, self.b, self.clicks)


class WheelTurn(_Message):
    type: Literal["wheel"]
    x: _Place
    y: _Place
    dx: _Place
    dy: _Place

    def gesture(self) -> Gesture:
        return Wheel(self.x, self.y, self.dx, self.dy)


class KeyStroke(_Message):
    type: Literal["key"]
    t: Literal["down", "up"]
    key: str = Field(max_length=32, repr=False)
    code: str = Field(default="", max_length=32, repr=False)

    def gesture(self) -> Gesture:
        return Key(self.t == "down", self.key, self.code)


class Typed(_Message):
    type: Literal["text"]
    s: str = Field(max_length=LONGEST_TEXT, repr=False)

    def gesture(self) -> Gesture:
        return Text(self.s)


class InputMethod(_Message):
    type: Literal["ime"]
    t: Literal["update", "commit"]
    s: str = Field(max_length=2_000, repr=False)

    def gesture(self) -> Gesture:
        return Compose(self.s) if self.t == "update" else Commit(self.s)


class Pasted(_Message):
    type: Literal["paste"]
    s: str = Field(max_length=LONGEST_TEXT, repr=False)
    typed: bool = False

    def gesture(self) -> Gesture:
        return Paste(self.s, as_typing=self.typed)


class TabChoice(_Message):
    type: Literal["tab"]
    t: Literal["select", "close"]
    id: int


class Navigation(_Message):
    """to: an address, or "back", "forward", "reload", "home"."""

    type: Literal["nav"]
    to: str = Field(min_length=1, max_length=2_000)


class DialogAnswer(_Message):
    type: Literal["dialog"]
    id: int
    ok: bool
    text: str = Field(default="", max_length=LONGEST_TEXT, repr=False)


class LoginAnswer(_Message):
    """What a server is told that asks who is there."""

    type: Literal["login"]
    id: int
    ok: bool
    user: str = Field(default="", max_length=1_000, repr=False)
    password: str = Field(default="", max_length=1_000, repr=False)


class FilesGiven(_Message):
    """uploads: what ``POST …/files`` answered; none: the chooser was closed."""

    type: Literal["files"]
    id: int
    uploads: list[str] = Field(default=[], max_length=8)


class FieldAnswer(_Message):
    """answer: the index of an option, a field's value, or null to leave it."""

    type: Literal["select"]
    answer: Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=64)] | None = Field(repr=False)


class ControlWish(_Message):
    type: Literal["control"]
    t: Literal["take", "release"]


class Sight(_Message):
    """on: whether the picture is on anybody's screen."""

    type: Literal["visible"]
    on: bool


class Viewport(_Message):
    """The page in another size while one has control; null: as usual, which is also the most."""

    type: Literal["viewport"]
    w: int | None = Field(default=None, ge=280, le=4096)
    h: int | None = Field(default=None, ge=280, le=4096)


class Quality(_Message):
    """The viewer's own pictures: JPEG quality and how many a second at most; null: as usual."""

    type: Literal["quality"]
    jpeg: int | None = Field(default=None, ge=10, le=90)
    fps: float | None = Field(default=None, ge=1, le=60)


class CopyWish(_Message):
    """What is selected is wanted."""

    type: Literal["copy"]

    def gesture(self) -> Gesture:
        return Copy()


class Simple(_Message):
    """blur: the window lost the focus. ping: answered, to measure the line."""

    type: Literal["blur", "ping"]


Input = Mouse | WheelTurn | KeyStroke | Typed | InputMethod | Pasted | CopyWish
Message = (
    Input
    | TabChoice
    | Navigation
    | DialogAnswer
    | LoginAnswer
    | FilesGiven
    | FieldAnswer
    | Viewport
    | Quality
    | ControlWish
    | Sight
    | Simple
)
_MESSAGE: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(text: str) -> Message:
    """Read a viewer's message. Raises MalformedMessage."""
    try:
        return _MESSAGE.validate_json(text)
    except ValidationError:
        raise MalformedMessage("a message that is not of this protocol") from None


def picture(frame: Frame) -> bytes:
    """Return a frame as it is sent."""
    return HEADER.pack(FRAME, frame.tab, frame.width, frame.height, frame.at_ms) + frame.jpeg


def plain(word: Any) -> dict[str, Any]:
    """Return a word as it is sent."""
    return dict(word)
