"""What a profile's resident does next: a pure decision over what it sees, so that every case can be read and tested."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from browser.clearance import Clearance


class Mode(Enum):
    """What the pool lets a profile do."""

    OPEN = "open"
    DISABLED = "disabled"  # by its owner
    RELEASED = "released"  # its directory is given to another process for a while
    LEAVING = "leaving"  # removed, or the pool closes


class Step(Enum):
    WAIT = "wait"
    BURY = "bury"  # clear away what is left of a browser that died
    CLOSE = "close"
    REST = "rest"  # closed for good or for now: give the directory up, tell those who wait for it
    LAUNCH = "launch"
    REOPEN = "reopen"  # a new API page for one that died
    GRANT = "grant"  # the page is quiet: let the operator have it
    RELOAD = "reload"
    CHECK = "check"  # go home, judge, verify
    ASK = "ask"  # whether the site answers at all; else start the browser anew
    LOOK = "look"  # judge and verify without touching the page
    SAVE = "save"  # checkpoint
    PEEK = "peek"  # compare the session cookies, and see whether the page answers
    SUSPEND = "suspend"


#: States in which a browser must run: a human needs its page, or the way out of the state is a check.
OPEN_PAGE = frozenset(
    {
        Clearance.NEW,
        Clearance.VERIFYING,
        Clearance.LOGIN_REQUIRED,
        Clearance.CHALLENGED,
        Clearance.STALE_PAGE,
        Clearance.HELD,
    }
)

#: A browser's death closes its page first; what died is only known for sure a moment later.
SETTLE_S = 0.15


@dataclass(frozen=True, slots=True)
class View:
    """All that the decision depends on. Times are loop times in seconds; None = not planned."""

    mode: Mode
    clearance: Clearance
    running: bool
    busy: bool = False  # leases that may still use the page
    quiet_by: float | None = None  # when they lose it
    remains: bool = False
    page_lost_at: float | None = None
    rested: bool = False
    wanted: bool = False  # somebody waits for the browser to run
    keep_warm: bool = False  # it ran until it crashed
    retry_at: float = 0.0
    restart_wanted: bool = False
    hold_waits: bool = False
    reload_wanted: bool = False
    doubted: bool = False  # calls have no answer any more
    check_wanted: bool = False
    save_wanted: bool = False
    good: bool = False  # the state is worth a checkpoint
    saved: bool = False  # and was copied since this closing began
    look_at: float | None = None
    save_at: float | None = None
    peek_at: float | None = None
    suspend_at: float | None = None
    probe_at: float | None = None  # asleep for so long that the site is asked again


def next_step(view: View, now: float) -> tuple[Step, float | None]:
    """Return what to do now; with WAIT, until when (None = until something happens)."""
    if view.remains:
        return Step.BURY, None
    if view.mode is not Mode.OPEN:
        return _shutting(view, now)
    asked = view.wanted or view.check_wanted or view.hold_waits
    if not view.running:
        return _asleep(view, now, asked=asked)
    if view.clearance is Clearance.CRASHED and not asked:
        return Step.CLOSE, None
    if view.page_lost_at is not None:
        return _at(Step.REOPEN, view.page_lost_at + SETTLE_S, now)
    return _open(view, now)


def _asleep(view: View, now: float, *, asked: bool) -> tuple[Step, float | None]:
    if asked or view.keep_warm or view.clearance in OPEN_PAGE:
        return _at(Step.LAUNCH, view.retry_at, now)
    return (Step.WAIT, None) if view.probe_at is None else _at(Step.LAUNCH, max(view.probe_at, view.retry_at), now)


def _shutting(view: View, now: float) -> tuple[Step, float | None]:
    if not view.running:
        return (Step.WAIT, None) if view.rested else (Step.REST, None)
    if _in_use(view, now):
        return Step.WAIT, view.quiet_by
    if view.good and not view.saved and view.page_lost_at is None:
        return Step.SAVE, None
    return Step.CLOSE, None


def _open(view: View, now: float) -> tuple[Step, float | None]:
    for wanted, step in (
        (view.restart_wanted, Step.CLOSE),
        (view.hold_waits, Step.GRANT),
        (view.reload_wanted, Step.RELOAD),
    ):
        if wanted:
            return (Step.WAIT, view.quiet_by) if _in_use(view, now) else (step, None)
    if view.check_wanted:
        return Step.CHECK, None
    if view.doubted:
        return Step.ASK, None
    if view.save_wanted and view.good:
        return Step.SAVE, None
    planned = [
        (at, step)
        for at, step in (
            (view.look_at, Step.LOOK),
            (view.save_at if view.good else None, Step.SAVE),
            (view.peek_at, Step.PEEK),
            (view.suspend_at, Step.SUSPEND),
        )
        if at is not None
    ]
    if not planned:
        return Step.WAIT, None
    at, step = min(planned, key=lambda plan: plan[0])
    return _at(step, at, now)


def _at(step: Step, at: float, now: float) -> tuple[Step, float | None]:
    return (step, None) if now >= at else (Step.WAIT, at)


def _in_use(view: View, now: float) -> bool:
    return view.busy and (view.quiet_by is None or now < view.quiet_by)
