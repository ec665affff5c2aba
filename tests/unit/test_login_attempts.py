"""How often a password may be guessed."""

import pytest

from gateway.auth.attempts import PER_ADDRESS, TOGETHER, WINDOW_S, LoginAttempts
from gateway.console.events import areas_of
from gateway.errors import RateLimited


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_address_that_failed_often_waits_and_others_do_not(clock):
    attempts = LoginAttempts(clock)
    for _ in range(PER_ADDRESS):
        attempts.begin("a")
        clock.now += 10
    with pytest.raises(RateLimited) as refused:
        attempts.begin("a")
    assert refused.value.retry_after_s == WINDOW_S - PER_ADDRESS * 10
    attempts.begin("b")
    clock.now += refused.value.retry_after_s
    attempts.begin("a")
    with pytest.raises(RateLimited):
        attempts.begin("a")


def test_tries_side_by_side_are_counted_before_they_are_answered(clock):
    attempts = LoginAttempts(clock)
    with pytest.raises(RateLimited):
        for _ in range(PER_ADDRESS + 1):
            attempts.begin("a")


def test_whoever_succeeds_starts_anew(clock):
    attempts = LoginAttempts(clock)
    for _ in range(3 * PER_ADDRESS):
        attempts.begin("a")
        attempts.succeeded("a")


def test_everybody_together_is_limited_too(clock):
    attempts = LoginAttempts(clock)
    with pytest.raises(RateLimited):
        for number in range(TOGETHER + 1):
            attempts.begin(f"10.0.0.{number}")
    clock.now += WINDOW_S
    attempts.begin("10.0.0.1")


def test_topics_are_told_as_areas():
    assert areas_of({"task:task_1", "queue", "profiles", "audit"}) == ["audit", "profiles", "tasks"]
    assert areas_of(set()) == []
