"""What a profile's resident does next, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser.agenda import OPEN_PAGE, SETTLE_S, Mode, Step, View, next_step
from browser.clearance import Clearance
from browser.recycling import Recycling
from browser.standing import Answer, Standing, Verdict, answer_to

NOW = 100.0
ASLEEP = View(mode=Mode.OPEN, clearance=Clearance.READY, running=False)
AWAKE = View(mode=Mode.OPEN, clearance=Clearance.READY, running=True, good=True)


@pytest.mark.parametrize(
    ("view", "step", "until"),
    [
        (ASLEEP, Step.WAIT, None),
        (replace(ASLEEP, wanted=True), Step.LAUNCH, None),
        (replace(ASLEEP, keep_warm=True), Step.LAUNCH, None),
        (replace(ASLEEP, wanted=True, retry_at=NOW + 5), Step.WAIT, NOW + 5),
        (replace(ASLEEP, clearance=Clearance.LOGIN_REQUIRED), Step.LAUNCH, None),
        (replace(ASLEEP, clearance=Clearance.BLOCKED), Step.WAIT, None),
        (replace(ASLEEP, clearance=Clearance.CRASHED), Step.WAIT, None),
        (replace(ASLEEP, clearance=Clearance.CRASHED, check_wanted=True), Step.LAUNCH, None),
        (replace(ASLEEP, remains=True, wanted=True), Step.BURY, None),
        (replace(AWAKE, clearance=Clearance.CRASHED, good=False), Step.CLOSE, None),
        (replace(AWAKE, page_lost_at=NOW), Step.WAIT, NOW + SETTLE_S),
        (replace(AWAKE, page_lost_at=NOW - 1), Step.REOPEN, None),
        (replace(AWAKE, hold_waits=True, busy=True, quiet_by=NOW + 9), Step.WAIT, NOW + 9),
        (replace(AWAKE, hold_waits=True, busy=True, quiet_by=NOW), Step.GRANT, None),
        (replace(AWAKE, hold_waits=True, reload_wanted=True), Step.GRANT, None),
        (replace(AWAKE, reload_wanted=True, busy=True, quiet_by=NOW + 9), Step.WAIT, NOW + 9),
        (replace(AWAKE, reload_wanted=True), Step.RELOAD, None),
        (replace(AWAKE, restart_wanted=True, check_wanted=True), Step.CLOSE, None),
        (replace(AWAKE, check_wanted=True, busy=True), Step.CHECK, None),
        (replace(AWAKE, save_wanted=True), Step.SAVE, None),
        (replace(AWAKE, save_wanted=True, good=False), Step.WAIT, None),
        (replace(AWAKE, look_at=NOW + 3, suspend_at=NOW + 2), Step.WAIT, NOW + 2),
        (replace(AWAKE, look_at=NOW - 1, save_at=NOW - 2), Step.SAVE, None),
        (replace(AWAKE, look_at=NOW - 1, save_at=NOW - 2, good=False), Step.LOOK, None),
        (replace(AWAKE, peek_at=NOW), Step.PEEK, None),
        (replace(AWAKE, suspend_at=NOW), Step.SUSPEND, None),
        (replace(AWAKE, mode=Mode.LEAVING, busy=True, quiet_by=NOW + 9), Step.WAIT, NOW + 9),
        (replace(AWAKE, mode=Mode.LEAVING, busy=True, quiet_by=NOW), Step.SAVE, None),
        (replace(AWAKE, mode=Mode.RELEASED, saved=True), Step.CLOSE, None),
        (replace(AWAKE, mode=Mode.RELEASED, good=False), Step.CLOSE, None),
        (replace(ASLEEP, mode=Mode.RELEASED), Step.REST, None),
        (replace(ASLEEP, mode=Mode.DISABLED, rested=True, wanted=True), Step.WAIT, None),
    ],
)
def test_next_step(view: View, step: Step, until: float | None):
    assert next_step(view, NOW) == (step, until)


VIEWS = st.builds(
    View,
    mode=st.sampled_from(Mode),
    clearance=st.sampled_from(Clearance),
    running=st.booleans(),
    busy=st.booleans(),
    quiet_by=st.none() | st.floats(50, 150),
    remains=st.booleans(),
    page_lost_at=st.none() | st.floats(50, 150),
    rested=st.booleans(),
    wanted=st.booleans(),
    keep_warm=st.booleans(),
    retry_at=st.floats(50, 150),
    restart_wanted=st.booleans(),
    hold_waits=st.booleans(),
    reload_wanted=st.booleans(),
    check_wanted=st.booleans(),
    save_wanted=st.booleans(),
    good=st.booleans(),
    saved=st.booleans(),
    look_at=st.none() | st.floats(50, 150),
    save_at=st.none() | st.floats(50, 150),
    peek_at=st.none() | st.floats(50, 150),
    suspend_at=st.none() | st.floats(50, 150),
)

USES_THE_PAGE = {Step.GRANT, Step.RELOAD, Step.CHECK, Step.LOOK, Step.SAVE, Step.PEEK, Step.SUSPEND, Step.REOPEN}


@given(VIEWS)
def test_the_page_is_used_only_while_there_is_one_and_taken_only_when_its_leases_had_their_time(view: View):
    step, until = next_step(view, NOW)
    assert until is None or until > NOW, "a wait that is over would spin"
    if step in USES_THE_PAGE:
        assert view.running
        assert step is Step.REOPEN or view.page_lost_at is None
    if step in {Step.GRANT, Step.RELOAD}:
        assert not view.busy or (view.quiet_by is not None and view.quiet_by <= NOW)
    if step is Step.LAUNCH:
        assert not view.running
        assert not view.remains
        assert view.mode is Mode.OPEN
        assert view.retry_at <= NOW
    if view.mode is not Mode.OPEN:
        assert step in {Step.WAIT, Step.BURY, Step.SAVE, Step.CLOSE, Step.REST}


def test_a_page_is_kept_open_wherever_a_human_or_a_check_is_the_way_out():
    no_page = {Clearance.READY, Clearance.BLOCKED, Clearance.CRASHED, Clearance.DISABLED}
    assert set(Clearance) - no_page == OPEN_PAGE


@pytest.mark.parametrize(
    ("said", "now_in", "reloaded_s_ago", "answer"),
    [
        (Clearance.READY, Clearance.READY, None, Answer.NOTE),
        (Clearance.CHALLENGED, Clearance.READY, None, Answer.RELOAD),
        (Clearance.STALE_PAGE, Clearance.READY, 500, Answer.RELOAD),
        (Clearance.LOGIN_REQUIRED, Clearance.READY, None, Answer.RELOAD),
        (Clearance.CHALLENGED, Clearance.READY, 5, Answer.SETTLE),
        (Clearance.CHALLENGED, Clearance.VERIFYING, None, Answer.IGNORE),
        (Clearance.BLOCKED, Clearance.READY, None, Answer.SETTLE),
        (Clearance.BLOCKED, Clearance.VERIFYING, None, Answer.SETTLE),
        (Clearance.BLOCKED, Clearance.BLOCKED, None, Answer.IGNORE),
    ],
)
def test_what_a_borrowers_report_leads_to(said, now_in, reloaded_s_ago, answer):
    assert answer_to(Verdict(said), now_in=now_in, reloaded_s_ago=reloaded_s_ago, again_s=60) is answer


def test_a_profile_that_is_refused_after_every_passed_check_is_believed_later_each_time():
    standing = Standing(Clearance.READY)
    waits = []
    for _ in range(8):
        standing.refused()
        waits.append(standing.penalty_s(15))
    assert waits == [15, 30, 60, 120, 240, 480, 600, 600]


def test_three_restarts_in_ten_minutes_are_made_and_no_fourth():
    recycling = Recycling(limit=3, window_s=600)
    assert [recycling.crashed(at) for at in (0, 100, 200, 300)] == [True, True, True, False]
    assert recycling.crashed(601)  # the first one is forgotten by now
    assert [recycling.pause_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    recycling.started()
    assert recycling.pause_s() == 1
    recycling.forgive()
    assert recycling.count(602) == 0
