"""Carries out the steps of one profile's resident: the only code that awaits its browser."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from browser.affairs import Affairs
from browser.agenda import Mode, Step
from browser.clearance import Clearance
from browser.context import Context, Gone, Observer
from browser.errors import BrowserError, LaunchFailed, ProfileBusy, ProfileNotCleared, SlotLost, TransportFailed
from browser.hold import Held
from browser.judging import Judge
from browser.keeper import Keeper
from browser.site import Site

log = structlog.get_logger(__name__)

#: A page that did not answer so many times in a row is replaced.
HUNG_LOOKS = 2
#: A page that goes somewhere often goes on at once; it is looked at when it stays.
DEBOUNCE_S = 0.5
#: Before a window that the operator closed opens again: time to leave for a program that takes it as "done".
WINDOW_S = 1.5


class Attendant:
    """Does what the agenda says, and plans what follows from it."""

    def __init__(self, affairs: Affairs, *, site: Site, keeper: Keeper) -> None:
        self._a = affairs
        self._site = site
        self._keeper = keeper
        self.judge = Judge(affairs, site=site)
        self._observer = Observer(gone=self._gone, navigated=self._navigated, silent=self._silent)
        self._steps: Mapping[Step, Callable[[], Awaitable[None]]] = {
            Step.BURY: self._bury,
            Step.CLOSE: self._close,
            Step.REST: self._rest,
            Step.LAUNCH: self._launch,
            Step.REOPEN: self._reopen,
            Step.GRANT: self._grant,
            Step.RELOAD: self.judge.reload,
            Step.CHECK: self.judge.check,
            Step.ASK: self.judge.ask,
            Step.LOOK: self.judge.look,
            Step.SAVE: self._save,
            Step.PEEK: self._peek,
            Step.SUSPEND: self._suspend,
        }

    async def take(self, step: Step) -> None:
        """Carry out one step. A mistake of ours or a dead browser costs the browser, never the pool."""
        a, context = self._a, self._a.context
        try:
            await self._steps[step]()
        except SlotLost as exc:
            # What died has told so itself, as a rule; else a new page is the mildest cure.
            if context is not None and context is a.context and a.page_lost_at is None:
                self._gone(context, Gone.PAGE, str(exc))
        except Exception as exc:
            log.exception("step failed", profile=a.name, step=step.value)
            what = f"something unexpected happened, see the log: {exc}"
            if context is not None:
                self._gone(context, Gone.BROWSER, what)
            else:
                self._not_started(LaunchFailed(f"profile {a.name}: {what}"), a.recycling.pause_s())

    async def abandon(self) -> None:
        """End the browser now and free the directory."""
        for context in (self._a.context, self._a.remains):
            if context is not None:
                await context.close()
        self._a.context = self._a.remains = None
        self._keeper.give_up()

    # Starting and ending the browser.

    async def _launch(self) -> None:
        a = self._a
        if a.loss is not None:
            (what, reason), a.loss = a.loss, None
            if what is Gone.BROWSER and not a.recycling.crashed(a.now):
                self._quarantine(reason)
                return
        a.keep_warm = False
        a.launched_at = a.now
        try:
            context, replaced = await self._keeper.start(a.spec, self._observer)
            a.context = context
        except ProfileBusy as exc:
            self._not_started(exc, a.settings.busy_rest_s)
        except TransportFailed as exc:
            self._not_started(exc, a.recycling.pause_s())
        except (LaunchFailed, SlotLost, OSError) as exc:
            error = exc if isinstance(exc, BrowserError) else LaunchFailed(f"profile {a.name}: {exc}")
            pause_s = a.recycling.pause_s()
            if a.recycling.crashed(a.now):
                self._not_started(error, pause_s)
            else:
                self._quarantine(str(error))
        else:
            a.recycling.started()
            a.trouble = ""
            a.page_lost_at, a.at_home, a.restart_wanted, a.rested = None, True, False, False
            a.unproven = replaced or a.check_wanted or bool(a.checks) or self._verification_is_old()
            a.idle_since = a.now
            a.plan_copies()
            a.event("browser started", pid=str(context.pid or ""))
            if self._keeper.unreadable:
                a.event("checkpoint not restored", self._keeper.unreadable)
            if not self.judge.judge(context) and a.held is None:
                a.check_wanted = a.check_wanted or a.unproven or a.standing.clearance is not Clearance.READY
            if await self._keeper.applied():
                a.event("import applied")

    async def _reopen(self) -> None:
        a = self._a
        context = a.running()
        what, reason = a.loss or (Gone.PAGE, "the page is gone")
        a.loss = None
        if what is Gone.PAGE and not a.recycling.crashed(a.now):
            self._quarantine(reason)
            return
        try:
            await context.reopen()
        except BrowserError as exc:
            self._gone(context, Gone.BROWSER, str(exc))
            return
        a.page_lost_at, a.at_home = None, True
        a.event("page reopened", reason)
        self.judge.judge(context)

    async def _bury(self) -> None:
        a = self._a
        remains, a.remains = a.remains, None
        if remains is not None:
            await remains.close()

    async def _close(self) -> None:
        a = self._a
        a.revoke_leases("its browser is being closed")
        if a.mode is Mode.OPEN and a.good and a.context is not None and a.page_lost_at is None:
            await self._save()  # before a restart; who is leaving has done so already
        await self._end_browser()

    async def _end_browser(self) -> None:
        a = self._a
        context, a.context = a.context, None
        a.page_lost_at, a.restart_wanted, a.reload_wanted, a.quiet_by = None, False, False, None
        a.doubted = False
        a.moved_at = a.loss = None
        if context is not None:
            a.remains = context  # so that it is ended even if we are cancelled here
            await context.close()
            a.remains = None
        a.saved = False

    async def _rest(self) -> None:
        a = self._a
        self._keeper.give_up()
        a.held = None
        a.rested = True
        a.settle_all(a.closers, None)

    async def _grant(self) -> None:
        a = self._a
        a.revoke_leases("an operator took the page")
        a.quiet_by = None
        await self.judge.show_challenge()
        request, a.hold_request = a.hold_request, None
        if request is None or request.done():
            return
        a.held = Held(a.name, context=lambda: a.context, sign_in_url=self._site.sign_in_url)
        a.check_wanted = a.reload_wanted = False
        a.plan_look(0.0)
        a.set_aside_at = datetime.now(UTC)
        request.set_result(a.held)
        a.event("hold started", before=str(a.standing.clearance))
        a.changed()

    async def _suspend(self) -> None:
        a = self._a
        await self._save()
        if not a.leases and a.hold_request is None and a.context is not None:
            await self._end_browser()
            a.event("browser suspended")

    # Copies of the state.

    async def _save(self) -> None:
        a = self._a
        context = a.running()
        saves, a.saves = a.saves, []
        a.save_wanted, a.saved = False, True
        a.plan_copies()
        try:
            checkpoint, is_new = await self._keeper.save(context, good=lambda: a.good)
        except (SlotLost, OSError) as exc:
            log.warning("checkpoint failed", profile=a.name, error=str(exc))
            a.event("checkpoint failed", str(exc))
            a.fail_all(saves, SlotLost(f"profile {a.name}: no checkpoint was taken: {exc}"))
        else:
            a.event("checkpoint saved" if is_new else "checkpoint confirmed", generation=str(checkpoint.generation))
            a.settle_all(saves, None)
        finally:
            a.answer_verdicts()
            if a.held is not None:
                a.held.saved()

    async def _peek(self) -> None:
        """Compare the session cookies, and notice a browser or a page that hangs instead of dying."""
        a = self._a
        context = a.running()
        a.peek_at = a.now + a.settings.cookies_every_s
        try:
            a.save_wanted = await self._keeper.session_changed(context) or a.save_wanted
        except SlotLost as exc:
            self._gone(context, Gone.BROWSER, str(exc))
            return
        a.hung = 0 if await context.answers() else a.hung + 1
        if a.hung >= HUNG_LOOKS:
            a.hung = 0
            self._gone(context, Gone.PAGE, "the page does not answer any more")

    # What the browser tells; on the event loop, not in the actor.

    def _gone(self, context: Context, what: Gone, reason: str) -> None:
        a = self._a
        if context is not a.context:
            return
        log.warning("browser lost", profile=a.name, what=what.value, reason=reason)
        a.revoke_leases(reason)
        a.answer_verdicts()
        a.loss, a.unproven, a.moved_at = (what, reason), False, None
        if what in (Gone.PAGE, Gone.WINDOW):
            a.page_lost_at = a.now
            if what is Gone.WINDOW and a.held is not None:
                a.page_lost_at += WINDOW_S
                a.held.window_closed.set()
        else:
            closed_by_operator = a.held is not None and a.held.window_closed.is_set() and a.page_lost_at is not None
            a.context, a.remains, a.page_lost_at = None, context, None
            a.keep_warm = a.mode is Mode.OPEN
            if closed_by_operator:
                a.loss = None
                a.rest(WINDOW_S)
            elif what is Gone.DRIVER:
                a.rest(random.uniform(0, a.settings.restart_jitter_s))  # noqa: S311 - spreading, not secrecy
        a.event("browser lost", reason, lost=what.value)
        a.changed()
        a.poke()

    def _navigated(self, context: Context, own: bool) -> None:
        a = self._a
        if context is a.context:
            a.moved.add(own)
            a.moved_at = a.now + DEBOUNCE_S
            a.poke()

    def _silent(self, context: Context) -> None:
        a = self._a
        if context is a.context and a.held is None and a.clearance is Clearance.READY:
            a.doubted = True
            a.poke()

    # Planning.

    def _not_started(self, error: BrowserError, pause_s: float) -> None:
        a = self._a
        log.warning("browser not started", profile=a.name, error=str(error), again_in_s=pause_s)
        a.trouble = str(error)
        a.event("launch failed", a.trouble)
        a.fail_starters(error)
        a.fail_operators(error)
        if a.standing.clearance is not Clearance.READY and a.held is None:
            a.move(a.standing.clearance, str(error))
        a.rest(pause_s)

    def _quarantine(self, reason: str) -> None:
        a = self._a
        a.keep_warm = False
        a.held = None
        a.event("profile quarantined", reason)
        a.move(Clearance.CRASHED, reason)
        a.fail_operators(ProfileNotCleared(f"profile {a.name} crashed too often: {reason}"))

    def _verification_is_old(self) -> bool:
        at = self._a.standing.verified_at
        every_s = self._a.settings.verify_every_idle_s
        return at is None or (datetime.now(UTC) - at).total_seconds() > every_s
