"""The states of a task and the only moves between them; the store's SQL compares-and-sets the same pairs.

queued ──claim──▶ running ──succeed──▶ succeeded
  │ ▲               │ │ └────fail────▶ failed
  │ └─retry·rescue──┘ └─────cancel───▶ cancelled
  ├──cancel──▶ cancelled
  └──fail────▶ failed        (its deadline passed while it waited, or nobody can ever take it)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where a task is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What moves a task on."""

    CLAIM = "claim"
    SUCCEED = "succeed"
    RETRY = "retry"
    RESCUE = "rescue"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.QUEUED, Event.CLAIM): State.RUNNING,
    (State.QUEUED, Event.CANCEL): State.CANCELLED,
    (State.QUEUED, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.RETRY): State.QUEUED,  # run_at is set; completed steps are kept
    (State.RUNNING, Event.RESCUE): State.QUEUED,  # its worker vanished; resumes from its steps
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
}

FINAL: frozenset[State] = frozenset(State) - {state for state, _ in TRANSITIONS}


class Stage(StrEnum):
    """What a running task is busy with, in the order of a video's life."""

    UPLOAD = "upload"
    CREATE_POST = "create_post"
    SUBMIT = "submit"
    GENERATE = "generate"
    DOWNLOAD = "download"
