"""What becomes of a failed attempt: pure, so every input can be tried."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway import errors
from gateway.tasks.model import Task, VideoSpec
from gateway.tasks.retry import BACKOFF_CAP_S, WAIT_CAP_S, GiveUp, TryAgain, backoff_s, decide
from gateway.tasks.states import State

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.GatewayError) and kind is not errors.GatewayError
]
chances = some.floats(0, 1)


def a_task(*, attempt: int = 1, max_attempts: int = 4, claims: int | None = None) -> Task:
    return Task(
        id="t", key_id="k", dialect="d", model="m", kind="video", spec=VideoSpec("p"), state=State.RUNNING,
        created_at=datetime.now(UTC), attempt=attempt, max_attempts=max_attempts, claims=claims or attempt,
    )  # fmt: skip


def an_error(kind: type[errors.GatewayError], retry_after_s: float | None = None) -> errors.GatewayError:
    if kind is errors.UpstreamDrifted:
        return errors.UpstreamDrifted("m", field="f")
    return kind("m", retry_after_s=retry_after_s)


@pytest.mark.parametrize("kind", CLASSES)
@given(attempt=some.integers(1, 30), claims=some.integers(0, 60), chance=chances, bound=some.booleans())
def test_every_error_has_a_bounded_decision(
    kind: type[errors.GatewayError], attempt: int, claims: int, chance: float, bound: bool
) -> None:
    task = a_task(attempt=attempt, max_attempts=4, claims=attempt + claims)
    match decide(an_error(kind), task, bound=bound, bug_before=False, chance=chance):
        case GiveUp(failure):
            assert failure.code == kind.code
        case TryAgain(failure, after_s, charged):
            assert failure.code == kind.code
            assert kind.retryable
            assert 0 < after_s <= BACKOFF_CAP_S
            assert not charged or attempt < 4


@given(attempt=some.integers(1, 50), chance=chances)
def test_charged_errors_end_with_the_attempts(attempt: int, chance: float) -> None:
    decision = decide(
        errors.BrowserFailed("m"), a_task(attempt=attempt, max_attempts=5), bound=False, bug_before=False, chance=chance
    )
    assert isinstance(decision, TryAgain) == (attempt < 5)


@given(attempt=some.integers(1, 60), chance=chances)
def test_backoff_grows_to_its_cap_and_spreads(attempt: int, chance: float) -> None:
    assert backoff_s(attempt, 0.0) <= backoff_s(attempt, chance) <= backoff_s(attempt, 1.0) <= BACKOFF_CAP_S
    assert backoff_s(attempt + 1, chance) >= backoff_s(attempt, chance)
    assert backoff_s(attempt, 1.0) == 2 * backoff_s(attempt, 0.0)


@pytest.mark.parametrize(
    "kind",
    [
        errors.LoginRequired,
        errors.ChallengeRequired,
        errors.AntiBotRefused,
        errors.AccountBlocked,
        errors.StalePage,
        errors.RateLimited,
        errors.NoProfileReady,
        errors.ShuttingDown,
        errors.DatabaseUnavailable,
        errors.StorageFull,
    ],
)
def test_what_is_not_the_tasks_fault_is_not_charged(kind: type[errors.GatewayError]) -> None:
    worn_out = a_task(attempt=4, max_attempts=4)
    decision = decide(an_error(kind), worn_out, bound=True, bug_before=True, chance=0.5)
    assert isinstance(decision, TryAgain)
    assert not decision.charged


@pytest.mark.parametrize(
    "kind",
    [
        errors.OutcomeUnknown,
        errors.ContentModerated,
        errors.SuspectOutput,
        errors.UpstreamDrifted,
        errors.SpendingLimit,
    ],
)
def test_what_must_not_be_repeated_is_not(kind: type[errors.GatewayError]) -> None:
    assert isinstance(decide(an_error(kind), a_task(), bound=True, bug_before=False, chance=0.5), GiveUp)


def test_a_limited_account_is_waited_for_and_a_free_task_goes_elsewhere() -> None:
    limited = errors.RateLimited("m", retry_after_s=1800)
    tied = decide(limited, a_task(), bound=True, bug_before=False, chance=0.5)
    free = decide(limited, a_task(), bound=False, bug_before=False, chance=0.5)
    assert isinstance(tied, TryAgain)
    assert isinstance(free, TryAgain)
    assert tied.after_s == 1800
    assert free.after_s <= 10


def test_an_unready_profile_that_offers_itself_is_not_tried_in_a_tight_loop() -> None:
    waits = [
        decide(errors.LoginRequired("m"), a_task(claims=1 + vain), bound=True, bug_before=False, chance=0.0)
        for vain in range(12)
    ]
    seconds = [wait.after_s for wait in waits if isinstance(wait, TryAgain)]
    assert seconds == sorted(seconds)
    assert seconds[0] < 1
    assert seconds[-1] == WAIT_CAP_S / 2


def test_a_bug_is_tried_once_more_and_tells_nothing_of_itself() -> None:
    bug = KeyError("secret")
    once = decide(bug, a_task(), bound=False, bug_before=False, chance=0.5)
    assert isinstance(once, TryAgain)
    assert once.charged
    twice = decide(bug, a_task(attempt=2), bound=False, bug_before=True, chance=0.5)
    assert isinstance(twice, GiveUp)
    assert twice.failure.code == "internal"
    assert "secret" not in twice.failure.message
