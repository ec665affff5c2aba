"""The values of this package. Times are aware UTC, durations seconds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

#: The hint that something is to be sent, or became of what was sent (pages watch that).
TOPIC = "webhooks"

#: After the first try: pauses that grow threefold, up to three hours, each a fifth longer or shorter by chance (so that
#: receivers who come back are not overrun); given up a day after the news, or after somebody asked for it again.
FIRST_PAUSE_S, GROWTH, LONGEST_PAUSE_S, JITTER = 5.0, 3.0, 3 * 3600.0, 0.2
GIVE_UP_AFTER_S = 86400.0
LAST_TRY_BEFORE = timedelta(minutes=1)


class Channel(StrEnum):
    """Whom a delivery is for, and in which form."""

    TASK = "task"  # a caller's address, named when the task was made
    WEBHOOK = "webhook"  # the operator's, signed JSON
    NTFY = "ntfy"  # the operator's, a sentence with headers


class State(StrEnum):
    """Where a delivery is."""

    WAITING = "waiting"  # its task goes on
    PENDING = "pending"  # sent as soon as it is due
    DELIVERED = "delivered"  # answered with 2xx
    FAILED = "failed"  # given up
    GONE = "gone"  # answered with 410: the receiver wants no more


ENDED = frozenset({State.DELIVERED, State.FAILED, State.GONE})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. status: of the answer; error: why it does not count as delivered; answer: how its body begins."""

    number: int
    at: datetime
    duration_s: float | None = None
    status: int | None = None
    error: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one address. attempts: all of them; tries: since it was last asked for.

    data: what an operator's message says; a task is shown as it stands when it is sent. due_at: while it is being sent, the
    moment after which another node may.
    """

    id: str
    channel: Channel
    state: State
    url: str
    created_at: datetime
    task_id: str | None = None
    key_id: str | None = None
    base_url: str | None = None
    event: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    due_at: datetime | None = None
    give_up_at: datetime | None = None
    tries: int = 0
    attempts: int = 0
    ended_at: datetime | None = None
    history: Sequence[Attempt] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try ended. error '' means delivered; retry_after_s: what the receiver asked for; gone: it wants no more."""

    status: int | None = None
    error: str = ""
    answer: str = ""
    duration_s: float = 0.0
    retry_after_s: float | None = None

    @property
    def delivered(self) -> bool:
        return not self.error

    @property
    def gone(self) -> bool:
        return self.status == 410


def pause_s(tries: int, *, chance: float | None = None) -> float:
    """Return how long to wait after the *tries*-th try failed. chance: 0 to 1, random when not given."""
    plain = min(FIRST_PAUSE_S * GROWTH ** min(tries - 1, 20), LONGEST_PAUSE_S)
    spread = random.random() if chance is None else chance  # noqa: S311 (nobody gains by guessing it)
    return plain * (1 - JITTER + 2 * JITTER * spread)


def next_try_at(now: datetime, tries: int, *, give_up_at: datetime, retry_after_s: float | None) -> datetime | None:
    """Return when to try again after the *tries*-th try failed, None to give up.

    Never before the receiver asked for; one that asks for longer than there is time gets a last try at the end.
    """
    due_at = now + timedelta(seconds=pause_s(tries))
    if retry_after_s:
        asked_s = min(retry_after_s, GIVE_UP_AFTER_S)
        due_at = max(due_at, min(now + timedelta(seconds=asked_s), give_up_at - LAST_TRY_BEFORE))
    return due_at if due_at < give_up_at else None
