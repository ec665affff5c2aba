"""Who is served next: plain functions over plain values.

Tasks already begun at the site go first (their results expire there). Then by priority; among equals fair between API
keys, in proportion to their weights; within a key by age.

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
    """Which task goes to which profile; the shares (changed) and the virtual time after it."""

    taken: list[tuple[Waiting, Offer]] = field(default_factory=list)
    clock: float = 0.0


def allot(
    waiting: Iterable[Waiting],
    offers: Sequence[Offer],
    shares: Mapping[str, Share],
    *,
    clock: float,
    at_work: Mapping[str, int] | None = None,
) -> Allotment:
    """Match tasks to offers. *shares* has an entry for every key; its entries are brought forward.

    at_work: tasks running by account, for offers whose account has a limit.
    """
    done = Allotment(clock=clock)
    free = {offer.profile: offer.free for offer in offers}
    running = dict(at_work or {})
    fresh: dict[tuple[str, frozenset[str]], deque[Waiting]] = defaultdict(deque)
    begun: list[Waiting] = []
    for task in sorted(waiting, key=lambda w: (-w.priority, w.created_at, w.id)):
        if task.bound:
            begun.append(task)
        else:
            fresh[task.key_id, task.requires].append(task)

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
        task, offer = min(heads, key=lambda h: (-h[0].priority, starts[h[0].key_id], h[0].created_at, h[0].id))
        done.clock = min(starts.values())
        share = shares[task.key_id]
        share.finish = starts[task.key_id] + 1 / max(share.weight, 0.001)
        fresh[task.key_id, task.requires].popleft()
        take(task, offer)
    return done


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
