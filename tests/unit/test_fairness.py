"""Who is served next. No key starves, whatever the weights, priorities and arrivals."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from gateway.tasks.fairness import ONE_OF, Share, Waiting, ahead_of, allot, others_before, rank_of, start_of
from gateway.tasks.upstream import Offer

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ONE = [Offer("p", "a", 1)]
weights = some.lists(some.integers(1, 20), min_size=1, max_size=6)


def waiting(number: int, key: str, **also: object) -> Waiting:
    return Waiting(id=f"{number:06d}", key_id=key, created_at=T0 + timedelta(seconds=number), **also)  # type: ignore[arg-type]


def serve(queue: list[Waiting], shares: dict[str, Share], rounds: int) -> list[str]:
    """One slot, *rounds* times; no key ever runs out."""
    clock, served = 0.0, []
    for _ in range(rounds):
        done = allot(queue, ONE, shares, clock=clock)
        clock = done.clock
        ((task, _),) = done.taken
        queue.remove(task)
        served.append(task.key_id)
    return served


@settings(max_examples=60)
@given(weights)
def test_nobody_starves_and_shares_follow_weights(sizes: list[int]) -> None:
    """Between two turns of a key, each other key has at most its weight's worth, rounded up; so the wait is bounded."""
    rounds = 3 * sum(sizes)
    keys = {f"k{i}": weight for i, weight in enumerate(sizes)}
    queue = [waiting(n, key) for n in range(rounds) for key in keys]
    served = serve(queue, {key: Share(weight=weight) for key, weight in keys.items()}, rounds)
    counts = Counter(served)
    for key, weight in keys.items():
        due = rounds * weight / sum(sizes)
        assert abs(counts[key] - due) <= len(keys), (key, counts, due)
        longest = sum(math.ceil(other / weight) + 1 for name, other in keys.items() if name != key)
        turns = [-1, *(i for i, name in enumerate(served) if name == key)]
        assert max(b - a for a, b in zip(turns, [*turns[1:], rounds], strict=True)) <= longest + 1


@settings(max_examples=60)
@given(some.lists(some.tuples(some.integers(0, 3), some.integers(0, 2)), min_size=1, max_size=40), some.integers(1, 8))
def test_priorities_go_first_and_age_decides_within_a_key(tasks: list[tuple[int, int]], free: int) -> None:
    queue = [waiting(n, f"k{key}", priority=priority) for n, (key, priority) in enumerate(tasks)]
    shares = {task.key_id: Share() for task in queue}
    taken = [task for task, _ in allot(queue, [Offer("p", "a", free)], shares, clock=0.0).taken]
    assert len(taken) == min(free, len(queue))  # fewer than ONE_OF: nobody has waited for long
    assert [task.priority for task in taken] == sorted((task.priority for task in taken), reverse=True)
    for key in shares:
        mine = [task for task in taken if task.key_id == key]
        assert (
            mine
            == sorted((t for t in queue if t.key_id == key), key=lambda t: (-t.priority, t.created_at))[: len(mine)]
        )


arrivals = some.lists(some.tuples(some.integers(0, 3), some.sampled_from([-10, 0, 10])), max_size=4)


@settings(max_examples=80)
@given(some.lists(arrivals, min_size=40, max_size=120), some.integers(1, 3))
def test_no_class_waits_for_ever_and_higher_ones_go_first(ticks: list[list[tuple[int, int]]], free: int) -> None:
    """Whatever arrives, and however many places a claim fills: while a class waits, at most ONE_OF places and one per other class
    go by; and a place goes past a higher class only to one that ONE_OF - 1 places went past."""
    queue: list[Waiting] = []
    shares: dict[str, Share] = defaultdict(Share)
    passed: Mapping[int, int] = {}
    went_by: Counter[int] = Counter()
    clock, number = 0.0, 0
    for tick in ticks:
        for key, priority in tick:
            queue.append(waiting(number := number + 1, f"k{key}", priority=priority))
            shares[f"k{key}"] = shares[f"k{key}"]
        done = allot(queue, [Offer("p", "a", free)], shares, clock=clock, passed=passed)
        clock, passed = done.clock, done.passed
        for task, _ in done.taken:
            there = {rank_of(other.priority) for other in queue}
            served = rank_of(task.priority)
            if served != max(there):
                assert went_by[served] >= ONE_OF - 1
            for rank in there:
                went_by[rank] = 0 if rank == served else went_by[rank] + 1
                assert went_by[rank] <= ONE_OF + 1
            queue.remove(task)


@settings(max_examples=80)
@given(*[some.integers(0, 40)] * 3, some.sampled_from([-1, 0, 1]), some.integers(1, 30))
def test_the_foretold_place_is_the_place_between_classes_too(
    low: int, normal: int, high: int, mine: int, place: int
) -> None:
    counts = {-1: low, 0: normal, 1: high}
    counts[mine] = max(counts[mine], place)
    queue = [waiting(n, "k", priority=10 * rank) for rank, count in counts.items() for n in range(count)]
    foretold = place + others_before(place, mine, counts, {})
    served = [task.priority for task, _ in allot(queue, [Offer("p", "a", len(queue))], {"k": Share()}, clock=0.0).taken]
    real = [n for n, priority in enumerate(served, 1) if priority == 10 * mine][place - 1]
    assert abs(real - foretold) <= 2 + real // 4


words = some.frozensets(some.sampled_from(["15s", "hd", "long"]), max_size=3)


@settings(max_examples=200)
@given(some.data())
def test_no_offer_is_oversold_and_no_task_goes_where_it_may_not(data: some.DataObject) -> None:
    offers = [
        Offer(f"p{i}", data.draw(some.sampled_from(["a", "b", None])), data.draw(some.integers(0, 3)), data.draw(words))
        for i in range(data.draw(some.integers(1, 4)))
    ]
    queue = [
        waiting(
            n, f"k{data.draw(some.integers(0, 2))}", requires=data.draw(words), bound=data.draw(some.booleans()),
            held=data.draw(some.booleans()), account_id=data.draw(some.sampled_from(["a", "b", None])),
            profile=data.draw(some.sampled_from(["p0", "p1", "gone"])),
        )
        for n in range(data.draw(some.integers(0, 15)))
    ]  # fmt: skip
    shares = {task.key_id: Share(max_running=data.draw(some.sampled_from([None, 0, 1, 3]))) for task in queue}
    running = Counter[str]()
    taken = allot(queue, offers, shares, clock=0.0).taken
    assert len({task.id for task, _ in taken}) == len(taken)
    used = Counter(offer.profile for _, offer in taken)
    assert all(used[offer.profile] <= offer.free for offer in offers)
    for task, offer in taken:
        running[task.key_id] += 1
        assert task.suits(offer)
        assert task.requires <= offer.allows
        if task.bound and task.account_id and offer.account_id:
            assert task.account_id == offer.account_id
        if task.bound and (task.held or task.account_id is None):
            assert task.profile == offer.profile
    for key, share in shares.items():
        assert share.max_running is None or running[key] <= share.max_running
    # Nothing that could be taken was left with room for it.
    left = [task for task in queue if task not in {task for task, _ in taken}]
    for task in left:
        for offer in offers:
            if used[offer.profile] < offer.free and task.suits(offer) and not shares[task.key_id].full:
                line = [t for t in left if (t.key_id, t.requires, t.bound) == (task.key_id, task.requires, task.bound)]
                assert not task.bound
                assert line[0] is not task


def test_the_finish_time_of_a_rested_key_is_brought_forward() -> None:
    shares = {"busy": Share(finish=10.0), "back": Share(finish=2.0)}
    queue = [waiting(n, key) for n in range(8) for key in shares]
    done = allot(queue, [Offer("p", "a", 6)], shares, clock=10.0)
    assert Counter(task.key_id for task, _ in done.taken) == {"busy": 3, "back": 3}


@settings(max_examples=80)
@given(some.lists(some.tuples(some.integers(1, 9), some.integers(0, 12)), min_size=1, max_size=5), some.integers(1, 12))
def test_the_foretold_place_is_the_place(keys: list[tuple[int, int]], rank: int) -> None:
    """The queue position is where the task really comes, give or take one task per other key (ties)."""
    counts = {f"k{i}": count for i, (_, count) in enumerate(keys)} | {"me": 12}
    shares = {f"k{i}": Share(weight=weight) for i, (weight, _) in enumerate(keys)} | {"me": Share(weight=2)}
    queue = [waiting(n * 10, key) for key, count in counts.items() for n in range(count)]
    mine = sorted((task for task in queue if task.key_id == "me"), key=lambda t: t.created_at)[rank - 1]
    start = start_of(rank, shares["me"], clock=0.0)
    foretold = rank + sum(ahead_of(start, counts[key], shares[key], clock=0.0) for key in counts if key != "me")
    served = [task for task, _ in allot(queue, [Offer("p", "a", len(queue))], shares, clock=0.0).taken]
    assert abs(served.index(mine) + 1 - foretold) <= len(keys)
