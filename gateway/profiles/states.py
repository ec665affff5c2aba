"""The states of a profile as people see them: one table for the command line and the console.

`browser.clearance.MOVES` says which arrows there are; here stands what each place is called, what it means, and what the
operator can do about it. COOLING and AWAY are no states of the pool's: the one is READY while every kind of work rests, the
other is said by nodes of a profile whose own node is silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from browser.clearance import MOVES, Clearance, Cooldown

COOLING = "cooling"
AWAY = "away"

#: The kinds of work a profile does; what rests by itself is written ``chat:MODE``, ``image:words`` and ``image:edits``.
KINDS = ("video", "image", "chat")


class Remedy(StrEnum):
    """What an operator does next; the command line and the console each have their own words (and button) for it."""

    NONE = "none"
    WAIT = "wait"
    SIGN_IN = "sign_in"
    SHOW = "show"
    CHECK = "check"
    ENABLE = "enable"
    SET_PROXY = "set_proxy"
    START_NODE = "start_node"


class Tone(StrEnum):
    """How loudly a state is shown."""

    GOOD = "good"
    BUSY = "busy"
    WAITING = "waiting"
    BAD = "bad"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class State:
    """One place. title: a word or two; means: a sentence; moves: the places it can lead to."""

    name: str
    title: str
    means: str
    remedy: Remedy
    tone: Tone
    moves: frozenset[str]


def _moves(clearance: Clearance) -> frozenset[str]:
    found = {state.value for state in MOVES[clearance]} - {clearance.value}
    return frozenset(found | {COOLING} if clearance is Clearance.READY else found)


_TOLD: Mapping[Clearance, tuple[str, str, Remedy, Tone]] = {
    Clearance.NEW: ("new", "Nobody has signed in with it yet.", Remedy.SIGN_IN, Tone.WAITING),
    Clearance.VERIFYING: (
        "being checked",
        "The gateway is asking the site whether it may work.",
        Remedy.WAIT,
        Tone.BUSY,
    ),
    Clearance.READY: ("ready", "Signed in, and the site lets it work.", Remedy.NONE, Tone.GOOD),
    Clearance.LOGIN_REQUIRED: ("signed out", "The site no longer knows the sign-in.", Remedy.SIGN_IN, Tone.WAITING),
    Clearance.CHALLENGED: (
        "wants a human",
        "The site shows a check that only a person can complete.",
        Remedy.SHOW,
        Tone.WAITING,
    ),
    Clearance.STALE_PAGE: (
        "page out of date",
        "The site calls its page out of date; it is reloaded by itself, later each time.",
        Remedy.WAIT,
        Tone.BUSY,
    ),
    Clearance.BLOCKED: (
        "refused",
        "The site refuses this account or this browser; nothing is sent until somebody has looked.",
        Remedy.SHOW,
        Tone.BAD,
    ),
    Clearance.HELD: ("in your hands", "An operator works with its page; other work waits.", Remedy.WAIT, Tone.BUSY),
    Clearance.CRASHED: (
        "crashed",
        "Its browser crashed several times in a row and is not started again by itself.",
        Remedy.CHECK,
        Tone.BAD,
    ),
    Clearance.DISABLED: ("disabled", "Put away by its owner.", Remedy.ENABLE, Tone.OFF),
}

#: Every place, in the order in which the console draws them.
STATES: Mapping[str, State] = {
    **{
        clearance.value: State(clearance.value, title, means, remedy, tone, _moves(clearance))
        for clearance, (title, means, remedy, tone) in _TOLD.items()
    },
    COOLING: State(
        COOLING,
        "resting",
        "The site's limits for every kind of work are reached; it goes on when the first of them is over.",
        Remedy.WAIT,
        Tone.WAITING,
        _moves(Clearance.READY) | {Clearance.READY.value},
    ),
    AWAY: State(
        AWAY,
        "out of reach",
        "The node that has it is not at work; nothing can be done with it until that node is back.",
        Remedy.START_NODE,
        Tone.BAD,
        frozenset({clearance.value for clearance in Clearance} | {COOLING}),
    ),
}

#: The way a profile usually goes, drawn as a line; the other states hang below the place they keep it from.
LINE = (Clearance.NEW.value, Clearance.VERIFYING.value, Clearance.READY.value, COOLING)


def state_of(clearance: Clearance, *, enabled: bool, held: bool, cooldowns: Iterable[Cooldown], now: datetime) -> State:
    """Return the place to show: what the owner or an operator did comes before what the site says."""
    if not enabled:
        return STATES[Clearance.DISABLED.value]
    if held:
        return STATES[Clearance.HELD.value]
    if clearance is Clearance.READY and all(_rests(kind, cooldowns, now) for kind in KINDS):
        return STATES[COOLING]
    return STATES[clearance.value]


def _rests(kind: str, cooldowns: Iterable[Cooldown], now: datetime) -> bool:
    return any(cooldown.kind == kind and cooldown.until > now for cooldown in cooldowns)
