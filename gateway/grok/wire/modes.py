"""``POST /rest/modes`` (2026-04): the chat modes the account may choose."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.grok.wire.fields import Json, mapping, objects, text


@dataclass(frozen=True, slots=True)
class Mode:
    """One mode; not available means the account would have to be upgraded."""

    id: str
    title: str
    available: bool


@dataclass(frozen=True, slots=True)
class Modes:
    modes: tuple[Mode, ...]
    default: str = ""


def read_modes(value: Json) -> Modes:
    found = [
        Mode(text(entry, "id"), text(entry, "title"), "requiresUpgrade" not in mapping(entry, "availability"))
        for entry in objects(value, "modes")
    ]
    return Modes(tuple(mode for mode in found if mode.id), text(value, "defaultModeId"))
