"""The result of a finished video: its files taken into the media store, and its facts as the step keeps them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from browser.transport import Download
from gateway.grok.bodies import Generation
from gateway.grok.ports import VideoFacts
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.work import Work
from gateway.grok.wire.fields import integer, mapping, number, text
from gateway.media.assets import Asset, AssetKind, thumbnail_asset_id, video_asset_id
from gateway.tasks.model import VideoResult


async def record(work: Work, fetched: Download, facts: VideoFacts, upstream: Mapping[str, Any]) -> VideoResult:
    """Take video and thumbnail into the media store and put the result together."""
    task = work.task
    owner: dict[str, Any] = {"key_id": task.key_id, "task_id": task.id, "width": facts.width, "height": facts.height}
    video = Asset(
        id=video_asset_id(task.id),
        kind=AssetKind.VIDEO,
        media_type="video/mp4",
        suffix=".mp4",
        size_bytes=fetched.size_bytes,
        sha256=fetched.sha256,
        duration_s=facts.duration_s,
        **owner,
    )
    await work.media.record(video)
    thumbnail_id = thumbnail_asset_id(task.id) if facts.thumbnail_jpeg else None
    if thumbnail_id is not None:
        await asyncio.to_thread(work.media.target(thumbnail_id, ".jpg").write_bytes, facts.thumbnail_jpeg)
        await work.media.record(
            Asset(
                id=thumbnail_id,
                kind=AssetKind.THUMBNAIL,
                media_type="image/jpeg",
                suffix=".jpg",
                size_bytes=len(facts.thumbnail_jpeg),
                sha256=hashlib.sha256(facts.thumbnail_jpeg).hexdigest(),
                **{key: value for key, value in owner.items() if key.endswith("_id")},
            )
        )
    return VideoResult(
        asset_id=video.id,
        thumbnail_id=thumbnail_id,
        size_bytes=fetched.size_bytes,
        width=facts.width,
        height=facts.height,
        duration_s=facts.duration_s,
        fingerprint=facts.fingerprint,
        upstream={key: value for key, value in upstream.items() if value},
    )


def upstream_facts(work: Work, sighting: Sighting, generation: Generation, url: str) -> dict[str, Any]:
    """Return the site's own ids of the video, for extensions, recovery and diagnosis."""
    return {
        "generation": generation.value,
        "profile": work.lease.profile,
        "account_id": work.account_id,
        "conversation_id": sighting.conversation_id,
        "response_id": sighting.response_id,
        "video_id": sighting.video_id,
        "post_id": sighting.post_id,
        "user_id": sighting.user_id,
        "asset_url": url,
        "asked_prompt": work.spec.prompt,
        "prompt": sighting.prompt,
        "model": sighting.model,
    }


def stored_result(result: VideoResult) -> dict[str, Any]:
    """Return *result* as plain JSON for the step."""
    return {
        "asset_id": result.asset_id,
        "thumbnail_id": result.thumbnail_id,
        "size_bytes": result.size_bytes,
        "width": result.width,
        "height": result.height,
        "duration_s": result.duration_s,
        "fingerprint": result.fingerprint,
        "upstream": dict(result.upstream),
    }


def read_result(output: Mapping[str, Any]) -> VideoResult:
    """Return what `stored_result` wrote."""
    return VideoResult(
        asset_id=text(output, "asset_id") or None,
        thumbnail_id=text(output, "thumbnail_id") or None,
        size_bytes=integer(output, "size_bytes") or 0,
        width=integer(output, "width") or 0,
        height=integer(output, "height") or 0,
        duration_s=number(output, "duration_s") or 0.0,
        fingerprint=text(output, "fingerprint"),
        upstream=dict(mapping(output, "upstream")),
    )
