"""Rows that another version wrote: nodes are replaced one by one, and meanwhile each reads what the others write.

A node shows, sweeps, cancels and removes any row. It claims only what it knows how to make:

- A mode newer than the first version's is one of the words a task *needs* (``tasks.requires``), and only nodes that know it
  add the word to what they offer. So nodes of every version before leave such tasks alone without knowing why.
- They cannot read a mode they do not know either, so it is stored as the nearest they do, and its name beside it.
- What is unknown all the same (a mode, preset or state of a version to come) is read as `VideoMode.LATER` or as the nearest
  state, and its task is not claimed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Row, and_, func

from gateway.tasks.model import Preset, VideoMode, VideoSpec
from gateway.tasks.states import State

#: Modes that came after the first version, each with what a node that does not know it reads instead. A new one goes here.
_BEFORE = {VideoMode.UPSCALE: VideoMode.EXTEND}
_EXACT = "exact_mode"  # in the stored spec, beside ``mode``

#: What every node of this version can do beyond the ordinary, whatever the account.
ABLE = frozenset(mode.value for mode in _BEFORE)

_KNOWN_MODES = sorted(mode.value for mode in VideoMode if mode is not VideoMode.LATER)
_KNOWN_PRESETS = sorted(preset.value for preset in Preset)
T = TypeVar("T", bound=StrEnum)


def needs_of(spec: VideoSpec) -> frozenset[str]:
    """What a node must know to make *spec*."""
    return ABLE & {spec.mode.value}


def mode_to_json(mode: VideoMode) -> dict[str, str]:
    """The fields of a stored spec that say its mode."""
    if mode in _BEFORE:
        return {"mode": _BEFORE[mode].value, _EXACT: mode.value}
    return {"mode": mode.value}


def mode_of(stored: Mapping[str, Any]) -> VideoMode:
    """The mode of a stored spec; LATER when this version cannot make what it says."""
    if known(Preset, stored.get("preset", Preset.NORMAL)) is None:
        return VideoMode.LATER
    return known(VideoMode, stored.get(_EXACT) or stored.get("mode")) or VideoMode.LATER


def state_of(row: Row[Any]) -> State:
    """The state of a task's row; of one that this version does not know the nearest, by what else the row says."""
    if (state := known(State, row.state)) is not None:
        return state
    if row.finished_at is None:
        return State.QUEUED if row.owner is None else State.RUNNING
    if row.result is not None:
        return State.SUCCEEDED
    return State.CANCELLED if row.failure is None else State.FAILED


def known(kind: type[T], word: object) -> T | None:
    """The member of *kind* that *word* names, None when this version has none of that name."""
    return next((one for one in kind if one.value == word), None)


def can_be_made_here(of: FromClause) -> ColumnElement[bool]:
    """The condition on a task's row that this version knows what it asks for."""
    spec = of.c.spec
    return and_(
        func.coalesce(spec[_EXACT].as_string(), spec["mode"].as_string()).in_(_KNOWN_MODES),
        spec["preset"].as_string().in_(_KNOWN_PRESETS),
    )
