"""Finding out what became of a generation whose stream is gone: the site is asked, the request is never sent again."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import structlog

from browser.errors import BrowserError, SlotLost, TooLarge, TransportRefused
from gateway.errors import (
    BrowserFailed,
    ContentModerated,
    GatewayError,
    GenerationFailed,
    NoVideoInAnswer,
    ProfileNotReady,
    RateLimited,
    UpstreamDrifted,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.grok.addresses import generated_video_url
from gateway.grok.bodies import Generation
from gateway.grok.client import IMAGINE
from gateway.grok.errors import Finding, judge
from gateway.grok.exchange import from_browser
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.work import SUBMIT, Work
from gateway.grok.wire.problems import read_problem, read_stream_problem
from gateway.media.assets import video_asset_id
from gateway.tasks.states import Stage

log = structlog.get_logger(__name__)

#: How long a generation that the site reported as failed, or closed without a video, is still looked for: since it was
#: asked for, and at least.
DOUBT_S, LEAST_DOUBT_S = 15.0, 2.0
#: A text answer must be seen this often before it counts: the attachments may follow it.
TEXT_TIMES = 2
#: Every how many lookups the slower sources are asked too.
RARELY = 3
_DRIFTS = 3
#: How often in a row the site may not know a conversation of ours before it counts as gone.
UNKNOWN_TIMES = 6


async def follow(work: Work, sighting: Sighting, generation: Generation, *, patience_s: float) -> None:
    """Look until the video has an address, for *patience_s* at most; *sighting* takes in what is found.

    Raises ContentModerated, NoVideoInAnswer, what the site's answer had broken with, UpstreamTimeout, BrowserFailed,
    ProfileNotReady.
    """
    await work.journal.stage(Stage.GENERATE)
    follower = _Follower(work, sighting, generation)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max(0.0, patience_s)
    pause_s = min(1.0, work.settings.follow_poll_s)
    while True:
        before = sighting.stored()
        wait_s = await follower.look()
        if sighting.stored() != before:
            await work.journal.note(SUBMIT, sighting.stored())
            work.claims.hold(work.task.id, sighting.ids)
        check(sighting)
        if sighting.url:
            return
        if follower.texts >= TEXT_TIMES:
            raise text_instead(sighting)
        left_s = deadline - loop.time()
        if left_s <= 0 or follower.gone:
            raise follower.gave_up(patience_s)
        await asyncio.sleep(min(left_s, wait_s or pause_s))
        pause_s = min(work.settings.follow_poll_s, pause_s * 1.5)


def check(sighting: Sighting) -> None:
    """Raise ContentModerated when the site refused the result."""
    if sighting.moderated:
        why = f" ({sighting.rejection})" if sighting.rejection else ""
        raise ContentModerated(f"the site made the video and withholds it: content moderated{why}")


def text_instead(sighting: Sighting) -> NoVideoInAnswer:
    return NoVideoInAnswer(f"the site answered with text instead of a video: {sighting.text[:500]}")


def broken_with(sighting: Sighting) -> Finding | None:
    """Return what the site's answer broke with, None when it did not."""
    if not sighting.failed:
        drift = UpstreamDrifted(sighting.drifted, field="frame")
        return Finding("drift", drift) if sighting.drifted else None
    try:
        body = json.loads(sighting.failed)
    except ValueError:
        body = None
    if sighting.failed_status is None and isinstance(body, dict):
        problem = read_stream_problem(body)
    else:
        problem = read_problem(sighting.failed_status or 500, {}, sighting.failed)
    return judge(problem, datetime.now(UTC))


class _Follower:
    """Asks the site's several records of one generation, the telling ones first."""

    def __init__(self, work: Work, sighting: Sighting, generation: Generation) -> None:
        self._work = work
        self._sighting = sighting
        self._kind = IMAGINE if generation is Generation.G2 else None
        self._generation = generation
        self._round = 0
        self._errors: list[GatewayError] = []
        self.texts = 0
        self.gone = False
        self._unknown = 0

    async def look(self) -> float | None:
        """Ask once; returns how long to wait before the next time when the site says so (seconds)."""
        self._round += 1
        sighting = self._sighting
        looks = []
        if sighting.conversation_id:
            looks.append(self._conversation)
        if self._generation is Generation.G1 and sighting.post_id:
            looks.append(self._post)
        if self._round % RARELY == 0 or not looks:
            looks += [self._assets, self._probe]
        errors: list[GatewayError] = []
        for look in looks:
            try:
                await look()
            except (ProfileNotReady, BrowserFailed):
                raise
            except RateLimited as exc:
                return min(60.0, exc.retry_after_s or 15.0)
            except GatewayError as exc:
                log.info("lookup failed", error=exc.code, message=exc.message)
                errors.append(exc)
            if sighting.complete:
                return None
        drifted = [exc for exc in (*self._errors, *errors) if isinstance(exc, UpstreamDrifted)]
        if len(drifted) >= _DRIFTS:
            raise drifted[-1]
        self._errors = [*drifted, *(exc for exc in errors if not isinstance(exc, UpstreamDrifted))]
        return None

    def gave_up(self, patience_s: float) -> GatewayError:
        """Return why nothing was found."""
        sighting = self._sighting
        if (broken := broken_with(sighting)) is not None:
            return broken.error
        if sighting.answered and sighting.text and not sighting.video_seen:
            return text_instead(sighting)
        if sighting.answered or sighting.progress >= 100:
            return GenerationFailed("the site says the video is finished and shows none")
        if self.gone:
            return GenerationFailed("the site no longer knows the conversation in which it was making the video")
        if self._errors and isinstance(self._errors[-1], UpstreamDrifted):
            return self._errors[-1]
        return UpstreamTimeout(f"the site did not finish the video within {patience_s:.0f} s of following it")

    async def _conversation(self) -> None:
        try:
            turns = await self._work.client.turns(self._sighting.conversation_id, kind=self._kind)
        except UpstreamRefused:
            if self._kind is not None:  # g1 conversations are temporary; theirs may never be known here
                self._unknown += 1
                if self._unknown >= UNKNOWN_TIMES:
                    self.gone = True
                raise
            turns = await self._work.client.turns(self._sighting.conversation_id, kind=IMAGINE)
        self._unknown = 0
        self._sighting.see_turns(turns)
        own = [turn for turn in turns if not turn.human]
        errors = [error for turn in own for error in turn.errors]
        if errors and not self._sighting.complete and not self._sighting.failed:
            self._sighting.blame(None, json.dumps({"error": errors[0]}))
            raise judge(read_stream_problem({"error": errors[0]}), datetime.now(UTC)).error
        texts_only = self._sighting.answered and self._sighting.text and not self._sighting.attachments
        self.texts = self.texts + 1 if texts_only and not self._sighting.video_seen else 0

    async def _post(self) -> None:
        self._sighting.see_post(await self._work.client.post(self._sighting.post_id))

    async def _assets(self) -> None:
        sighting = self._sighting
        for asset in (await self._work.client.assets()).assets:
            ours = asset.id == sighting.video_id or (
                asset.conversation_id and asset.conversation_id == sighting.conversation_id
            )
            if ours and asset.is_video:
                sighting.see_asset(asset)

    async def _probe(self) -> None:
        """See whether the file lies at its default address already; costs a byte."""
        sighting = self._sighting
        file_id = sighting.video_id or (sighting.post_id if self._generation is Generation.G1 else "")
        if not file_id or not sighting.user_id:
            return
        url = generated_video_url(sighting.user_id, file_id)
        target = self._work.media.target(video_asset_id(self._work.task.id), ".probe")
        try:
            await self._work.lease.transport.download(url, into=target, limit_bytes=1, timeout_s=15)
        except TooLarge:
            sighting.url = url
        except TransportRefused:
            return
        except SlotLost as exc:
            raise from_browser(exc) from exc
        except BrowserError:
            return
        finally:
            await asyncio.to_thread(target.unlink, missing_ok=True)


async def look_once(work: Work, sighting: Sighting, generation: Generation) -> None:
    """Ask the site's records once more; what they cannot tell now is left as it is."""
    try:
        await _Follower(work, sighting, generation).look()
    except (ProfileNotReady, BrowserFailed):
        raise
    except GatewayError as exc:
        log.info("lookup failed", error=exc.code, message=exc.message)
