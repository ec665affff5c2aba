"""Which tasks a claim has to choose from: a few per key, however many wait.

Of n free places, at most the first n keys of each class in the order of `fairness` can be served, each with at most n tasks. So
the heads of all keys are looked up (a step in an index per key and class), and then the next tasks of those. Where what they
need and what is offered do not meet in these, a place stays free until the next claim, which follows at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, combinations
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Executable,
    FromClause,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.clock import Clock
from gateway.db.connect import Database
from gateway.db.node_life import has_no_node
from gateway.db.tables import tasks
from gateway.tasks.fairness import Share, Waiting, rank_of
from gateway.tasks.rows import IS_QUEUED, is_state
from gateway.tasks.states import State
from gateway.tasks.upstream import Offer
from gateway.tasks.versions import can_be_made_here

MOST_BEGUN = 100
#: More words than these in one offer's ``allows`` are not looked at (sets of words are compared as text).
MOST_WORDS = 6
# A key's classes, each a range of the same index.
_CLASSES: Mapping[int, Callable[[ColumnElement[int]], ColumnElement[bool]]] = {
    1: lambda priority: priority > 0,
    0: lambda priority: priority == 0,
    -1: lambda priority: priority < 0,
}
_BOUND: ColumnElement[bool] = literal_column("bound")  # as the partial index says it


class Questions:
    """The statements of `Candidates`, made once: building them costs more than asking them.

    held_s: how long a begun task waits for its own profile; not at all when that one's node is not at work.
    """

    def __init__(self, clock: Clock, kind: str, *, held_s: float) -> None:
        self._clock = clock
        self._kind = kind
        held = and_(tasks.c.run_at > clock.now(-held_s), ~has_no_node(clock, tasks.c.profile))
        names = ("id", "key_id", "created_at", "priority", "requires", "bound", "account_id", "profile")
        self._columns = select(*(tasks.c[name] for name in names), held.label("held")).select_from(tasks)
        self.any = select(tasks.c.run_at).where(IS_QUEUED, self._may_run(tasks)).order_by(tasks.c.run_at).limit(1)
        begun, heads = self._begun(held).subquery("begun"), self._heads().subquery("first")
        self.first = union_all(select(begun), select(heads))
        self._lines: dict[tuple[int, ...], Executable] = {}

    def lines(self, classes: tuple[int, ...]) -> Executable:
        """The next *free* tasks of each of so many keys, *key0* and on, in the class named for each, in one round trip."""
        if classes not in self._lines:
            of_key = [
                self._line(self._columns, tasks, rank)
                .where(tasks.c.key_id == bindparam(f"key{number}"))
                .limit(bindparam("free", type_=Integer))
                .subquery(f"line{number}")
                for number, rank in enumerate(classes)
            ]
            self._lines[classes] = union_all(*(select(one) for one in of_key))
        return self._lines[classes]

    def _begun(self, held: ColumnElement[bool]) -> Select[Any]:
        fits = or_(
            tasks.c.profile.in_(bindparam("profiles", expanding=True)),
            and_(tasks.c.account_id.in_(bindparam("accounts", expanding=True)), ~held),
        )
        return (
            self._columns.where(
                IS_QUEUED, _BOUND, tasks.c.kind == self._kind, self._may_run(tasks), fits, can_be_made_here(tasks)
            )
            .order_by(tasks.c.priority.desc(), tasks.c.run_at)
            .limit(bindparam("most", type_=Integer))
        )

    def _heads(self) -> Select[Any]:
        queued = (IS_QUEUED, tasks.c.kind == self._kind)
        keys = select(func.min(tasks.c.key_id).label("key_id")).where(*queued).cte("waiting_keys", recursive=True)
        after = select(func.min(tasks.c.key_id)).where(*queued, tasks.c.key_id > keys.c.key_id).scalar_subquery()
        keys = keys.union_all(select(after).where(keys.c.key_id.is_not(None)))
        line = tasks.alias("line")
        first = [
            self._line(select(line.c.id), line, rank).where(line.c.key_id == keys.c.key_id).limit(1)
            for rank in _CLASSES
        ]
        heads = [select(one.correlate(keys).scalar_subquery().label("id")).select_from(keys) for one in first]
        head = union_all(*heads).subquery("heads")
        return self._columns.join(head, head.c.id == tasks.c.id)

    def _line(self, wanted: Select[Any], of: FromClause, rank: int) -> Select[Any]:
        """A key's tasks of one class in the order in which they are taken."""
        return wanted.where(
            _CLASSES[rank](of.c.priority),
            is_state(State.QUEUED, of=of),
            of.c.kind == self._kind,
            of.c.bound.is_(False),
            self._may_run(of),
            of.c.requires.in_(bindparam("needs", expanding=True)),
            can_be_made_here(of),
        ).order_by(of.c.priority.desc(), of.c.created_at, of.c.id)

    def _may_run(self, of: FromClause) -> ColumnElement[bool]:
        return of.c.run_at <= self._clock.now()


@lru_cache(maxsize=8)
def questions(clock: Clock, kind: str, held_s: float) -> Questions:
    """The `Questions`, made at the first call."""
    return Questions(clock, kind, held_s=held_s)


class Candidates:
    """The runnable tasks that *offers* may take."""

    def __init__(self, questions: Questions, offers: Sequence[Offer]) -> None:
        self._ask = questions
        self._offers = offers
        self._free = sum(offer.free for offer in offers)
        self._needs = sorted(set(chain.from_iterable(_texts_within(offer.allows) for offer in offers)))

    async def any(self, db: Database) -> bool:
        """Whether anything could run at all, suitable or not, of whatever kind: one step in one index."""
        return bool(await db.rows(self._ask.any))

    async def first(self, connection: AsyncConnection) -> tuple[list[Waiting], list[Waiting]]:
        """Tasks tied to an account or profile that is offered; and the first suitable one of every key in each class."""
        asked = {
            "accounts": sorted({offer.account_id for offer in self._offers if offer.account_id is not None}),
            "profiles": sorted({offer.profile for offer in self._offers}),
            "most": max(MOST_BEGUN, 2 * self._free),
            "needs": self._needs,
        }
        found = [_waiting_of(row) for row in await connection.execute(self._ask.first, asked)]
        return [task for task in found if task.bound], [task for task in found if not task.bound]

    async def lines(
        self, connection: AsyncConnection, heads: Iterable[Waiting], shares: Mapping[str, Share], *, clock: float
    ) -> list[Waiting]:
        """The next tasks of the keys that may be served now."""

        def turn(head: Waiting) -> tuple[Any, ...]:
            return -head.priority, max(clock, shares[head.key_id].finish), head.created_at, head.id

        by_class: dict[int, list[Waiting]] = defaultdict(list)
        for head in sorted((head for head in heads if not shares[head.key_id].full), key=turn):
            by_class[rank_of(head.priority)].append(head)
        first = [head for rank in sorted(by_class, reverse=True) for head in by_class[rank][: self._free]]
        if self._free == 1 or not first:
            return first
        asked = {"needs": self._needs, "free": self._free}
        classes = tuple(rank_of(head.priority) for head in first)
        asked |= {f"key{number}": head.key_id for number, head in enumerate(first)}
        return [_waiting_of(row) for row in await connection.execute(self._ask.lines(classes), asked)]


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
