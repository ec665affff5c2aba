"""How slots get from profiles to borrowers and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from browser.clearance import Clearance
from browser.errors import BrowserError, LeaseTimeout, PoolClosed, ProfileUnknown
from browser.janitor import Janitor
from browser.lease import Lease
from browser.resident import Resident
from browser.slot import Slot, SlotBook, Waiter

log = structlog.get_logger(__name__)


class Lending:
    """Grants leases on the pool's profiles. residents: the pool's own table, which it changes."""

    def __init__(
        self,
        residents: Mapping[str, Resident],
        totals: Mapping[str, int],
        *,
        max_waiting: int,
        prefer: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self.book = SlotBook(totals, max_waiting=max_waiting, may_lease=self._may_lease, prefer=prefer)
        self.janitor = Janitor(self._give_back)
        self.closed = False
        self._residents = residents
        self._version = 0
        self._news = asyncio.Event()

    def changed(self) -> None:
        """Act on a change of what may be lent: refuse those who wait in vain, serve the others, tell the engines."""
        self.book.refuse(self._refusal)
        self.book.assign()
        self._version += 1
        self._news.set()
        self._news = asyncio.Event()

    def close(self) -> None:
        """Lend nothing more."""
        self.closed = True
        self.book.refuse(lambda _: PoolClosed("the pool is closing"))
        self.changed()

    async def wait_changed(self, seen: int) -> int:
        """Wait until something changed since *seen*; returns what to give next time. Raises PoolClosed."""
        while self._version == seen:
            if self.closed:
                raise PoolClosed("the pool is closed")
            await self._news.wait()
        return self._version

    async def granted(self, kind: str, profile: str | None, *, timeout_s: float) -> Lease:
        """Return a lease whose browser runs; one whose profile fails meanwhile moves on to another. See `Pool.lease`."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    slot = await self._slot(kind, profile)
                    resident = self._residents.get(slot.profile)
                    if resident is None:  # it left the pool in the tick in which its slot was handed to us
                        self.book.give_back(slot)
                        continue
                    try:
                        return await self._bound(Lease(slot, resident, dispose=self.janitor.take), resident)
                    except BrowserError as exc:
                        if self.closed:
                            raise PoolClosed("the pool is closing") from exc
                        if profile is not None:
                            raise
                        log.info("lease moved on", profile=slot.profile, kind=kind, error=str(exc))
        except TimeoutError:
            raise LeaseTimeout(self._why_not(kind, profile, timeout_s)) from None

    async def _bound(self, lease: Lease, resident: Resident) -> Lease:
        try:
            lease.bind(await resident.running())
        except BaseException:
            lease.end()
            raise
        return lease

    async def _slot(self, kind: str, profile: str | None) -> Slot:
        if self.closed:
            raise PoolClosed("the pool is closed")
        if kind not in self.book.totals:
            raise ValueError(f"no kind of work is called {kind!r}; there are {', '.join(self.book.totals)}")
        if profile is not None and (refusal := self._refusal_of(profile)) is not None:
            raise refusal
        self.book.assign()  # a cooldown may have ended by the clock alone
        if (slot := self.book.take(kind, profile)) is not None:
            return slot
        waiter = self.book.enqueue(kind, profile)
        try:
            return await waiter.future
        except BaseException:
            # A slot may have been handed to us in the very tick we were cancelled; it goes on to the next.
            self.book.withdraw(waiter)
            raise

    def _give_back(self, lease: Lease) -> None:
        self.book.give_back(lease.slot)
        self.changed()

    def _may_lease(self, name: str, kind: str) -> bool:
        resident = self._residents.get(name)
        return resident is not None and not self.closed and resident.may_lease(kind)

    def _refusal(self, waiter: Waiter) -> BrowserError | None:
        return None if waiter.profile is None else self._refusal_of(waiter.profile)

    def _refusal_of(self, profile: str) -> BrowserError | None:
        resident = self._residents.get(profile)
        return (
            ProfileUnknown(f"there is no profile {profile} in this pool")
            if resident is None
            else resident.affairs.refusal()
        )

    def _why_not(self, kind: str, profile: str | None, timeout_s: float) -> str:
        names = [name for name in sorted(self._residents) if profile in (None, name)]
        told = "; ".join(self._says(self._residents[name], kind) for name in names) or "there is no profile"
        return f"no slot for {kind} became free within {timeout_s:g} s: {told}"

    def _says(self, resident: Resident, kind: str) -> str:
        affairs = resident.affairs
        if (refusal := affairs.refusal()) is not None:
            return str(refusal)
        if (cooldown := affairs.standing.cooling(kind)) is not None:
            return f"{resident.name} rests until {_clock(cooldown.until)}: {cooldown.reason}"
        if affairs.context is None:
            return f"{resident.name} is being started" + (f": {affairs.trouble}" if affairs.trouble else "")
        assert affairs.clearance is Clearance.READY
        return f"{resident.name} is fully used"


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
