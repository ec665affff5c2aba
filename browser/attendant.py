"""Carries out the steps of one profile's resident: the only code that awaits its browser."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from browser.affairs import Affairs
from browser.agenda import Mode, Step
from browser.clearance import Clearance, Verdict
from browser.context import Context, Gone, Observer
from browser.errors import BrowserError, LaunchFailed, ProfileBusy, ProfileNotCleared, SlotLost, TransportFailed
from browser.hold import Held
from browser.keeper import Keeper
from browser.site import Site
from browser.verifying import judged_bad, verified

log = structlog.get_logger(__name__)

#: A page that goes somewhere often goes on at once; it is looked at when it stays.
DEBOUNCE_S = 0.5


class Attendant:
    """Does what the agenda says, and plans what follows from it."""

    def __init__(self, affairs: Affairs, *, site: Site, keeper: Keeper) -> None:
        self._a = affairs
        self._site = site
        self._keeper = keeper
        self._observer = Observer(gone=self._gone, navigated=self._navigated)
        self._steps: Mapping[Step, Callable[[], Awaitable[None]]] = {
            Step.BURY: self._bury,
            Step.CLOSE: self._close,
            Step.REST: self._rest,
            Step.LAUNCH: self._launch,
            Step.REOPEN: self._reopen,
            Step.GRANT: self._grant,
            Step.RELOAD: self._reload,
            Step.CHECK: self._check,
            Step.LOOK: self._look,
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

    def settle(self, verdict: Verdict) -> None:
        """Take the site's word: move the clearance, and plan the next look."""
        a = self._a
        a.standing.learn(verdict.account)
        a.unproven = False
        if verdict.clearance is Clearance.READY:
            a.standing.verified_at = datetime.now(UTC)
        if a.held is not None:
            if a.held.noted(verdict):
                a.save_wanted = True
                a.event("sign-in seen", verdict.reason)
            self._plan_look(a.settings.verify_when_held_s)
            return
        if verdict.clearance is Clearance.READY:
            a.save_wanted = a.save_wanted or a.standing.clearance is not Clearance.READY
            self._plan_look(a.settings.verify_every_idle_s)
        else:
            self._plan_look(a.standing.penalty_s(a.settings.verify_when_not_ready_s))
        if verdict.clearance is Clearance.STALE_PAGE and not self._reloaded_lately():
            self.want_reload()
        a.move(verdict.clearance, verdict.reason)

    def want_reload(self) -> None:
        """Plan to reload the page as soon as nobody uses it, at the latest after the grace."""
        self._a.reload_wanted = True
        self._a.ask_quiet(self._a.settings.lease_grace_s)
        self._a.poke()

    # Starting and ending the browser.

    async def _launch(self) -> None:
        a = self._a
        if a.loss is not None:
            (what, reason), a.loss = a.loss, None
            if what is Gone.BROWSER and not a.recycling.crashed(a.now):
                self._quarantine(reason)
                return
        a.keep_warm = False
        try:
            a.context, replaced = await self._keeper.start(a.spec, self._observer)
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
            a.unproven = replaced or self._verification_is_old()
            a.idle_since = a.now
            self._plan_copies()
            a.event("browser started", pid=str(a.context.pid or ""))
            if replaced:
                await self._keeper.applied()
            if not self._judge(a.context) and a.held is None:
                a.check_wanted = a.check_wanted or a.unproven or a.standing.clearance is not Clearance.READY

    async def _reopen(self) -> None:
        a = self._a
        context = self._running()
        what, reason = a.loss or (Gone.PAGE, "the page is gone")
        a.loss = None
        if what is Gone.PAGE and not a.recycling.crashed(a.now):
            self._quarantine(reason)
            return
        if what is Gone.WINDOW and a.held is not None:
            a.held.window_closed.set()
        try:
            await context.reopen()
        except BrowserError as exc:
            self._gone(context, Gone.BROWSER, str(exc))
            return
        a.page_lost_at, a.at_home = None, True
        a.event("page reopened", reason)
        self._judge(context)

    async def _bury(self) -> None:
        a = self._a
        remains, a.remains = a.remains, None
        if remains is not None:
            await remains.close()

    async def _close(self) -> None:
        a = self._a
        a.revoke_leases("its browser is being closed")
        if a.good and not a.saved and a.context is not None and a.page_lost_at is None:
            await self._save()
        context, a.context = a.context, None
        a.page_lost_at, a.restart_wanted, a.reload_wanted, a.quiet_by = None, False, False, None
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

    async def _suspend(self) -> None:
        a = self._a
        await self._save()
        if not a.leases and a.hold_request is None and a.context is not None:
            await self._close()
            a.event("browser suspended")

    # Judging.

    async def _grant(self) -> None:
        a = self._a
        a.revoke_leases("an operator took the page")
        a.quiet_by = None
        request, a.hold_request = a.hold_request, None
        if request is None or request.done():
            return
        a.held = Held(a.name, context=lambda: a.context, sign_in_url=self._site.sign_in_url)
        a.check_wanted = a.reload_wanted = False
        self._plan_look(0.0)
        request.set_result(a.held)
        a.event("hold started")
        a.changed()

    async def _reload(self) -> None:
        a = self._a
        context = self._running()
        a.revoke_leases("its page is reloaded")
        reported, a.reported = a.reported, None
        a.reload_wanted, a.quiet_by = False, None
        try:
            await context.reload()
            a.reloaded_at = a.now
            self._our_own_navigation()
            verdict = judged_bad(self._site, context.facts) or await self._ask(context)
        except TransportFailed as exc:
            self._unverified(exc, reported.clearance if reported is not None else a.standing.clearance)
        else:
            self.settle(verdict)

    async def _check(self) -> None:
        a = self._a
        context = self._running()
        checks, a.checks = a.checks, []
        a.check_wanted = False
        before = a.standing.clearance
        if a.held is None and before is not Clearance.READY:
            a.move(Clearance.VERIFYING, a.standing.reason if before is Clearance.VERIFYING else "")
        try:
            if a.held is None and not a.at_home and not any(lease.bound for lease in a.leases):
                await context.go_home()
                self._our_own_navigation()
            a.at_home = False
            if a.tidy_wanted:
                a.tidy_wanted = False
                await context.tidy()
            verdict = judged_bad(self._site, context.facts) or await self._ask(context)
        except TransportFailed as exc:
            self._unverified(exc, before)
            for check in checks:
                if not check.done():
                    check.set_exception(exc)
        except BaseException:
            a.checks = checks + a.checks  # the next browser answers them
            raise
        else:
            self.settle(verdict)
            a.settle_all(checks, verdict)

    async def _look(self) -> None:
        a = self._a
        context = self._running()
        moved, a.moved, a.moved_at = a.moved, set(), None
        a.at_home = a.at_home and not moved
        if not moved and a.clearance in (Clearance.NEW, Clearance.VERIFYING):
            a.check_wanted, a.look_at = True, None
            return
        if not moved and a.clearance is Clearance.STALE_PAGE:
            a.look_at = None
            self.want_reload()
            return
        if a.clearance in (Clearance.BLOCKED, Clearance.CRASHED):
            a.look_at = None
            return
        try:
            verdict = judged_bad(self._site, context.facts)
            if verdict is None:
                verdict = await self._ask(context)
            elif False in moved and (await self._ask(context)).clearance is Clearance.READY:
                # Signed in or cleared in another tab, while the API page still shows the old state of things.
                await context.go_home()
                self._our_own_navigation()
                verdict = judged_bad(self._site, context.facts) or await self._ask(context)
        except TransportFailed as exc:
            self._unverified(exc, a.standing.clearance)
        else:
            self.settle(verdict)

    def _judge(self, context: Context) -> bool:
        """Believe at once what a freshly opened page says against the profile; returns whether it did."""
        verdict = judged_bad(self._site, context.facts)
        if verdict is not None:
            self.settle(verdict)
        elif self._a.held is not None:
            self._plan_look(0.0)
        return verdict is not None

    async def _ask(self, context: Context) -> Verdict:
        return await verified(self._site, context.transport, timeout_s=self._a.settings.verify_timeout_s)

    def _unverified(self, error: TransportFailed, before: Clearance) -> None:
        """Nothing was learnt: stay where we were, say so, and try again later."""
        a = self._a
        log.warning("profile not verified", profile=a.name, error=str(error))
        if a.held is not None:
            self._plan_look(a.settings.verify_when_held_s)
            return
        a.unproven = False
        wait_s = a.settings.verify_every_idle_s if before is Clearance.READY else a.recycling.pause_s()
        self._plan_look(max(wait_s, a.settings.verify_when_not_ready_s))
        if before is not Clearance.READY:
            a.move(before, f"not verified: {error}")

    # Copies of the state.

    async def _save(self) -> None:
        a = self._a
        context = self._running()
        saves, a.saves = a.saves, []
        a.save_wanted, a.saved = False, True
        self._plan_copies()
        try:
            checkpoint = await self._keeper.save(context)
        except (SlotLost, OSError) as exc:
            log.warning("checkpoint failed", profile=a.name, error=str(exc))
            a.event("checkpoint failed", str(exc))
            for save in saves:
                if not save.done():
                    save.set_exception(SlotLost(f"profile {a.name}: no checkpoint was taken: {exc}"))
        else:
            a.event("checkpoint saved", generation=str(checkpoint.generation))
            a.settle_all(saves, None)
        if a.held is not None:
            a.held.saved()

    async def _peek(self) -> None:
        a = self._a
        a.peek_at = a.now + a.settings.cookies_every_s
        with suppress(SlotLost):
            a.save_wanted = await self._keeper.session_changed(self._running()) or a.save_wanted

    # What the browser tells; on the event loop, not in the actor.

    def _gone(self, context: Context, what: Gone, reason: str) -> None:
        a = self._a
        if context is not a.context:
            return
        log.warning("browser lost", profile=a.name, what=what.value, reason=reason)
        a.revoke_leases(reason)
        a.loss, a.unproven, a.moved_at = (what, reason), False, None
        if what in (Gone.PAGE, Gone.WINDOW):
            a.page_lost_at = a.now
        else:
            a.context, a.remains, a.page_lost_at = None, context, None
            a.keep_warm = a.mode is Mode.OPEN
            if what is Gone.DRIVER:
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

    def _our_own_navigation(self) -> None:
        """Forget that the API page went elsewhere: it was us, and we look at it at once."""
        self._a.moved.discard(True)
        if not self._a.moved:
            self._a.moved_at = None

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

    def _plan_look(self, within_s: float) -> None:
        self._a.look_at = self._a.now + within_s
        self._a.poke()

    def _plan_copies(self) -> None:
        self._a.save_at = self._a.now + self._a.settings.checkpoint_every_s
        self._a.peek_at = self._a.now + self._a.settings.cookies_every_s

    def _verification_is_old(self) -> bool:
        at = self._a.standing.verified_at
        every_s = self._a.settings.verify_every_idle_s
        return at is None or (datetime.now(UTC) - at).total_seconds() > every_s

    def _reloaded_lately(self) -> bool:
        at = self._a.reloaded_at
        return at is not None and self._a.now - at < self._a.settings.reload_again_s

    def _running(self) -> Context:
        if self._a.context is None:
            raise SlotLost(f"profile {self._a.name}: its browser is gone")
        return self._a.context
