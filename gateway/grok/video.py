"""Makes one video at the site, from the task's steps as they stand to a checked MP4 in the media store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from browser.errors import BrowserError
from gateway.errors import (
    BrowserFailed,
    FileMissing,
    GatewayError,
    OutcomeUnknown,
    ProfileNotReady,
    RateLimited,
    UnsupportedParameter,
)
from gateway.grok.addresses import asset_url
from gateway.grok.bodies import Generation, SourceVideo, g1_video, g2_video
from gateway.grok.client import GrokClient
from gateway.grok.errors import refuses_shape
from gateway.grok.exchange import from_browser, refusal_of
from gateway.grok.memory import ProfileMemory
from gateway.grok.ports import (
    ClaimedElsewhere,
    InspectVideo,
    Lease,
    Pool,
    RememberGeneration,
    SawOutcome,
    UpstreamOf,
    nothing_claimed,
)
from gateway.grok.quota import QuotaBook, with_known_end
from gateway.grok.standing import why_lost
from gateway.grok.steps.claims import Claims
from gateway.grok.steps.download import download
from gateway.grok.steps.follow import DOUBT_S, LEAST_DOUBT_S, broken_with, check, follow, look_once
from gateway.grok.steps.prepare import Post, create_post, upload
from gateway.grok.steps.reconcile import Presence, reconcile
from gateway.grok.steps.result import read_result
from gateway.grok.steps.shapes import Shape, shapes_for
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.stream import Ended
from gateway.grok.steps.submit import Ask, ShapeRefused, likeness_of, submit
from gateway.grok.steps.upscale import upscale
from gateway.grok.steps.work import DOWNLOAD, SUBMIT, Work, started_at
from gateway.grok.wire.fields import text
from gateway.grok.wire.uploads import UploadedFile
from gateway.media.assets import Media
from gateway.media.inspect import inspect_video
from gateway.settings import OnAmbiguous, Settings
from gateway.tasks.model import Step, Task, VideoMode, VideoResult
from gateway.tasks.states import Stage
from gateway.tasks.upstream import Journal

log = structlog.get_logger(__name__)

KIND = "video"
#: The engine claims a task when a slot is free; this is only for the moment in which that stopped being true.
LEASE_TIMEOUT_S = 30.0
#: A generation resumed after its time was over may be ready all the same: it is still looked for this long.
LATE_S = 20.0


class GrokVideoMaker:
    """Implements ``gateway.tasks.upstream.VideoMaker``.

    claimed_elsewhere: ids at the site that other tasks' steps hold. upstream_of: the site's ids of a finished task, for
    extensions. generations: which generation of the protocol each profile took before; *remember* is told of changes.
    outcome: told of each request what became of it, by profile.
    """

    def __init__(
        self,
        pool: Pool,
        media: Media,
        settings: Settings,
        *,
        claimed_elsewhere: ClaimedElsewhere = nothing_claimed,
        upstream_of: UpstreamOf | None = None,
        generations: Mapping[str, str] | None = None,
        remember: RememberGeneration | None = None,
        quota: QuotaBook | None = None,
        outcome: SawOutcome = lambda _profile, _outcome: None,
        inspect: InspectVideo = inspect_video,
    ) -> None:
        self._pool = pool
        self._media = media
        self._settings = settings
        self._upstream_of = upstream_of
        self._inspect = inspect
        self.memory = ProfileMemory(
            cooldown_s=settings.cooldown_s, generations=generations, remember=remember, outcome=outcome
        )
        self.claims = Claims(claimed_elsewhere)
        self.quota = quota or QuotaBook()

    async def make(self, task: Task, journal: Journal) -> VideoResult:
        """Make the task's video, resuming from the journal's steps. See the port for what is raised."""
        fetched = journal.steps.get(DOWNLOAD)
        if fetched is not None and fetched.done and await self._kept(read_result(fetched.output)):
            return read_result(fetched.output)
        async with self._lease(task) as lease:
            work = Work(
                task=task,
                journal=journal,
                lease=lease,
                client=GrokClient(lease, self.memory),
                media=self._media,
                settings=self._settings,
                memory=self.memory,
                claims=self.claims,
                inspect=self._inspect,
            )
            try:
                return await self._make(work)
            except BrowserFailed as exc:
                raise why_lost(self._pool, lease.profile) or exc from exc

    async def _make(self, work: Work) -> VideoResult:
        if work.spec.mode is VideoMode.UPSCALE:
            return await self._upscaled(work)
        step = work.step(SUBMIT)
        try:
            generation, sighting = await (self._ask(work) if step is None else self._resume(work, step))
        except OutcomeUnknown:
            if self._settings.on_ambiguous is OnAmbiguous.FAIL:
                raise
            log.warning("submit repeated", reason="its outcome is unknown and GATEWAY_ON_AMBIGUOUS is rerun")
            await work.journal.forget(SUBMIT)
            generation, sighting = await self._ask(work)
        check(sighting)
        if (step := work.step(SUBMIT)) is None or not step.done:
            await work.journal.finish(SUBMIT, sighting.stored())
        self.quota.outdated(work.lease.profile)
        return await download(work, sighting, generation, lambda: look_once(work, sighting, generation))

    async def _upscaled(self, work: Work) -> VideoResult:
        source = await self._source(work)
        larger = await upscale(work, source.post_id)
        return await download(work, larger, Generation.G2, nothing_new)

    async def _ask(self, work: Work) -> tuple[Generation, Sighting]:
        """Ask for the video in the first shape that the site takes."""
        shapes = shapes_for(work.spec.mode, self._settings.protocol, self.memory.generation(work.lease.profile))
        for shape, last in zip(shapes, [*(False for _ in shapes[1:]), True], strict=True):
            try:
                ask = await self._prepared(work, shape)
                ended, sighting = await submit(work, ask)
            except RateLimited as exc:
                lines = ("video720p",) if work.spec.resolution == "720p" else ("video",)
                raise await with_known_end(self.quota, work.client, exc, lines) from refusal_of(exc)
            except ShapeRefused as exc:
                log.info("shape refused", generation=shape.generation.value, reason=exc.error.message)
                if last:
                    raise exc.error from refusal_of(exc.error)
                continue
            if sighting.accepted:
                self.memory.took(work.lease.profile, shape.generation)
            return shape.generation, await self._settled(work, shape.generation, ended, sighting)
        raise AssertionError("shapes_for returned none")

    async def _prepared(self, work: Work, shape: Shape) -> Ask:
        """Do what must be done before asking; raises ShapeRefused when the site no longer has the endpoints for it."""
        spec = work.spec
        files = await upload(work)
        ids = [file.id for file in files]
        likeness = likeness_of(work.account_id, spec.prompt, ids)
        if shape.generation is Generation.G2:
            body = g2_video(spec, file_ids=ids, reference_kind=shape.reference_kind)
            return Ask(Generation.G2, body, likeness, file_ids=ids)
        source = await self._source(work) if spec.mode is VideoMode.EXTEND else None
        post = await self._post(work, files) if source is None else Post(source.post_id)
        urls = [asset_url(file.uri, field="fileUri") for file in files]
        body = g1_video(spec, post_id=post.id, image_urls=urls, source=source)
        return Ask(Generation.G1, body, likeness, file_ids=ids, post_id=post.id, user_id=post.user_id)

    async def _post(self, work: Work, files: list[UploadedFile]) -> Post:
        try:
            return await create_post(work, files)
        except GatewayError as exc:
            refusal = refusal_of(exc)
            if (
                refusal is not None
                and refusal.row in {"bad_input", "not_found", "load_shed"}
                and refuses_shape(refusal.problem, own_endpoint=True)
            ):
                raise ShapeRefused(exc) from refusal
            raise

    async def _source(self, work: Work) -> SourceVideo:
        """Return the video to extend or upscale; it must belong to the account at work."""
        if self._upstream_of is None or work.spec.source_task_id is None:
            raise UnsupportedParameter("this gateway cannot go on from videos", param="video")
        facts = await self._upstream_of(work.spec.source_task_id)
        post_id = text(facts, "video_id", "post_id")
        if not post_id:
            raise UnsupportedParameter("the video to go on from is not known at the site any more", param="video")
        owner = text(facts, "account_id")
        if owner and work.account_id and owner != work.account_id:
            raise UnsupportedParameter(
                "the video to go on from belongs to another account than the one at work", param="video"
            )
        return SourceVideo(
            post_id=post_id, prompt=text(facts, "asked_prompt", "prompt"), original_post_id=text(facts, "post_id")
        )

    async def _resume(self, work: Work, step: Step) -> tuple[Generation, Sighting]:
        """Go on from a submit that was begun earlier."""
        await work.journal.stage(work.task.stage or Stage.SUBMIT)
        generation = Generation(text(step.intent, "generation") or Generation.G2)
        sighting = Sighting.from_stored(
            {"post_id": text(step.intent, "post_id"), "user_id": text(step.intent, "user_id") or work.account_id},
            step.external,
            step.output,
        )
        self.claims.hold(work.task.id, sighting.ids)
        if step.done:
            return generation, sighting
        ended = Ended.ANSWERED if sighting.answered else Ended.CUT
        return generation, await self._settled(work, generation, ended, sighting)

    async def _settled(self, work: Work, generation: Generation, ended: Ended, sighting: Sighting) -> Sighting:
        """Return the sighting once it has the video's address, looking for it as long as it may take."""
        check(sighting)
        if sighting.url:
            return sighting
        step = work.step(SUBMIT)
        assert step is not None
        broken = broken_with(sighting)
        if broken is not None and broken.fatal:
            raise broken.error
        if not sighting.accepted:
            presence, found = await reconcile(work, step)
            if presence is not Presence.FOUND:
                if broken is None or self._settings.on_ambiguous is OnAmbiguous.RERUN:
                    raise _unknown(presence)
                raise broken.error
            sighting = Sighting.from_stored(sighting.stored(), found.stored())
            check(sighting)
            if sighting.url:
                return sighting
        patience_s = self._patience_s(step, ended, sighting)
        await work.journal.note(SUBMIT, sighting.stored())
        await follow(work, sighting, generation, patience_s=patience_s)
        return sighting

    def _patience_s(self, step: Step, ended: Ended, sighting: Sighting) -> float:
        """How long the site is still asked for the video: over all attempts together, as far as one may wait for the next."""
        now = datetime.now(UTC)
        age_s = (now - started_at(step)).total_seconds()
        if sighting.attachments or sighting.progress >= 100:
            sighting.due_since = sighting.due_since or now.isoformat()
            due_s = (now - datetime.fromisoformat(sighting.due_since)).total_seconds()
            return max(LEAST_DOUBT_S, self._settings.asset_wait_s - due_s)
        if sighting.failed or ended is Ended.ANSWERED:
            return max(LEAST_DOUBT_S, DOUBT_S - age_s)
        return max(LATE_S, self._settings.video_timeout_s - age_s)

    async def _kept(self, result: VideoResult) -> bool:
        """Whether the file of a download that was finished earlier is still there."""
        try:
            return result.asset_id is not None and bool(await self._media.get(result.asset_id))
        except FileMissing:
            return False

    @asynccontextmanager
    async def _lease(self, task: Task) -> AsyncIterator[Lease]:
        """Borrow a slot of the task's profile; errors of the browser leave as the gateway's."""
        try:
            async with self._pool.lease(KIND, profile=task.profile, timeout_s=LEASE_TIMEOUT_S) as lease:
                here = lease.account.get("id")
                if task.account_id and here and here != task.account_id:
                    raise ProfileNotReady(f"profile {lease.profile} is signed in with another account than this task's")
                yield lease
        except BrowserError as exc:
            failed = from_browser(exc)
            raise why_lost(self._pool, task.profile or "") or failed from exc


async def nothing_new() -> None:
    """A larger file that is late is only waited for: no conversation tells of it."""


def _unknown(presence: Presence) -> OutcomeUnknown:
    seen = "shows nothing of it" if presence is Presence.ABSENT else "does not tell which of its videos it is"
    return OutcomeUnknown(
        f"the request left and no answer came; the site {seen}. It was not sent again, because it may have been accepted"
    )
