"""Who is served next: plain functions over plain values.

Tasks already begun at the site go first (their results expire there). Then by class (`rank_of` their priority); within one
fair between API keys, in proportion to their weights; within a key by age.

Higher classes go first, but not for ever: of ONE_OF places a class that waits gets one, however much waits above it. So
``low`` means late, not never, and ``high`` still has eight places of ten where all three wait.

Fair means start-time fair queueing: a key that was served carries a virtual finish time, raised by 1/weight per task, and
the key that would start earliest is next. A key that comes back after a pause starts at the present virtual time: it gets
its share from now on, not arrears. So no key can starve: while one waits, each other key is served at most about
weight/own weight times before it.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway.tasks.upstream import Offer

#: A class that waits gets one of so many places, whatever waits above it.
ONE_OF = 10


def rank_of(priority: int) -> int:
    """The class of a priority: 1 high, 0 normal, -1 low. Whatever numbers a later version may use, these three are kept apart."""
    return (priority > 0) - (priority < 0)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A runnable task. bound: work at the site has begun; held: only its own profile may go on with it for now."""

    id: str
    key_id: str
    created_at: datetime
    priority: int = 0
    requires: frozenset[str] = frozenset()
    bound: bool = False
    held: bool = False
    account_id: str | None = None
    profile: str | None = None

    def suits(self, offer: Offer) -> bool:
        """Whether *offer* may take this task."""
        if not self.requires <= offer.allows:
            return False
        if not self.bound:
            return True
        if offer.profile == self.profile:
            return None in (self.account_id, offer.account_id) or self.account_id == offer.account_id
        return not self.held and self.account_id is not None and self.account_id == offer.account_id


@dataclass(slots=True)
class Share:
    """What a key has had and may have. running counts its tasks at work now."""

    finish: float = 0.0
    weight: float = 1.0
    running: int = 0
    max_running: int | None = None

    @property
    def full(self) -> bool:
        return self.max_running is not None and self.running >= self.max_running


@dataclass(slots=True)
class Allotment:
    """Which task goes to which profile; the shares (changed), the virtual time, and the places that went past each class."""

    taken: list[tuple[Waiting, Offer]] = field(default_factory=list)
    clock: float = 0.0
    passed: dict[int, int] = field(default_factory=dict)


def allot(
    waiting: Iterable[Waiting],
    offers: Sequence[Offer],
    shares: Mapping[str, Share],
    *,
    clock: float,
    at_work: Mapping[str, int] | None = None,
    passed: Mapping[int, int] | None = None,
) -> Allotment:
    """Match tasks to offers. *shares* has an entry for every key; its entries are brought forward.

    at_work: tasks running by account, for offers whose account has a limit. passed: how many places in a row went to other
    classes while one waited.
    """
    done = Allotment(clock=clock, passed=dict(passed or {}))
    free = {offer.profile: offer.free for offer in offers}
    running = dict(at_work or {})
    fresh: dict[tuple[str, int, frozenset[str]], deque[Waiting]] = defaultdict(deque)
    begun: list[Waiting] = []
    for task in sorted(waiting, key=lambda w: (-w.priority, w.created_at, w.id)):
        if task.bound:
            begun.append(task)
        else:
            fresh[task.key_id, rank_of(task.priority), task.requires].append(task)

    def place(task: Waiting) -> Offer | None:
        suitable = [
            offer for offer in offers if free[offer.profile] > 0 and not is_full(offer, running) and task.suits(offer)
        ]
        # Its own profile first; else the least capable that will do, and of these the emptiest.
        return min(
            suitable,
            key=lambda o: (o.profile != task.profile, len(o.allows), -free[o.profile], o.profile),
            default=None,
        )

    def take(task: Waiting, offer: Offer) -> None:
        free[offer.profile] -= 1
        if offer.account_id is not None:
            running[offer.account_id] = running.get(offer.account_id, 0) + 1
        shares[task.key_id].running += 1
        done.taken.append((task, offer))

    for task in begun:
        if not shares[task.key_id].full and (offer := place(task)):
            take(task, offer)
    while any(free.values()):
        heads = [
            (task, offer)
            for line in fresh.values()
            if line and not shares[line[0].key_id].full and (task := line[0]) and (offer := place(task))
        ]
        if not heads:
            break
        starts = {task.key_id: max(done.clock, shares[task.key_id].finish) for task, _ in heads}
        rank = _next_class({rank_of(task.priority) for task, _ in heads}, done.passed)
        of_class = [head for head in heads if rank_of(head[0].priority) == rank]
        task, offer = min(of_class, key=lambda h: (-h[0].priority, starts[h[0].key_id], h[0].created_at, h[0].id))
        done.clock = min(starts.values())
        share = shares[task.key_id]
        share.finish = starts[task.key_id] + 1 / max(share.weight, 0.001)
        fresh[task.key_id, rank, task.requires].popleft()
        take(task, offer)
    return done


def _next_class(waiting: set[int], passed: dict[int, int]) -> int:
    """The class that gets the next place, of those *waiting*; the places that went past each are counted on."""
    due = [rank for rank in waiting if passed.get(rank, 0) >= ONE_OF - 1]
    served = max(due, key=lambda rank: (passed[rank], rank)) if due else max(waiting)
    for rank in waiting:
        passed[rank] = 0 if rank == served else passed.get(rank, 0) + 1
    return served


def others_before(place: int, rank: int, waiting: Mapping[int, int], passed: Mapping[int, int]) -> int:
    """How many tasks of other classes come before the *place*-th (from 1) of class *rank*. waiting: how many there are of
    each. Near, not exact, where three classes wait."""
    higher = sum(count for other, count in waiting.items() if other > rank)
    higher = min(higher, max(0, place * (ONE_OF - 1) - passed.get(rank, 0)))
    lower = 0
    for other, count in waiting.items():
        if other < rank and count:
            lower += min(count, (place + higher - 1 + passed.get(other, 0)) // (ONE_OF - 1))
    return higher + lower


def is_full(offer: Offer, running: Mapping[str, int]) -> bool:
    """Whether the offer's account has as many tasks at work as it may."""
    limit = offer.account_limit
    return limit is not None and offer.account_id is not None and running.get(offer.account_id, 0) >= limit


def ahead_of(start: float, count: int, share: Share, *, clock: float) -> int:
    """How many of another key's *count* waiting tasks would start before virtual time *start*."""
    first = max(clock, share.finish)
    return 0 if start <= first else min(count, math.ceil((start - first) * share.weight))


def start_of(rank: int, share: Share, *, clock: float) -> float:
    """The virtual start of a key's *rank*-th waiting task (from 1)."""
    return max(clock, share.finish) + (rank - 1) / max(share.weight, 0.001)
