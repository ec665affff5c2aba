"""Which tasks a claim has to choose from: a few per key, however many wait.

Of n free places, at most the first n keys in the order of `fairness` can be served, each with at most n tasks. So the heads
of all keys are looked up (one step in an index per key), and then the next tasks of those n keys. Where what they need and
what is offered do not meet in these, a place stays free until the next claim, which follows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, combinations
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, and_, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.clock import Clock
from gateway.db.tables import tasks
from gateway.tasks.fairness import Share, Waiting
from gateway.tasks.rows import IS_QUEUED, is_state
from gateway.tasks.states import State
from gateway.tasks.upstream import Offer

MOST_BEGUN = 100
#: More words than these in one offer's ``allows`` are not looked at (sets of words are compared as text).
MOST_WORDS = 6
_BOUND: ColumnElement[bool] = literal_column("bound")  # as the partial index says it


class Candidates:
    """The runnable tasks of *kind* that *offers* may take. held_s: how long a begun task waits for its own profile."""

    def __init__(self, clock: Clock, kind: str, offers: Sequence[Offer], *, held_s: float) -> None:
        self._clock = clock
        self._kind = kind
        self._offers = offers
        self._held_s = held_s
        self._free = sum(offer.free for offer in offers)
        self._needs = sorted(set(chain.from_iterable(_texts_within(offer.allows) for offer in offers)))

    async def any(self, connection: AsyncConnection) -> bool:
        """Whether anything could run at all, suitable or not, of whatever kind: one step in one index."""
        runnable = select(tasks.c.run_at).where(IS_QUEUED, self._may_run(tasks)).order_by(tasks.c.run_at).limit(1)
        return (await connection.execute(runnable)).first() is not None

    async def begun(self, connection: AsyncConnection) -> list[Waiting]:
        """Tasks tied to an account or profile that is offered."""
        accounts = sorted({offer.account_id for offer in self._offers if offer.account_id is not None})
        profiles = sorted({offer.profile for offer in self._offers})
        fits = or_(tasks.c.profile.in_(profiles), and_(tasks.c.account_id.in_(accounts), ~self._held()))
        wanted = (
            self._columns()
            .where(IS_QUEUED, _BOUND, tasks.c.kind == self._kind, self._may_run(tasks), fits)
            .order_by(tasks.c.priority.desc(), tasks.c.run_at)
            .limit(max(MOST_BEGUN, 2 * self._free))
        )
        return [_waiting_of(row) for row in await connection.execute(wanted)]

    async def heads(self, connection: AsyncConnection) -> list[Waiting]:
        """The first suitable task of every key."""
        queued = (IS_QUEUED, tasks.c.kind == self._kind)
        keys = select(func.min(tasks.c.key_id).label("key_id")).where(*queued).cte("waiting_keys", recursive=True)
        after = select(func.min(tasks.c.key_id)).where(*queued, tasks.c.key_id > keys.c.key_id).scalar_subquery()
        keys = keys.union_all(select(after).where(keys.c.key_id.is_not(None)))
        line = tasks.alias("line")
        first = self._line(select(line.c.id), line).where(line.c.key_id == keys.c.key_id).limit(1)
        head = select(first.correlate(keys).scalar_subquery().label("id")).select_from(keys).subquery("heads")
        wanted = self._columns().join(head, head.c.id == tasks.c.id)
        return [_waiting_of(row) for row in await connection.execute(wanted)]

    async def lines(
        self, connection: AsyncConnection, heads: Iterable[Waiting], shares: Mapping[str, Share], *, clock: float
    ) -> list[Waiting]:
        """The next tasks of the keys that may be served now."""

        def turn(head: Waiting) -> tuple[Any, ...]:
            return -head.priority, max(clock, shares[head.key_id].finish), head.created_at, head.id

        first = sorted((head for head in heads if not shares[head.key_id].full), key=turn)[: self._free]
        if self._free == 1:
            return first
        found: list[Waiting] = []
        for head in first:
            wanted = self._line(self._columns(), tasks).where(tasks.c.key_id == head.key_id).limit(self._free)
            found += [_waiting_of(row) for row in await connection.execute(wanted)]
        return found

    # -- inside --------------------------------------------------------------------------------------------------
    def _columns(self) -> Select[Any]:
        names = ("id", "key_id", "created_at", "priority", "requires", "bound", "account_id", "profile")
        return select(*(tasks.c[name] for name in names), self._held().label("held")).select_from(tasks)

    def _line(self, wanted: Select[Any], of: FromClause) -> Select[Any]:
        """A key's tasks in the order in which they are taken."""
        return wanted.where(
            is_state(State.QUEUED, of=of),
            of.c.kind == self._kind,
            of.c.bound.is_(False),
            self._may_run(of),
            of.c.requires.in_(self._needs),
        ).order_by(of.c.priority.desc(), of.c.created_at, of.c.id)

    def _may_run(self, of: FromClause) -> ColumnElement[bool]:
        return of.c.run_at <= self._clock.now()

    def _held(self) -> ColumnElement[bool]:
        return tasks.c.run_at > self._clock.now(-self._held_s)


def _texts_within(words: frozenset[str]) -> list[str]:
    """Every set of needs that *words* satisfy, as ``tasks.requires`` writes it."""
    few = sorted(words)[:MOST_WORDS]
    return [" ".join(some) for size in range(len(few) + 1) for some in combinations(few, size)]


def _waiting_of(row: Row[Any]) -> Waiting:
    return Waiting(
        id=row.id,
        key_id=row.key_id,
        created_at=row.created_at,
        priority=row.priority,
        requires=frozenset(row.requires.split()),
        bound=row.bound,
        held=bool(row.held),
        account_id=row.account_id,
        profile=row.profile,
    )
