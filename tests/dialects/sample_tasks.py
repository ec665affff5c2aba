"""One task in every state that clients can meet it in, for the golden files of all dialects."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.tasks.model import Failure, Task, VideoResult, VideoSpec
from gateway.tasks.states import Stage, State

AT = datetime(2026, 2, 6, 12, 0, 0, 123456, tzinfo=UTC)


def link_to(asset_id: str, suffix: str) -> str:
    return f"https://gw.example/media/6a2b.sig/{asset_id}{suffix}"


def in_every_state(dialect: str, task_id: str, model: str, **more: Any) -> dict[str, Task]:
    """The same task, from its acceptance to each of its possible ends."""
    queued = Task(
        id=task_id, key_id="key_1", dialect=dialect, model=model, kind="video",
        spec=VideoSpec(prompt="a lighthouse", aspect_ratio="16:9", resolution="720p"), state=State.QUEUED, created_at=AT, **more,
    )  # fmt: skip
    running = replace(
        queued, state=State.RUNNING, started_at=AT + timedelta(seconds=1), stage=Stage.GENERATE, progress=45,
        profile="work-secret", account_id="acc-secret",
    )  # fmt: skip
    result = VideoResult(
        asset_id=f"{task_id}.v", thumbnail_id=f"{task_id}.t", size_bytes=1234567, width=1280, height=720, duration_s=6.04,
        fingerprint="ab" * 32, upstream={"asset_url": "https://assets.grok.com/secret", "conversation_id": "c-secret"},
    )  # fmt: skip
    over = {"finished_at": AT + timedelta(seconds=90), "expires_at": AT + timedelta(days=1, seconds=90)}
    done = replace(running, state=State.SUCCEEDED, progress=100, stage=Stage.DOWNLOAD, result=result, **over)

    def failed(code: str, message: str) -> Task:
        return replace(running, state=State.FAILED, failure=Failure(code, message, "generate"), **over)

    return {
        "queued": queued,
        "waiting": replace(running, state=State.QUEUED, wait_code="challenge_required", wait_reason="The site wants a human."),
        "running": running,
        "downloading": replace(running, stage=Stage.DOWNLOAD, progress=99),
        "done": done,
        "moderated": failed("content_moderated", "The site refuses this content."),
        "failed": failed("generation_failed", "The site reports that the generation failed."),
        "refused": failed("image_fetch_failed", "Image URL could not be fetched: HTTP status 400."),
        "upstream": failed("upstream_overloaded", "The site sheds load."),
        "bug": failed("internal", "The gateway failed at this task."),
        "cancelled": replace(running, state=State.CANCELLED, **over),
        "expired": replace(done, result=replace(result, asset_id=None, thumbnail_id=None)),
    }  # fmt: skip
