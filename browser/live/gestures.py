"""What an operator's hands do, as plain values. Their repr never tells what was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Button = Literal["left", "middle", "right"]

#: Modifiers a pointer or key event may say that it holds.
MODIFIERS = frozenset({"Shift", "Control", "Alt"})


@dataclass(frozen=True, slots=True)
class Move:
    """The pointer is at a place of the page, in CSS pixels. held: modifiers that really are down now."""

    x: float
    y: float
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Press:
    x: float
    y: float
    button: Button = "left"
    clicks: int = 1
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Release:
    x: float
    y: float
    button: Button = "left"
    clicks: int = 1


@dataclass(frozen=True, slots=True)
class Wheel:
    x: float
    y: float
    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Key:
    """A named key or a shortcut. key, code: as the DOM's KeyboardEvent has them."""

    down: bool
    key: str = field(repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """Characters as they were typed, of any keyboard layout."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Compose:
    """An input method shows what it has so far; "" takes it back."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Commit:
    """An input method is done."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paste:
    """as_typing: key by key, for pages that listen to keys (boxes for one-time codes)."""

    text: str = field(repr=False)
    as_typing: bool = False


@dataclass(frozen=True, slots=True)
class LetGo:
    """The operator's window lost the focus: nothing is pressed any more."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What is selected, once everything before was done, is wanted."""


Gesture = Copy | LetGo | Move | Press | Release | Wheel | Key | Text | Compose | Commit | Paste
