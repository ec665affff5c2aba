"""What becomes of a task whose attempt failed. Pure: no clock, no chance of its own, no I/O.

| error                                        | the task                                                        |
|----------------------------------------------|-----------------------------------------------------------------|
| ProfileNotReady                              | waits uncharged; a suitable profile offering itself starts it   |
| RateLimited, NoProfileReady, other capacity  | waits uncharged for as long as the site says                    |
| StorageFull, MediaUnavailable                | waits uncharged, 10-30 s                                        |
| OutcomeUnknown, DeadlineExceeded             | fails; only its caller may risk a repetition                    |
| other retryable                              | charged; later by capped backoff with jitter, until used up     |
| an exception that is not ours                | a bug: charged, tried once more, then fails as ``internal``     |
| all others                                   | fails                                                           |
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import (
    CapacityError,
    DeadlineExceeded,
    GatewayError,
    Internal,
    MediaUnavailable,
    OutcomeUnknown,
    ProfileNotReady,
    StorageFull,
)
from gateway.tasks.model import Failure, Task

BACKOFF_BASE_S, BACKOFF_CAP_S = 2.0, 120.0
#: A profile that offers itself and then is not ready must not be tried in a tight loop.
WAIT_BASE_S, WAIT_CAP_S = 0.5, 10.0
#: A task that is tied to no account may go to another profile long before the limited one has rested.
UNBOUND_WAIT_S = 5.0
LIMITED_S = 10.0
FULL_S, FULL_SPREAD_S = 10.0, 20.0


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Back to the queue, runnable after *after_s*."""

    failure: Failure
    after_s: float
    charged: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The task fails."""

    failure: Failure


def decide(error: Exception, task: Task, *, bound: bool, bug_before: bool, chance: float) -> TryAgain | GiveUp:
    """Decide for *task*, whose current attempt is counted in ``attempt`` and ``claims`` already.

    bound: tied to an account. bug_before: an earlier attempt ended with an exception that is not ours. chance: 0-1.
    """
    failure = failure_of(error, task)
    wait_s = _uncharged_wait_s(error, task, bound=bound, chance=chance)
    if wait_s is not None:
        return TryAgain(failure, wait_s, charged=False)
    if isinstance(error, GatewayError):
        final = not error.retryable or isinstance(error, OutcomeUnknown | DeadlineExceeded)
        asked_s = error.retry_after_s or 0.0
    else:
        final, asked_s = bug_before, 0.0
    if final or task.attempt >= task.max_attempts:
        return GiveUp(failure)
    return TryAgain(failure, max(asked_s, backoff_s(task.attempt, chance)), charged=True)


def _uncharged_wait_s(error: Exception, task: Task, *, bound: bool, chance: float) -> float | None:
    """How long to wait for something that is not the task's fault; None where it is the work that failed."""
    match error:
        case ProfileNotReady():
            return _pause_s(task, chance)
        case StorageFull() | MediaUnavailable():
            return FULL_S + FULL_SPREAD_S * chance
        case CapacityError():
            asked_s = LIMITED_S if error.retry_after_s is None else error.retry_after_s
            return max(asked_s if bound else min(asked_s, UNBOUND_WAIT_S), _pause_s(task, chance))
    return None


def backoff_s(attempt: int, chance: float) -> float:
    """Seconds to wait after the *attempt*-th failure: doubling, capped, spread over the upper half."""
    full: float = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(max(attempt, 1) - 1, 16))
    return full * (0.5 + 0.5 * chance)


def _pause_s(task: Task, chance: float) -> float:
    in_vain = max(0, task.claims - task.attempt)
    full: float = min(WAIT_CAP_S, WAIT_BASE_S * 2.0 ** min(in_vain, 8))
    return full * (0.5 + 0.5 * chance)


def failure_of(error: Exception, task: Task) -> Failure:
    """The error as the task keeps it; of a bug only that it is one, its details are in the log."""
    stage = None if task.stage is None else task.stage.value
    if isinstance(error, GatewayError):
        return Failure(error.code, error.message, stage=stage, retryable=error.retryable)
    return Failure(Internal.code, "Something went wrong inside the gateway; its log has the details.", stage=stage)
