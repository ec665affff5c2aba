"""Finds out where a profile stands with the site, and moves its clearance accordingly.

Three ways, from the gentlest: *look* at the page as it is and ask the verifier; *reload* the page once, then look;
*check*: go home, then look. A page that looks bad is believed without asking the verifier, except when another page of
the browser moved: then somebody may have signed in or cleared a check in a popup or another tab.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from browser.affairs import Affairs
from browser.clearance import Clearance, Verdict
from browser.context import Context
from browser.errors import TransportFailed, TransportTimeout
from browser.site import Site
from browser.verifying import judged_bad, verified

log = structlog.get_logger(__name__)

#: States whose way out is a check; a look alone would not bring them further.
TO_CHECK = frozenset({Clearance.NEW, Clearance.VERIFYING})
#: States that only an explicit check ends.
FINAL = frozenset({Clearance.BLOCKED, Clearance.CRASHED})


class Judge:
    """Judges one profile's page and takes the site's word about it."""

    def __init__(self, affairs: Affairs, *, site: Site) -> None:
        self._a = affairs
        self._site = site

    def settle(self, verdict: Verdict) -> None:
        """Take the site's word: move the clearance, and plan the next look."""
        a = self._a
        a.standing.learn(verdict.account)
        a.unproven = False
        if verdict.clearance is not Clearance.CHALLENGED:
            a.challenge_shown = False
        ready = verdict.clearance is Clearance.READY
        if ready:
            a.standing.verified_at = datetime.now(UTC)
        if a.held is not None:
            if a.held.noted(verdict):
                a.save_wanted = True
                a.event("sign-in seen", verdict.reason)
            a.plan_look(a.settings.verify_when_held_s)
            return
        if ready:
            a.save_wanted = a.save_wanted or a.standing.clearance is not Clearance.READY
            a.plan_look(a.settings.verify_every_idle_s)
        else:
            unshown = verdict.clearance is Clearance.CHALLENGED and not a.challenge_shown and self._free
            a.plan_look(0.0 if unshown else a.standing.penalty_s(a.settings.verify_when_not_ready_s))
        if verdict.clearance is Clearance.STALE_PAGE and not self._reloaded_lately():
            self.want_reload()
        a.move(verdict.clearance, verdict.reason)

    def want_reload(self) -> None:
        """Plan to reload the page as soon as nobody uses it, at the latest after the grace."""
        self._a.reload_wanted = True
        self._a.ask_quiet(self._a.settings.lease_grace_s)
        self._a.poke()

    def judge(self, context: Context) -> bool:
        """Believe at once what a freshly opened page says against the profile; returns whether it did."""
        verdict = judged_bad(self._site, context.facts)
        if verdict is not None:
            self.settle(verdict)
        elif self._a.held is not None:
            self._a.plan_look(0.0)
        return verdict is not None

    async def look(self) -> None:
        """Judge the page as it is and ask the verifier, without touching the page."""
        a, context = self._a, self._a.running()
        moved, a.moved, a.moved_at = a.moved, set(), None
        a.at_home = a.at_home and not moved
        if a.clearance in FINAL:
            a.look_at = None
        elif not moved and a.clearance in TO_CHECK:
            a.check_wanted, a.look_at = True, None
        elif not moved and a.clearance is Clearance.STALE_PAGE:
            a.look_at = None
            self.want_reload()
        else:
            try:
                verdict = await self._seen(context, elsewhere=False in moved)
                if self._free and not moved:
                    verdict = await self._shown(context, verdict)
            except TransportFailed as exc:
                self._unverified(exc, a.standing.clearance, page_is_home=True not in moved)
            else:
                self.settle(verdict)

    async def ask(self) -> None:
        """Calls have no answer any more: ask the site ourselves, and go by that."""
        a, context = self._a, self._a.running()
        a.doubted = False
        if a.held is not None or a.clearance is not Clearance.READY:
            return  # it is asked again and again as it is
        try:
            verdict = await self._ask(context)
        except TransportFailed as exc:
            a.doubted = False  # our own question made it doubtful once more
            self._unverified(exc, a.standing.clearance, page_is_home=True)
        else:
            self.settle(verdict)

    async def reload(self) -> None:
        """Reload the page once because an answer of the site spoke against the profile, then judge."""
        a, context = self._a, self._a.running()
        a.revoke_leases("its page is reloaded")
        reported, a.reported = a.reported, None
        a.reload_wanted, a.quiet_by = False, None
        before = a.standing.clearance if reported is None else reported.clearance
        try:
            await context.reload()
            a.reloaded_at = a.now
            self._it_was_us()
            verdict = await self._shown(context, await self._seen(context))
        except TransportFailed as exc:
            self._unverified(exc, before, page_is_home=a.reloaded_at is not None)
        else:
            self.settle(verdict)

    async def check(self) -> None:
        """Go home (unless leases work on the page), judge, verify, and answer those who asked for it."""
        a, context = self._a, self._a.running()
        checks, a.checks = a.checks, []
        a.check_wanted = False
        before = a.standing.clearance
        if a.held is None and before is not Clearance.READY:
            a.move(Clearance.VERIFYING, a.standing.reason if before is Clearance.VERIFYING else "")
        page_is_home = True
        free = self._free
        was_home, a.at_home = a.at_home, False
        try:
            if free and not was_home:
                page_is_home = False
                await self._go_home(context)
                page_is_home = True
            if a.tidy_wanted:
                a.tidy_wanted = False
                await context.tidy()
            verdict = await self._seen(context)
            if free:
                a.challenge_shown = before is Clearance.CHALLENGED and not was_home  # just now, if there is one
                verdict = await self._shown(context, verdict)
        except TransportFailed as exc:
            self._unverified(exc, before, page_is_home=page_is_home)
            a.fail_all(checks, exc)
        except BaseException:
            a.checks = checks + a.checks  # the next browser answers them
            raise
        else:
            self.settle(verdict)
            a.verdicts += [(check, verdict) for check in checks]
            a.save_wanted = a.good
            if not a.save_wanted:  # else the answer is given when the copy has been taken
                a.answer_verdicts()

    async def _seen(self, context: Context, *, elsewhere: bool = False) -> Verdict:
        """Return what page and verifier say. elsewhere: another page of the browser moved meanwhile."""
        verdict = judged_bad(self._site, context.facts)
        if verdict is None:
            return await self._ask(context)
        if elsewhere and (await self._ask(context)).clearance is Clearance.READY:
            await self._go_home(context)
            return judged_bad(self._site, context.facts) or await self._ask(context)
        return verdict

    async def show_challenge(self) -> None:
        """Let an operator who takes the page find there what the site asks for, when only an answer told of it so far."""
        a, context = self._a, self._a.running()
        if a.standing.clearance is Clearance.CHALLENGED:
            try:
                await self._shown(context, Verdict(Clearance.CHALLENGED, a.standing.reason))
            except TransportFailed as exc:
                log.info("challenge not shown", profile=a.name, error=str(exc))

    async def _shown(self, context: Context, verdict: Verdict) -> Verdict:
        """Bring a challenge that an answer told of onto the page, which may still look well: it is confirmed there.

        Once for each time that the site begins to challenge: it may show none.
        """
        a = self._a
        if verdict.clearance is not Clearance.CHALLENGED or a.challenge_shown:
            return verdict
        if judged_bad(self._site, context.facts) is None:
            await self._go_home(context)
        a.challenge_shown = True
        return judged_bad(self._site, context.facts) or verdict

    @property
    def _free(self) -> bool:
        """Whether nobody works on the page: neither an operator nor a call."""
        return self._a.held is None and not any(lease.bound for lease in self._a.leases)

    async def _go_home(self, context: Context) -> None:
        await context.go_home()
        self._it_was_us()

    async def _ask(self, context: Context) -> Verdict:
        return await verified(self._site, context.transport, timeout_s=self._a.settings.verify_timeout_s)

    def _unverified(self, error: TransportFailed, before: Clearance, *, page_is_home: bool) -> None:
        """Nothing was learnt: stay where we were, say so, and try again later.

        A READY profile whose page did not come home is not lent until it did.
        """
        a = self._a
        log.info("profile not verified", profile=a.name, error=str(error))
        a.unproven = False
        if isinstance(error, TransportTimeout):
            self._nothing_heard()
        if a.held is not None:
            a.plan_look(a.settings.verify_when_held_s)
        elif before is Clearance.READY and page_is_home:
            a.plan_look(a.settings.verify_every_idle_s)
        else:
            a.plan_look(max(a.recycling.pause_s(), a.settings.verify_when_not_ready_s))
            a.move(Clearance.VERIFYING if before is Clearance.READY else before, f"not verified: {error}")

    def _nothing_heard(self) -> None:
        """A question of ours had no answer either: when calls had none before it, this browser's connections hang, and only
        its end closes them.

        Not while anything still comes over them. And a browser that never had an answer is not started anew soon: then it
        is the site that says nothing, or the way to it.
        """
        a, context = self._a, self._a.context
        if context is None or a.held is not None or not context.line.doubtful:
            return
        old = a.launched_at is None or a.now - a.launched_at > a.settings.recycle_window_s
        if not (context.line.worked or old):
            return
        reason = "the site answers nothing over this browser's connections any more; the browser is started anew"
        log.warning("browser started anew", profile=a.name, reason=reason, calls_in_vain=context.line.in_vain)
        a.event("connections hang", reason)
        a.revoke_leases(reason)
        a.restart_wanted = a.keep_warm = a.check_wanted = True
        a.poke()

    def _it_was_us(self) -> None:
        """Forget that the API page went elsewhere: it was us, and we look at it at once."""
        self._a.moved.discard(True)
        if not self._a.moved:
            self._a.moved_at = None

    def _reloaded_lately(self) -> bool:
        at = self._a.reloaded_at
        return at is not None and self._a.now - at < self._a.settings.reload_again_s
