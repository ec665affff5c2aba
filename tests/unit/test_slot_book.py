"""The book of slots under any sequence of takes, waits, withdrawals, returns, and profiles that come and go."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from browser.errors import BrowserError, PoolSaturated, ProfileNotCleared
from browser.slot import Slot, SlotBook, Waiter

TOTALS = {"chat": 2, "video": 1}
KINDS = st.sampled_from(sorted(TOTALS))
NAMES = st.sampled_from(["a", "b", "c"])


class SlotBookMachine(RuleBasedStateMachine):
    """Keeps its own simple account of who has what, and compares."""

    waiters = Bundle("waiters")
    in_hand = Bundle("in_hand")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.ready: set[str] = set()
        self.book = SlotBook(TOTALS, max_waiting=4, may_lease=lambda name, _: name in self.ready)
        self.present: set[str] = set()
        self.taken: set[Slot] = set()
        self.queue: list[Waiter] = []

    def teardown(self) -> None:
        self.loop.close()

    def got(self, slot: Slot) -> Slot:
        assert slot not in self.taken, f"{slot} was given twice"
        assert slot.profile in self.ready
        assert 0 <= slot.number < TOTALS[slot.kind]
        self.taken.add(slot)
        return slot

    def served(self) -> list[Slot]:
        """Take note of what waiters have been handed, and that it was the first ones who could use it."""
        slots = []
        for waiter in list(self.queue):
            if waiter.future.done():
                self.queue.remove(waiter)
                if waiter.future.exception() is None:
                    slots.append(self.got(waiter.future.result()))
        return slots

    @rule(name=NAMES)
    def profile_comes(self, name: str) -> None:
        if name not in self.present:
            self.present.add(name)
            self.book.add_profile(name)

    @rule(name=NAMES)
    def profile_goes(self, name: str) -> None:
        self.present.discard(name)
        self.ready.discard(name)
        self.book.remove_profile(name)

    @rule(target=in_hand, name=NAMES)
    def profile_becomes_ready(self, name: str):
        if name in self.present:
            self.ready.add(name)
        self.book.assign()
        return multiple(*self.served())

    @rule(name=NAMES)
    def profile_leaves_ready(self, name: str) -> None:
        self.ready.discard(name)
        self.book.refuse(lambda waiter: ProfileNotCleared("gone") if waiter.profile == name else None)
        assert self.served() == []

    @rule(target=in_hand, kind=KINDS, profile=st.none() | NAMES)
    def take(self, kind: str, profile: str | None):
        slot = self.book.take(kind, profile)
        if slot is None:
            return multiple()
        assert slot.kind == kind
        assert profile in (None, slot.profile)
        return self.got(slot)

    @rule(target=waiters, kind=KINDS, profile=st.none() | NAMES)
    def wait(self, kind: str, profile: str | None):
        async def enqueue() -> Waiter:
            return self.book.enqueue(kind, profile)

        if any(profile in (None, name) for name in self.book.free(kind)):
            return multiple()  # one would simply take it
        waiting = sum(waiter.kind == kind for waiter in self.queue)
        if waiting >= 4:
            with pytest.raises(PoolSaturated):
                self.loop.run_until_complete(enqueue())
            return multiple()
        waiter = self.loop.run_until_complete(enqueue())
        self.queue.append(waiter)
        return waiter

    @rule(target=in_hand, waiter=consumes(waiters))
    def withdraw(self, waiter: Waiter):
        """A borrower stops waiting, before or after it was handed a slot that it has not seen yet."""
        if waiter in self.queue:
            self.queue.remove(waiter)
            waiter.future.cancel()
            self.book.withdraw(waiter)
        elif waiter.future.exception() is None and waiter.future.result() in self.taken:
            return multiple()  # it has become somebody's lease, and is given back as that
        return multiple(*self.served())

    @rule(target=in_hand, slot=consumes(in_hand))
    def give_back(self, slot: Slot):
        self.taken.remove(slot)
        self.book.give_back(slot)
        served = self.served()
        if slot not in served:
            with pytest.raises(BrowserError, match="given back twice"):
                self.book.give_back(slot)
        return multiple(*served)

    @invariant()
    def every_slot_is_free_or_in_one_hand(self) -> None:
        for name in self.present:
            out = {slot for slot in self.taken if slot.profile == name}
            counts = self.book.counts(name)
            for kind, total in TOTALS.items():
                used = sum(slot.kind == kind for slot in out)
                assert (counts[kind].used, counts[kind].total) == (used, total)
                free = name in self.book.free(kind)
                assert free == (name in self.ready and used < total)

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        for waiter in self.queue:
            assert not waiter.future.done()
            assert not [name for name in self.book.free(waiter.kind) if waiter.profile in (None, name)]


SlotBookMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestSlotBook = SlotBookMachine.TestCase


async def test_a_profile_that_comes_back_does_not_bring_slots_that_are_still_out():
    book = SlotBook({"video": 1}, max_waiting=1, may_lease=lambda *_: True)
    book.add_profile("a")
    slot = book.take("video", None)
    assert slot is not None
    book.remove_profile("a")
    book.add_profile("a")
    assert book.take("video", None) is None
    book.give_back(slot)
    assert book.take("video", None) == slot
