"""Whether the site lets a profile work now, and what moves that: `MOVES` is the whole state machine, as a table.

    NEW ──check──▶ VERIFYING ──▶ READY ◀───────────────┐
                        │                              │ verified again
                        ├──▶ LOGIN_REQUIRED ───────────┤ (operator signed in / cleared it)
                        ├──▶ CHALLENGED ───────────────┤
                        ├──▶ STALE_PAGE ──reload once──┤
                        └──▶ BLOCKED  (the site refuses; stays until an operator asks for a check)
    any ──▶ CRASHED (quarantined) ──check──▶ VERIFYING;   any ──▶ HELD ──▶ VERIFYING;   any ──▶ DISABLED

Cooling down is not a state of the profile but of one kind of work on it: a rate-limited video kind does not stop chats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Clearance(StrEnum):
    """The place of a profile in the picture above; only READY profiles are leased."""

    NEW = "new"
    VERIFYING = "verifying"
    READY = "ready"
    LOGIN_REQUIRED = "login_required"
    CHALLENGED = "challenged"
    STALE_PAGE = "stale_page"
    BLOCKED = "blocked"
    HELD = "held"
    CRASHED = "crashed"
    DISABLED = "disabled"


#: States in which only a human can help; the pool keeps the page open for them.
NEEDS_HUMAN = frozenset({Clearance.LOGIN_REQUIRED, Clearance.CHALLENGED, Clearance.BLOCKED})

#: What the site can say of a profile that does not work; believed in whatever state it is said.
_REFUSALS = frozenset({Clearance.LOGIN_REQUIRED, Clearance.CHALLENGED, Clearance.STALE_PAGE, Clearance.BLOCKED})
#: What may happen to a profile in any state: it is looked at, it is refused, it crashes, a person takes it or puts it away.
_ALWAYS = _REFUSALS | {Clearance.VERIFYING, Clearance.CRASHED, Clearance.HELD, Clearance.DISABLED}

#: From each state, those it may move to; a state may always stay and change its reason. Anything else is a mistake of ours.
MOVES: Mapping[Clearance, frozenset[Clearance]] = {
    Clearance.NEW: _ALWAYS | {Clearance.READY},
    # NEW: the site could not be asked, so nothing is known yet.
    Clearance.VERIFYING: _ALWAYS | {Clearance.READY, Clearance.NEW},
    Clearance.READY: _ALWAYS,
    # A look is enough: the human may have done it in any window of the browser.
    Clearance.LOGIN_REQUIRED: _ALWAYS | {Clearance.READY},
    Clearance.CHALLENGED: _ALWAYS | {Clearance.READY},
    Clearance.STALE_PAGE: _ALWAYS | {Clearance.READY},
    # Only a check that somebody asked for leads on from these two.
    Clearance.BLOCKED: _ALWAYS,
    Clearance.CRASHED: _ALWAYS,
    # Whoever had it, it is looked at before it works again.
    Clearance.HELD: frozenset({Clearance.VERIFYING, Clearance.CRASHED, Clearance.DISABLED}),
    Clearance.DISABLED: frozenset({Clearance.VERIFYING}),
}


def may_move(before: Clearance, after: Clearance) -> bool:
    """Whether the table has an arrow from *before* to *after* (or they are the same)."""
    return before is after or after in MOVES[before]


#: What the operator does next, in words, by state ('' = nothing to do).
NEXT_ACTION: Mapping[Clearance, str] = {
    Clearance.NEW: "sign in: gateway login NAME, or import: gateway profile import NAME --storage-state FILE",
    Clearance.VERIFYING: "",
    Clearance.READY: "",
    Clearance.LOGIN_REQUIRED: "sign in again: gateway login NAME",
    Clearance.CHALLENGED: "the site wants a human: complete its check in the profile's window, or: gateway login NAME",
    Clearance.STALE_PAGE: "",
    Clearance.BLOCKED: "the site refuses this account or browser; look at it by hand, then: gateway profile check NAME",
    Clearance.HELD: "an operator works with this profile; it goes on when they finish",
    Clearance.CRASHED: "it crashed several times in a row; look at the log, then: gateway profile check NAME",
    Clearance.DISABLED: "enable it: gateway profile enable NAME",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the site adapter found out about a profile.

    account: facts about the signed-in account as flat text (``id``, ``name``, ``tier``), empty when unknown.
    """

    clearance: Clearance
    reason: str = ""
    account: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cooldown:
    """One kind of work rests on one profile until a moment (aware UTC)."""

    kind: str
    until: datetime
    reason: str
