"""The values the task core speaks. Plain and frozen; no I/O. Times are aware UTC, durations seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from gateway.tasks.states import Stage, State


class VideoMode(StrEnum):
    """What a video is made from."""

    TEXT = "text"
    IMAGE = "image"  # one picture becomes the first frame
    REFERENCES = "references"  # pictures to take subjects and style from
    EXTEND = "extend"  # a longer version of a video made before
    UPSCALE = "upscale"  # the same video in more pixels
    LATER = "later"  # what a later version makes: shown here, never made (`versions`)


class Preset(StrEnum):
    """The site's styles; ``spicy`` only where the operator allowed it."""

    NORMAL = "normal"
    FUN = "fun"
    CUSTOM = "custom"
    SPICY = "spicy"


@dataclass(frozen=True, slots=True)
class VideoSpec:
    """What to make, in the site's own terms (already validated against the capability table).

    seconds, resolution (``480p``/``720p``) and aspect_ratio are the *effective* values; what the caller asked for, where
    it differed, stands in ``asked``. image_assets: ids in the media store, in the caller's order. source_task_id: the task
    whose video is extended or upscaled, start_s where the added part begins.
    """

    prompt: str
    seconds: int = 6
    resolution: str = "480p"
    aspect_ratio: str = "3:2"
    preset: Preset = Preset.NORMAL
    mode: VideoMode = VideoMode.TEXT
    image_assets: tuple[str, ...] = ()
    source_task_id: str | None = None
    start_s: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What came out. Sizes in bytes and pixels, duration in seconds.

    asset_id / thumbnail_id: in the media store, None once retention removed them. fingerprint: of the decoded picture.
    upstream: the site's own ids (``conversation_id``, ``video_id``, ``post_id``, ``asset_url``, echoed prompt), kept for
    extensions, recovery and diagnosis; never shown to API clients.
    """

    asset_id: str | None
    thumbnail_id: str | None
    size_bytes: int
    width: int
    height: int
    duration_s: float
    fingerprint: str = ""
    upstream: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task (or one attempt) failed: a stable code, a sentence for a person, the stage, whether a retry can help."""

    code: str
    message: str
    stage: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a task's end is to be told. base_url: how its caller reaches the gateway; links in the message begin with it."""

    url: str
    base_url: str


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task as a dialect asks for it. *id* carries the dialect's prefix and is what clients see.

    requires: what an account must allow beyond the ordinary (``15s``), in the words of `Offer.allows`. account_id: the one
    account that can make it, because what it goes on from lies there; profile: where that account was signed in then.
    retry_of: the task this one repeats.
    """

    id: str
    key_id: str
    dialect: str
    model: str
    spec: VideoSpec
    kind: str = "video"
    requires: frozenset[str] = frozenset()
    priority: int = 0
    max_attempts: int = 4
    deadline_at: datetime | None = None
    idempotency_key: str | None = None
    request_hash: str = ""
    dialect_data: Mapping[str, Any] = field(default_factory=dict)
    trace_parent: str | None = None
    account_id: str | None = None
    profile: str | None = None
    retry_of: str | None = None
    callback: Callback | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands in the store.

    attempt counts claims that were charged to the task (waiting for a human is not charged), claims all of them. token:
    fencing, raised by every claim and sweep. account_id is set once a side effect at the site bound the task to that
    account; profile is the one that works (or last worked) on it. wait_code/wait_reason: why a queued task that had been
    running waits.
    """

    id: str
    key_id: str
    dialect: str
    model: str
    kind: str
    spec: VideoSpec
    state: State
    created_at: datetime
    priority: int = 0
    run_at: datetime | None = None
    attempt: int = 0
    max_attempts: int = 4
    claims: int = 0
    owner: str | None = None
    token: int = 0
    lease_until: datetime | None = None
    cancel_requested_at: datetime | None = None
    account_id: str | None = None
    profile: str | None = None
    stage: Stage | None = None
    progress: int = 0
    wait_code: str | None = None
    wait_reason: str | None = None
    result: VideoResult | None = None
    failure: Failure | None = None
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    idempotency_key: str | None = None
    request_hash: str = ""
    dialect_data: Mapping[str, Any] = field(default_factory=dict)
    trace_parent: str | None = None
    retry_of: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpointed stage of a task.

    started without external = intent written, outcome unknown; external holds what the site revealed meanwhile; done
    carries the output and is never repeated.
    """

    name: str
    done: bool
    intent: Mapping[str, Any] = field(default_factory=dict)
    external: Mapping[str, Any] = field(default_factory=dict)
    output: Mapping[str, Any] = field(default_factory=dict)
    token: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task: who, when, and how it ended (``outcome``: succeeded, failed, retried, waiting, rescued, cancelled)."""

    number: int
    profile: str | None
    owner: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One line of a task's history; *seq* counts from 1 without gaps and serves as the SSE event id.

    type: ``accepted claimed stage progress waiting retrying rescued succeeded failed cancelled``.
    """

    task_id: str
    seq: int
    at: datetime
    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
