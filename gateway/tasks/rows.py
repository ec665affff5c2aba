"""Between rows and the values of `model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, literal_column, select

from gateway.db.tables import task_attempts, task_events, task_steps, tasks
from gateway.tasks.model import Attempt, Failure, Preset, Step, Task, TaskEvent, VideoResult, VideoSpec
from gateway.tasks.states import FINAL, Stage, State
from gateway.tasks.versions import known, mode_of, mode_to_json, state_of

COLUMNS = [
    column for column in tasks.c if column.name not in ("prompt", "requires", "last_seq", "prune_at", "deleted_at")
]
TASKS = select(*COLUMNS)
STEPS = select(*[column for column in task_steps.c if column.name != "task_id"])
ATTEMPTS = select(*[column for column in task_attempts.c if column.name != "task_id"])
EVENTS = select(task_events)


def is_state(*states: State, of: FromClause = tasks) -> ColumnElement[bool]:
    """The task is in one of *states*. Written as literals: a partial index is only used where its words are in the query."""
    if len(states) == 1:
        return of.c.state == literal_column(f"'{states[0].value}'")
    return of.c.state.in_([literal_column(f"'{state.value}'") for state in states])


IS_QUEUED = is_state(State.QUEUED)
IS_RUNNING = is_state(State.RUNNING)
IS_FINAL = is_state(*sorted(FINAL))
IS_SHOWN = tasks.c.deleted_at.is_(None)


# What a result of another kind of work may not say.
_NOTHING_MADE = {
    "asset_id": None, "thumbnail_id": None, "size_bytes": 0, "width": 0, "height": 0, "duration_s": 0.0,
}  # fmt: skip


def task_of(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        key_id=row.key_id,
        dialect=row.dialect,
        model=row.model,
        kind=row.kind,
        spec=spec_of(row.spec),
        state=state_of(row),
        created_at=row.created_at,
        priority=row.priority,
        run_at=row.run_at,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        claims=row.claims,
        owner=row.owner,
        token=row.token,
        lease_until=row.lease_until,
        cancel_requested_at=row.cancel_requested_at,
        account_id=row.account_id,
        profile=row.profile,
        stage=known(Stage, row.stage),
        progress=row.progress,
        wait_code=row.wait_code,
        wait_reason=row.wait_reason,
        result=None if row.result is None else result_of(row.result),
        failure=failure_of(row.failure),
        deadline_at=row.deadline_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        idempotency_key=row.idempotency_key,
        request_hash=row.request_hash,
        dialect_data=row.dialect_data,
        trace_parent=row.trace_parent,
        retry_of=row.retry_of,
    )


def spec_of(stored: Mapping[str, Any]) -> VideoSpec:
    return VideoSpec(
        **{
            "prompt": "",
            **_known(VideoSpec, stored),
            "preset": known(Preset, stored.get("preset")) or Preset.CUSTOM,
            "mode": mode_of(stored),
            "image_assets": tuple(stored.get("image_assets", ())),
        }
    )


def result_of(stored: Mapping[str, Any]) -> VideoResult:
    return VideoResult(**{**_NOTHING_MADE, **_known(VideoResult, stored)})


def _known(kind: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of *stored* that *kind* has: a node of the next version may have written more."""
    return {name: stored[name] for name in kind.__slots__ if name in stored}


def spec_to_json(spec: VideoSpec) -> dict[str, Any]:
    return {
        **{name: getattr(spec, name) for name in VideoSpec.__slots__},
        **mode_to_json(spec.mode),
        "image_assets": list(spec.image_assets),
        "asked": dict(spec.asked),
    }


def result_to_json(result: VideoResult) -> dict[str, Any]:
    return {**{name: getattr(result, name) for name in VideoResult.__slots__}, "upstream": dict(result.upstream)}


def failure_of(stored: Mapping[str, Any] | None) -> Failure | None:
    return None if stored is None else Failure(**_known(Failure, stored))


def failure_to_json(failure: Failure) -> dict[str, Any]:
    return asdict(failure)


def step_of(row: Row[Any]) -> Step:
    return Step(
        name=row.name,
        done=row.done,
        intent=row.intent,
        external=row.external,
        output=row.output,
        token=row.token,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        number=row.number,
        profile=row.profile,
        owner=row.owner,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        failure=failure_of(row.failure),
    )


def event_of(row: Row[Any]) -> TaskEvent:
    return TaskEvent(task_id=row.task_id, seq=row.seq, at=row.at, type=row.type, data=row.data)
