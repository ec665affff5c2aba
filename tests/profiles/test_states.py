"""The state machine as a table: every state is told, every arrow leads somewhere, nothing is a dead end."""

from datetime import UTC, datetime, timedelta

import pytest
import structlog
from structlog.testing import LogCapture

from browser.clearance import MOVES, NEXT_ACTION, Clearance, Cooldown, may_move
from browser.standing import Standing
from gateway.profiles.states import AWAY, COOLING, KINDS, LINE, STATES, Remedy, state_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def rests(*kinds: str, ended: bool = False) -> list[Cooldown]:
    until = NOW + timedelta(minutes=-1 if ended else 5)
    return [Cooldown(kind, until, "limit") for kind in kinds]


def test_every_state_is_in_the_table_and_told():
    assert set(MOVES) == set(Clearance) == set(NEXT_ACTION)
    assert set(STATES) == {state.value for state in Clearance} | {COOLING, AWAY}
    assert all(state.title and state.means.endswith(".") for state in STATES.values())
    assert set(LINE) <= set(STATES)


def test_no_state_is_a_dead_end_and_all_can_be_ready_again():
    for start in Clearance:
        reached, todo = {start}, [start]
        while todo:
            for after in MOVES[todo.pop()] - reached:
                reached.add(after)
                todo.append(after)
        assert Clearance.READY in reached, start


@pytest.mark.parametrize("before", [Clearance.HELD, Clearance.DISABLED, Clearance.BLOCKED, Clearance.CRASHED])
def test_these_are_looked_at_before_they_work_again(before):
    assert not may_move(before, Clearance.READY)
    assert may_move(before, Clearance.VERIFYING)


def test_what_was_not_foreseen_is_believed_and_said_to_be_a_mistake(monkeypatch):
    said = LogCapture()
    monkeypatch.setattr("browser.standing.log", structlog.wrap_logger(None, processors=[said]))
    standing = Standing(Clearance.BLOCKED, "")
    assert standing.move(Clearance.READY)
    assert standing.clearance is Clearance.READY
    assert [entry["event"] for entry in said.entries] == ["move not in the table"]


@pytest.mark.parametrize(
    ("clearance", "enabled", "held", "cooldowns", "shown"),
    [
        (Clearance.READY, True, False, [], "ready"),
        (Clearance.READY, True, False, rests("video"), "ready"),
        (Clearance.READY, True, False, rests(*KINDS), COOLING),
        (Clearance.READY, True, False, rests(*KINDS, ended=True), "ready"),
        (Clearance.CHALLENGED, True, False, rests(*KINDS), "challenged"),
        (Clearance.READY, False, True, [], "disabled"),
        (Clearance.LOGIN_REQUIRED, True, True, [], "held"),
    ],
)
def test_what_is_shown(clearance, enabled, held, cooldowns, shown):
    state = state_of(clearance, enabled=enabled, held=held, cooldowns=cooldowns, now=NOW)
    assert state.name == shown
    assert (state.remedy is Remedy.NONE) == (shown == "ready")
