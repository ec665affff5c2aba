"""Fetching the finished video with the profile's own browser, and checking that it is what was promised."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from browser import errors as browser
from browser.clearance import Clearance, Verdict
from browser.transport import Download
from gateway.errors import (
    BrowserFailed,
    ContentModerated,
    DownloadFailed,
    InvalidMedia,
)
from gateway.grok.addresses import asset_url, generated_video_url, owner_of
from gateway.grok.bodies import Generation
from gateway.grok.errors import judge
from gateway.grok.exchange import from_browser
from gateway.grok.ports import VideoFacts
from gateway.grok.standing import not_ready
from gateway.grok.steps.follow import check
from gateway.grok.steps.result import record, stored_result, upstream_facts
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.work import DOWNLOAD, Work, started_at
from gateway.grok.verify import judge_session
from gateway.grok.wire.fields import integer, mapping, text
from gateway.grok.wire.problems import Problem, read_problem
from gateway.media.assets import video_asset_id
from gateway.tasks.model import VideoMode, VideoResult
from gateway.tasks.states import Stage

log = structlog.get_logger(__name__)

#: Broken transfers of one file that are tried again within an attempt.
TRANSFERS = 3
#: Before a file that is not there yet is asked for again; doubles up to the pace of following.
FIRST_PAUSE_S = 0.5
#: A file that earlier attempts waited for in vain is given so long once more (seconds).
LEAST_WAIT_S = 2.0
#: How far a clip may be from its promised length: seconds, or a part of it, whichever is more (10.04 s for 10 were seen).
SLACK_S, SLACK_PART = 1.0, 0.15

#: What the step notes of a file that was fetched whole.
FETCHED = "fetched"

Recheck = Callable[[], Awaitable[None]]


async def download(work: Work, sighting: Sighting, generation: Generation, look_again: Recheck) -> VideoResult:
    """Fetch the video into the media store and describe it.

    look_again: asks the site once more about the generation (the file may be late, or withheld after all). Raises
    ContentModerated, DownloadFailed, InvalidMedia, StorageFull, BrowserFailed, ProfileNotReady.
    """
    url = address_of(sighting, generation)
    await work.journal.stage(Stage.DOWNLOAD, 99)
    await work.begin(DOWNLOAD, {"url": url})
    fetched = await _fetched_before(work) or await _fetch(work, sighting, url, look_again)
    # The store may be away for longer than this attempt lives; the next one then keeps the file that is here.
    await work.journal.note(DOWNLOAD, {FETCHED: _noted(fetched)})
    try:
        facts = await asyncio.to_thread(work.inspect, fetched.path)
    except InvalidMedia as exc:  # a transfer that lost something looks the same; the file is asked for once more
        log.warning("video not readable", reason=exc.message, size_bytes=fetched.size_bytes)
        fetched = await _fetch(work, sighting, url, look_again)
        facts = await asyncio.to_thread(work.inspect, fetched.path)
    _check_length(work, facts)
    result = await record(work, fetched, facts, upstream_facts(work, sighting, generation, url))
    await work.journal.finish(DOWNLOAD, stored_result(result))
    return result


def address_of(sighting: Sighting, generation: Generation) -> str:
    """Return where the video is: as the site says, else at its default place. Raises UpstreamDrifted, DownloadFailed."""
    if sighting.url:
        return asset_url(sighting.url)
    owner = sighting.user_id or owner_of(sighting.thumbnail)
    file_id = sighting.video_id or (sighting.post_id if generation is Generation.G1 else "")
    if not owner or not file_id:
        raise DownloadFailed("the site named no address for the finished video")
    return generated_video_url(owner, file_id)


async def _fetched_before(work: Work) -> Download | None:
    """Return the file that an earlier attempt fetched whole on this node and could not hand to the media store."""
    step = work.step(DOWNLOAD)
    noted = {} if step is None else mapping(step.external, FETCHED)
    target = work.media.target(video_asset_id(work.task.id), ".mp4")
    size_bytes, sha256 = integer(noted, "size_bytes"), text(noted, "sha256")
    if not sha256 or await asyncio.to_thread(_told_apart, target) != (size_bytes, sha256):
        return None
    log.info("video kept", reason="it was fetched before, and the media store did not take it", size_bytes=size_bytes)
    return Download(target, size_bytes or 0, sha256, text(noted, "media_type"))


def _noted(fetched: Download) -> dict[str, Any]:
    return {"size_bytes": fetched.size_bytes, "sha256": fetched.sha256, "media_type": fetched.media_type}


def _told_apart(file: Path) -> tuple[int, str] | None:
    """Size in bytes and SHA-256 (hex) of *file*; None when there is none."""
    try:
        with file.open("rb") as opened:
            return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()
    except FileNotFoundError:
        return None


async def _fetch(work: Work, sighting: Sighting, url: str, look_again: Recheck) -> Download:
    """Fetch *url*, waiting for a file that is late."""
    loop = asyncio.get_running_loop()
    settings = work.settings
    step = work.step(DOWNLOAD)
    waited_s = 0.0 if step is None else (datetime.now(UTC) - started_at(step)).total_seconds()
    deadline = loop.time() + max(min(LEAST_WAIT_S, settings.asset_wait_s), settings.asset_wait_s - max(0.0, waited_s))
    broken, late = 0, 0
    target = work.media.target(video_asset_id(work.task.id), ".mp4")
    while True:
        try:
            fetched = await work.lease.transport.download(
                url, into=target, limit_bytes=settings.max_video_bytes, timeout_s=settings.download_timeout_s
            )
            if "html" not in fetched.media_type:
                return fetched
            raise await _page_instead(fetched)
        except browser.TransportRefused as exc:
            late += 1
            await _judge_refusal(work, exc)
            if late % 2 == 0:
                await look_again()
                check(sighting)
            if loop.time() >= deadline:
                raise _lost_file(sighting, exc) from exc
        except browser.TooLarge as exc:
            raise InvalidMedia(
                f"the video is larger than the {settings.max_video_bytes} bytes this gateway keeps (GATEWAY_MAX_VIDEO_BYTES)"
            ) from exc
        except (browser.TransportTimeout, browser.TransportFailed) as exc:
            broken += 1
            if broken >= TRANSFERS:
                raise DownloadFailed(f"the video exists at the site and could not be fetched: {exc}") from exc
        except browser.BrowserError as exc:
            raise from_browser(exc) from exc
        await asyncio.sleep(min(settings.follow_poll_s, FIRST_PAUSE_S * 2 ** min(late + broken - 1, 6)))


async def _page_instead(fetched: Download) -> browser.TransportRefused:
    """A web page came in the file's place: the refusal it stands for."""

    def start() -> str:
        with fetched.path.open("rb") as file:
            return file.read(64 * 1024).decode("utf-8", "replace")

    page = await asyncio.to_thread(start)
    return browser.TransportRefused(
        "a web page came in its place", status=403, body=page, headers={"content-type": "text/html"}
    )


async def _judge_refusal(work: Work, exc: browser.TransportRefused) -> None:
    """Raise when the refusal is about the profile; return when the file may still come."""
    problem = read_problem(exc.status, exc.headers, exc.body)
    finding = judge(problem, datetime.now(UTC))
    if finding.row == "moderation":
        raise finding.error
    if exc.status not in {401, 403}:
        return
    if finding.row in {"challenge", "anti_bot", "account_blocked"} and _tells(problem):
        assert isinstance(finding.effect, Verdict)
        work.lease.report(finding.effect)
        raise finding.error
    # the assets host refuses strangers with a bare 403; whether we became one, the session tells
    verdict = await _session_verdict(work)
    if verdict is not None and verdict.clearance is not Clearance.READY:
        work.lease.report(verdict)
        raise not_ready(verdict)


def _tells(problem: Problem) -> bool:
    """Whether it is the page of a challenge or block itself, and not just some page or nothing with the same status."""
    return not problem.empty and (not problem.is_page or problem.mentions("just a moment", "_cf_chl", "blocked"))


async def _session_verdict(work: Work) -> Verdict | None:
    try:
        return judge_session(await work.lease.transport.fetch("GET", "/api/auth/session", timeout_s=15))
    except browser.SlotLost as exc:
        raise BrowserFailed(str(exc)) from exc
    except browser.BrowserError:
        return None


def _lost_file(sighting: Sighting, exc: browser.TransportRefused) -> Exception:
    if exc.status in {404, 410} and sighting.answered and not sighting.attachments and sighting.conversation_id:
        # seen: a moderated turn lists an address, has no attachments, and its file never appears
        return ContentModerated("the site lists the video and never shows it: content moderated")
    return DownloadFailed(f"the video exists at the site and its file does not appear: {exc}")


def _check_length(work: Work, facts: VideoFacts) -> None:
    spec = work.spec
    slack_s = max(SLACK_S, SLACK_PART * spec.seconds)
    too_short = facts.duration_s < spec.seconds - slack_s
    # an extension is stitched to the video it extends, so it may be longer than what was asked for; so may one of it
    too_long = spec.mode not in {VideoMode.EXTEND, VideoMode.UPSCALE} and facts.duration_s > spec.seconds + slack_s
    if too_short or too_long:
        raise InvalidMedia(f"the site sent a video of {facts.duration_s:.1f} s where {spec.seconds} s were asked for")
