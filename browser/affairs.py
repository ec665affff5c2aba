"""The state of affairs of one profile: what runs, what is wanted, what is planned. No I/O and no await.

`resident.py` notes wants here, `attendant.py` carries them out; `view` is what the decision between them sees.
All times are loop times in seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from browser.agenda import Mode, View
from browser.clearance import NEXT_ACTION, Clearance, Verdict
from browser.context import Context, Gone
from browser.errors import BrowserError, ProfileNotCleared, SlotLost
from browser.hold import Held
from browser.lease import Lease
from browser.profiles import ProfileSpec
from browser.recycling import Recycling
from browser.settings import PoolSettings
from browser.standing import Standing
from browser.status import ProfileEvent

log = structlog.get_logger(__name__)


@dataclass
class Affairs:
    """Everything that is known, wanted and planned for one profile.

    changed: to be called when what may be leased could have changed. tell: receives events.
    """

    spec: ProfileSpec
    standing: Standing
    settings: PoolSettings
    changed: Callable[[], None]
    tell: Callable[[ProfileEvent], None]
    recycling: Recycling
    mode: Mode = Mode.OPEN
    leases: set[Lease] = field(default_factory=set)
    held: Held | None = None
    set_aside_at: datetime | None = None  # since when it is held or disabled

    # What runs.
    context: Context | None = None
    remains: Context | None = None  # of a browser that died
    loss: tuple[Gone, str] | None = None  # not recovered yet
    page_lost_at: float | None = None
    hung: int = 0  # how often in a row the page did not answer
    unproven: bool = False  # started, but not yet known to be signed in
    at_home: bool = False  # just opened there; going home again would be for nothing
    challenge_shown: bool = False  # home was opened, or looked at, since the site challenges the profile
    rested: bool = False  # closed, directory given up
    saved: bool = False  # copied since the closing began
    trouble: str = ""  # why the latest start failed

    # What is wanted, and by whom.
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    starters: list[asyncio.Future[None]] = field(default_factory=list)
    checks: list[asyncio.Future[Verdict]] = field(default_factory=list)
    verdicts: list[tuple[asyncio.Future[Any], Verdict]] = field(default_factory=list)  # checked, not yet answered
    saves: list[asyncio.Future[None]] = field(default_factory=list)
    closers: list[asyncio.Future[None]] = field(default_factory=list)
    hold_request: asyncio.Future[Held] | None = None
    keep_warm: bool = False
    restart_wanted: bool = False
    reload_wanted: bool = False
    check_wanted: bool = False
    save_wanted: bool = False
    tidy_wanted: bool = False
    doubted: bool = False  # calls have no answer any more: ask the site ourselves
    reported: Verdict | None = None  # what made us want a reload

    # What is planned.
    quiet_by: float | None = None
    retry_at: float = 0.0
    reloaded_at: float | None = None
    moved: set[bool] = field(default_factory=set)  # True: the API page went elsewhere, False: another page
    moved_at: float | None = None
    look_at: float | None = None
    save_at: float | None = None
    peek_at: float | None = None
    idle_since: float = 0.0
    launched_at: float | None = None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def clearance(self) -> Clearance:
        """The state to show: what the owner or an operator did comes before what the site says."""
        if self.mode is Mode.DISABLED:
            return Clearance.DISABLED
        return Clearance.HELD if self.held is not None else self.standing.clearance

    @property
    def since(self) -> datetime:
        """Since when `clearance` is what it is."""
        aside = self.held is not None or self.mode is Mode.DISABLED
        return self.set_aside_at if aside and self.set_aside_at is not None else self.standing.since

    @property
    def good(self) -> bool:
        """Whether the browser's state is worth a checkpoint: the site took it for signed in."""
        if self.held is not None:
            return self.held.verdict is not None and self.held.verdict.clearance is Clearance.READY
        return self.standing.clearance is Clearance.READY and not self.unproven

    @property
    def resting(self) -> bool:
        """Whether the browser is down and must not be started yet."""
        return self.context is None and self.now < self.retry_at

    def refusal(self) -> ProfileNotCleared | None:
        """Say why this profile is not lent, or None."""
        if self.mode is Mode.RELEASED:
            return ProfileNotCleared(f"profile {self.name} is in use outside the pool for now")
        if self.mode is Mode.LEAVING:
            return ProfileNotCleared(f"profile {self.name} is being closed")
        if self.held is not None or self.hold_request is not None:
            return ProfileNotCleared(f"profile {self.name} is held by an operator")
        if self.clearance is not Clearance.READY:
            reason = "" if self.mode is Mode.DISABLED else self.standing.reason
            why = reason or NEXT_ACTION[self.clearance].replace("NAME", self.name)
            return ProfileNotCleared(f"profile {self.name} is {self.clearance}{': ' if why else ''}{why}")
        return None

    def usable(self) -> Context | None:
        """Return the browser when leases may use it now."""
        if self.refusal() is not None or self.page_lost_at is not None or self.unproven or self.restart_wanted:
            return None
        return self.context

    def view(self) -> View:
        """Return what the decision about the next step depends on."""
        idle = self.standing.clearance is Clearance.READY and not self.leases and self.held is None
        look_at = self.look_at
        if self.clearance is Clearance.READY and look_at is not None:
            # Answers to borrowers tell more than a verification: only one who is left alone is asked.
            look_at = max(look_at, self.idle_since + self.settings.verify_every_idle_s) if idle else None
        if self.moved_at is not None:
            look_at = self.moved_at if look_at is None else min(look_at, self.moved_at)
        suspend_s = self.settings.idle_suspend_s
        return View(
            mode=self.mode,
            clearance=self.clearance,
            running=self.context is not None,
            busy=any(lease.bound for lease in self.leases),
            quiet_by=self.quiet_by,
            remains=self.remains is not None,
            page_lost_at=self.page_lost_at,
            rested=self.rested,
            wanted=bool(self.starters),
            keep_warm=self.keep_warm,
            retry_at=self.retry_at,
            restart_wanted=self.restart_wanted,
            hold_waits=self.hold_request is not None,
            reload_wanted=self.reload_wanted,
            doubted=self.doubted,
            check_wanted=self.check_wanted or bool(self.checks),
            save_wanted=self.save_wanted,
            good=self.good,
            saved=self.saved,
            look_at=look_at,
            save_at=self.save_at,
            peek_at=self.peek_at,
            suspend_at=self.idle_since + suspend_s if idle and suspend_s is not None else None,
            probe_at=self._probe_at() if idle else None,
        )

    def _probe_at(self) -> float | None:
        """When a profile whose browser sleeps is woken to ask whether it is still signed in; None = never."""
        every_s = self.settings.probe_asleep_every_s
        if every_s is None:
            return None
        since = max(self.idle_since, self.launched_at or 0.0)
        if (at := self.standing.verified_at) is not None:
            since = max(since, self.now - (datetime.now(UTC) - at).total_seconds())
        return since + every_s

    def poke(self) -> None:
        """Let the resident look again at what is to be done."""
        self.wake.set()

    def move(self, clearance: Clearance, reason: str = "") -> None:
        """Change the standing, tell of it, and let the pool and those who wait act on it."""
        before = self.standing.clearance
        if self.standing.move(clearance, reason):
            log.info("clearance changed", profile=self.name, before=before, now=clearance, reason=reason)
            self.event("clearance changed", reason, before=str(before))
        self.refuse_starters()
        if not self.good and self.mode is Mode.OPEN:
            self.fail_all(self.saves, ProfileNotCleared(f"profile {self.name} is {clearance}: no checkpoint is taken"))
        self.changed()
        self.poke()

    def event(self, what: str, reason: str = "", **detail: str) -> None:
        """Tell that something happened."""
        self.tell(
            ProfileEvent(
                profile=self.name,
                what=what,
                at=datetime.now(UTC),
                clearance=self.clearance,
                reason=reason,
                account=dict(self.standing.account),
                detail=_text(detail),
            )
        )

    def ask_quiet(self, within_s: float) -> None:
        """Begin the time after which leases lose the page; an earlier end stands."""
        by = self.now + within_s
        if self.quiet_by is None or self.quiet_by <= self.now:  # one that is past was for something given up since
            self.quiet_by = by
        self.quiet_by = min(self.quiet_by, by)

    def revoke_leases(self, reason: str) -> None:
        """Take the page from the leases that use it; those still waiting for it go on waiting."""
        for lease in list(self.leases):
            if lease.bound:
                lease.revoke(f"profile {self.name}: {reason}")

    def rest(self, seconds: float) -> None:
        """Do not start the browser for a while; meanwhile its slots go to nobody."""
        self.retry_at = self.now + seconds
        asyncio.get_running_loop().call_later(seconds + 0.01, self.changed)
        self.changed()

    def serve_starters(self) -> None:
        """Let those go on who waited for the browser, if it is usable."""
        if self.usable() is not None:
            self.settle_all(self.starters, None)

    def refuse_starters(self) -> None:
        """Send those away who wait for a browser that will not be lent."""
        if (refusal := self.refusal()) is not None:
            self.fail_starters(refusal)

    def fail_starters(self, error: BrowserError) -> None:
        self.fail_all(self.starters, error)

    def fail_operators(self, error: BrowserError) -> None:
        """Tell those who asked for a check, a checkpoint or a hold why it cannot be."""
        self.answer_verdicts()
        self.fail_all(self.checks, error)
        self.fail_all(self.saves, error)
        self.check_wanted = self.save_wanted = False
        if self.hold_request is not None:
            _reject(self.hold_request, error)
            self.hold_request = None

    def running(self) -> Context:
        """Return the browser. Raises SlotLost when there is none."""
        if self.context is None:
            raise SlotLost(f"profile {self.name}: its browser is gone")
        return self.context

    def plan_look(self, within_s: float) -> None:
        """Judge and verify again after a while; infinity = never by itself."""
        self.look_at = None if math.isinf(within_s) else self.now + within_s
        self.poke()

    def plan_copies(self) -> None:
        """Begin the time to the next periodic copy and the next comparison of session cookies."""
        self.save_at = self.now + self.settings.checkpoint_every_s
        self.peek_at = self.now + self.settings.cookies_every_s

    def answer_verdicts(self) -> None:
        """Tell those whose check is done what it found."""
        for check, verdict in self.verdicts:
            _resolve(check, verdict)
        self.verdicts.clear()

    def fail_all(self, waiting: list[asyncio.Future[Any]], error: BrowserError) -> None:
        """Raise the same error to everybody in the list."""
        for future in waiting:
            _reject(future, error)
        waiting.clear()

    def settle_all(self, waiting: list[asyncio.Future[Any]], value: object) -> None:
        """Give everybody in the list the same result."""
        for future in waiting:
            _resolve(future, value)
        waiting.clear()


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _reject(future: asyncio.Future[Any], error: BrowserError) -> None:
    if not future.done():
        future.set_exception(error)


def _text(detail: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in detail.items()}
