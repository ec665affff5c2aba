"""One profile at work: an actor that owns its browser and moves its clearance, one step at a time.

Everything slow happens in `run`, in the order `agenda.next_step` decides; everything else only notes what is wanted
and wakes it. So nothing a borrower or an operator does, or stops doing half-way, can leave a browser half-started.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from browser.affairs import Affairs
from browser.agenda import Mode, Step, next_step
from browser.attendant import Attendant
from browser.cleanup import finish
from browser.clearance import Clearance, Cooldown, Verdict
from browser.context import Context
from browser.errors import LeaseTimeout, PoolClosed, ProfileBusy, ProfileNotCleared
from browser.hold import Held
from browser.keeper import Keeper
from browser.lease import Lease
from browser.profiles import ProfileSpec
from browser.recycling import Recycling
from browser.settings import PoolSettings
from browser.site import Site
from browser.standing import Answer, Standing, answer_to
from browser.status import ProfileEvent

#: Ending a browser that must end now, whatever it does.
ABANDON_S = 40.0


class Resident:
    """One profile of the pool.

    changed: called when what may be leased could have changed. tell: receives the profile's events.
    """

    def __init__(
        self,
        spec: ProfileSpec,
        *,
        site: Site,
        keeper: Keeper,
        settings: PoolSettings,
        standing: Standing,
        changed: Callable[[], None],
        tell: Callable[[ProfileEvent], None],
    ) -> None:
        self.keeper = keeper
        self.affairs = Affairs(
            spec=spec,
            standing=standing,
            settings=settings,
            changed=changed,
            tell=tell,
            recycling=Recycling(limit=settings.recycle_limit, window_s=settings.recycle_window_s),
            mode=Mode.OPEN if spec.enabled else Mode.DISABLED,
        )
        self.affairs.idle_since = self.affairs.now
        if not spec.enabled:
            self.affairs.set_aside_at = datetime.now(UTC)
        self._attendant = Attendant(self.affairs, site=site, keeper=keeper)
        self._operator = asyncio.Lock()

    # What the pool and leases ask. Nothing here awaits.

    @property
    def name(self) -> str:
        return self.affairs.name

    @property
    def standing(self) -> Standing:
        return self.affairs.standing

    @property
    def leases(self) -> set[Lease]:
        return self.affairs.leases

    def may_lease(self, kind: str) -> bool:
        """Whether slots of a kind may be handed out now."""
        affairs = self.affairs
        return affairs.refusal() is None and not affairs.resting and affairs.standing.cooling(kind) is None

    def cool(self, kind: str, until: datetime, reason: str) -> None:
        """Let one kind of work rest until a moment (aware UTC)."""
        affairs = self.affairs
        affairs.standing.cool(Cooldown(kind, until, reason))
        rest_s = max(0.0, (until - datetime.now(UTC)).total_seconds())
        asyncio.get_running_loop().call_later(rest_s + 0.01, affairs.changed)
        affairs.event("kind cooling", reason, kind=kind, until=until.isoformat())
        affairs.changed()

    def reported(self, verdict: Verdict, *, by: Context) -> None:
        """Take a borrower's word about an answer of the site that it got in the browser *by*."""
        affairs = self.affairs
        if by is not affairs.context or affairs.held is not None:
            return
        match answer_to(
            verdict,
            now_in=affairs.standing.clearance,
            reloaded_s_ago=None if affairs.reloaded_at is None else affairs.now - affairs.reloaded_at,
            again_s=affairs.settings.reload_again_s,
        ):
            case Answer.NOTE:
                affairs.standing.learn(verdict.account)
                affairs.standing.verified_at = datetime.now(UTC)
                affairs.standing.refusals = 0
                affairs.reloaded_at = None  # the reload helped: another refusal may be answered by another one
            case Answer.SETTLE:
                affairs.standing.refused()
                self._attendant.judge.settle(verdict)
            case Answer.RELOAD:
                affairs.reported = verdict
                self._attendant.judge.want_reload()
                reason = verdict.reason or str(verdict.clearance)
                affairs.move(Clearance.VERIFYING, f"{reason}; reloading the page once")
            case Answer.IGNORE:
                pass

    def left(self, lease: Lease) -> None:
        """Note that a borrower is gone."""
        affairs = self.affairs
        affairs.leases.discard(lease)
        affairs.idle_since = affairs.now
        if affairs.standing.clearance is Clearance.CHALLENGED and not affairs.challenge_shown:
            affairs.plan_look(0.0)  # the page is free to show it
        affairs.poke()

    def reopen(self, *, check: bool) -> None:
        """Work with the directory again after `shut`."""
        affairs = self.affairs
        affairs.mode = Mode.OPEN
        affairs.quiet_by, affairs.retry_at = None, 0.0
        affairs.fail_all(affairs.closers, ProfileNotCleared(f"profile {self.name} was taken back meanwhile"))
        affairs.check_wanted = affairs.check_wanted or check
        affairs.changed()
        affairs.poke()

    def respec(self, spec: ProfileSpec) -> None:
        """Take a changed configuration; with another proxy the browser starts anew and is checked through it."""
        affairs = self.affairs
        moved, affairs.spec = spec.proxy != affairs.spec.proxy, spec
        if moved and affairs.mode is Mode.OPEN:
            affairs.check_wanted = True
            self._want_restart()

    def unhold(self) -> None:
        """Take the page back from the operator; the profile is checked next."""
        affairs = self.affairs
        held, affairs.held = affairs.held, None
        if held is not None and affairs.mode is Mode.OPEN:
            affairs.check_wanted = affairs.tidy_wanted = True
            affairs.idle_since = affairs.now
            affairs.event("hold ended")
            affairs.move(Clearance.VERIFYING, "checking after the operator's work")
        self._operator.release()
        affairs.changed()
        affairs.poke()

    # What borrowers and operators await. Their cancellation ends their waiting and nothing else.

    async def running(self) -> Context:
        """Wait until the browser may be used by a lease.

        Raises why it will not be: ProfileNotCleared, ProfileBusy, LaunchFailed, TransportFailed, SlotLost.
        """
        affairs = self.affairs
        while (context := affairs.usable()) is None:
            if (refusal := affairs.refusal()) is not None:
                raise refusal
            await self._asked(affairs.starters)
        return context

    async def check(self) -> Verdict:
        """Start the browser if needed, go home, judge, verify. Raises what prevented a verdict."""
        self._attend()
        if await asyncio.to_thread(self.keeper.has_import):
            self._want_restart()
        verdict: Verdict = await self._asked(self.affairs.checks)
        return verdict

    async def checkpoint(self) -> None:
        """Copy the state out now; a suspended profile's copy is its latest. Raises ProfileNotCleared, SlotLost."""
        affairs = self.affairs
        if not affairs.good:
            raise ProfileNotCleared(f"profile {self.name} is not signed in; its last good checkpoint is kept")
        if affairs.context is not None:
            affairs.save_wanted = True
            await self._asked(affairs.saves)

    async def hold(self, timeout_s: float) -> Held:
        """Drain the leases and give the page to an operator. Raises LeaseTimeout, ProfileNotCleared, and as `check`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._operator.acquire()
                try:
                    self._attend()
                    affairs = self.affairs
                    request: asyncio.Future[Held] = asyncio.get_running_loop().create_future()
                    affairs.hold_request = request
                    affairs.ask_quiet(min(affairs.settings.lease_grace_s, timeout_s / 2))
                    affairs.refuse_starters()
                    affairs.changed()
                    affairs.poke()
                    return await request
                except BaseException:
                    self.affairs.hold_request = None
                    self.unhold()
                    raise
        except TimeoutError:
            raise LeaseTimeout(f"profile {self.name} could not be had within {timeout_s:g} s") from None

    async def shut(self, mode: Mode, *, grace_s: float) -> None:
        """Close the browser and free the directory; leases get *grace_s* to end first."""
        affairs = self.affairs
        if mode is Mode.RELEASED and affairs.held is not None:
            raise ProfileBusy(f"profile {self.name} is held by an operator; end that first")
        affairs.mode = mode
        if mode is Mode.DISABLED:
            affairs.set_aside_at = datetime.now(UTC)
        affairs.rested = affairs.saved = False
        affairs.ask_quiet(grace_s)
        affairs.refuse_starters()
        affairs.fail_operators(ProfileNotCleared(f"profile {self.name} is being closed"))
        affairs.changed()
        await self._asked(affairs.closers)

    # The actor.

    async def run(self) -> None:
        """Work until the profile has left the pool."""
        affairs = self.affairs
        if affairs.standing.clearance in (Clearance.HELD, Clearance.DISABLED):
            affairs.standing.move(Clearance.VERIFYING)
        fresh = affairs.standing.clearance in (Clearance.NEW, Clearance.VERIFYING)
        affairs.check_wanted = fresh or await asyncio.to_thread(self.keeper.has_import)
        try:
            while not (affairs.mode is Mode.LEAVING and affairs.rested):
                step, until = next_step(affairs.view(), affairs.now)
                if step is Step.WAIT:
                    await self._wait(until)
                else:
                    await self._attendant.take(step)
                    affairs.serve_starters()
        finally:
            closed = PoolClosed("the pool is closed")
            affairs.fail_starters(closed)
            affairs.fail_operators(closed)
            await finish(self._attendant.abandon(), within_s=ABANDON_S, what=f"profile {self.name} leaving")
            affairs.settle_all(affairs.closers, None)

    async def _wait(self, until: float | None) -> None:
        wake = self.affairs.wake
        try:
            async with asyncio.timeout_at(until):
                await wake.wait()
        except TimeoutError:
            return
        wake.clear()

    async def _asked(self, waiting: list[asyncio.Future[Any]]) -> Any:
        """Wait in a list of those who want something done."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        self.affairs.poke()
        try:
            return await future
        finally:
            if future in waiting:
                waiting.remove(future)

    def _attend(self) -> None:
        """An operator looks after the profile: past crashes and pauses are forgotten. Raises ProfileNotCleared."""
        affairs = self.affairs
        if affairs.mode is not Mode.OPEN:
            refusal = affairs.refusal()
            assert refusal is not None
            raise refusal
        affairs.recycling.forgive()
        affairs.retry_at = 0.0

    def _want_restart(self) -> None:
        if self.affairs.context is not None:
            self.affairs.restart_wanted = True
            self.affairs.ask_quiet(self.affairs.settings.lease_grace_s)
        self.affairs.poke()
