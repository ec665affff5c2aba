"""Who has which slot, and who waits for one. Synchronous and without I/O, so that no await can lose a slot.

A slot is one place on a profile for one kind of work. At every moment it is free or in exactly one hand. Waiters are
served first come, first served within their kind; one who waits for a certain profile does not hold up the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from browser.errors import BrowserError, PoolSaturated
from browser.status import SlotCount


@dataclass(frozen=True, slots=True)
class Slot:
    """One place on a profile in which one lease at a time can do one kind of work."""

    profile: str
    kind: str
    number: int


@dataclass(eq=False, slots=True)
class Waiter:
    """A borrower in the queue. profile: the one it must have, None = any."""

    kind: str
    profile: str | None
    future: asyncio.Future[Slot] = field(repr=False)


class SlotBook:
    """The slots of all profiles.

    totals: slots per profile and kind. may_lease: whether a profile may be lent for a kind now (READY, not cooling). prefer: of
    equals the profile with the higher number goes first.
    After anything that could let a waiter go on, call `assign`.
    """

    def __init__(
        self,
        totals: Mapping[str, int],
        *,
        max_waiting: int,
        may_lease: Callable[[str, str], bool],
        prefer: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self.totals = dict(totals)
        self._max_waiting = max_waiting
        self._may_lease = may_lease
        self._prefer = prefer
        self._free: dict[str, dict[str, list[int]]] = {}
        self._out: set[Slot] = set()
        self._waiters: dict[str, deque[Waiter]] = {kind: deque() for kind in totals}
        self._last_used: dict[str, int] = {}
        self._uses = 0

    def add_profile(self, name: str) -> None:
        """Bring a profile's slots in; those still out from an earlier life of the same name come back as they are."""
        out = {(slot.kind, slot.number) for slot in self._out if slot.profile == name}
        self._free[name] = {
            kind: [number for number in range(total) if (kind, number) not in out]
            for kind, total in self.totals.items()
        }
        self._last_used.setdefault(name, 0)

    def remove_profile(self, name: str) -> None:
        """Take a profile's slots out; those in use are forgotten when they come back."""
        self._free.pop(name, None)
        self._last_used.pop(name, None)

    def free(self, kind: str) -> list[str]:
        """Return the profiles that could be lent for *kind* now, the one to take first in front.

        First the one with most free slots, then the preferred one, then the one used longest ago.
        """
        able = [name for name, kinds in self._free.items() if kinds.get(kind) and self._may_lease(name, kind)]
        return sorted(able, key=lambda name: (-len(self._free[name][kind]), -self._prefer(name), self._last_used[name]))

    def take(self, kind: str, profile: str | None) -> Slot | None:
        """Take a free slot of *profile* (None: of the best one), or return None."""
        able = self.free(kind)
        if profile is not None:
            able = [name for name in able if name == profile]
        if not able:
            return None
        name = able[0]
        slot = Slot(name, kind, self._free[name][kind].pop(0))
        self._out.add(slot)
        self._uses += 1
        self._last_used[name] = self._uses
        return slot

    def give_back(self, slot: Slot) -> None:
        """Put a slot back and hand it on to whoever waits."""
        if slot not in self._out:
            raise BrowserError(f"{slot} was given back twice")
        self._out.remove(slot)
        if slot.profile in self._free:
            self._free[slot.profile][slot.kind].append(slot.number)
        self.assign()

    def enqueue(self, kind: str, profile: str | None) -> Waiter:
        """Join the queue of *kind*. Raises PoolSaturated when it is full."""
        queue = self._waiters[kind]
        if len(queue) >= self._max_waiting:
            raise PoolSaturated(f"{len(queue)} requests already wait for a slot for {kind}")
        waiter = Waiter(kind, profile, asyncio.get_running_loop().create_future())
        queue.append(waiter)
        return waiter

    def withdraw(self, waiter: Waiter) -> None:
        """Leave the queue. A slot that had just been handed to the waiter goes on to the next one."""
        queue = self._waiters[waiter.kind]
        if waiter in queue:
            queue.remove(waiter)
        elif waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
            self.give_back(waiter.future.result())

    def assign(self) -> None:
        """Hand free slots to waiters, in order, as far as profiles may be lent."""
        for kind, queue in self._waiters.items():
            for waiter in list(queue):
                if not self.free(kind):
                    break
                if waiter.future.done():  # cancelled; its borrower has not run yet
                    continue
                slot = self.take(kind, waiter.profile)
                if slot is not None:
                    queue.remove(waiter)
                    waiter.future.set_result(slot)

    def refuse(self, error: Callable[[Waiter], BrowserError | None]) -> None:
        """Send waiters away: those for whom *error* returns something get it raised."""
        for queue in self._waiters.values():
            for waiter in list(queue):
                if not waiter.future.done() and (exc := error(waiter)) is not None:
                    queue.remove(waiter)
                    waiter.future.set_exception(exc)

    def waiting(self, kind: str) -> int:
        """Count the borrowers in the queue of *kind*."""
        return len(self._waiters[kind])

    def out(self, profile: str) -> int:
        """Count the slots of a profile that are in somebody's hand."""
        return sum(slot.profile == profile for slot in self._out)

    def counts(self, profile: str) -> dict[str, SlotCount]:
        """Tell how many slots of each kind are used and how many there are."""
        used = dict.fromkeys(self.totals, 0)
        for slot in self._out:
            if slot.profile == profile:
                used[slot.kind] += 1
        return {kind: SlotCount(used[kind], total) for kind, total in self.totals.items()}
