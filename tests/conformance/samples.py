"""Values for tests of the task core."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.tasks.model import Failure, NewTask, VideoResult, VideoSpec
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.store import Claim
from gateway.tasks.upstream import Offer

LEASE_S = 30.0
ME, OTHER = "node-a/1", "node-b/1"
_numbers = itertools.count(1)


def a_task(*, key: str = "key", prompt: str = "a lighthouse", **also: Any) -> NewTask:
    return NewTask(
        id=also.pop("id", f"task_{next(_numbers):06d}"),
        key_id=key,
        dialect=also.pop("dialect", "grok2api"),
        model="grok-imagine",
        spec=also.pop("spec", VideoSpec(prompt=prompt)),
        **also,
    )


def offer(
    profile: str = "main", *, account: str | None = "acc", free: int = 1, allows: frozenset[str] = frozenset()
) -> Offer:
    return Offer(profile=profile, account_id=account, free=free, allows=allows)


def a_result(task_id: str) -> VideoResult:
    return VideoResult(
        asset_id=f"{task_id}.v", thumbnail_id=f"{task_id}.t", size_bytes=10, width=3, height=2, duration_s=6.0,
        fingerprint="f", upstream={"video_id": "v"},
    )  # fmt: skip


def a_failure(code: str = "upstream_overloaded") -> Failure:
    return Failure(code, "The site sheds load.", stage="submit", retryable=True)


def in_s(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def claim(store: SqlTaskStore, *offers: Offer, worker: str = ME, lease_s: float = LEASE_S) -> list[Claim]:
    return list(await store.claim(worker, "video", offers or (offer(),), lease_s=lease_s))


async def claim_one(store: SqlTaskStore, *, worker: str = ME, lease_s: float = LEASE_S, **of: Any) -> Claim:
    (claimed,) = await claim(store, offer(**of), worker=worker, lease_s=lease_s)
    return claimed
