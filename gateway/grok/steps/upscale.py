"""The same video in more pixels, made by the site from one of its own (seen in one source only, upstream.md 2.6)."""

from __future__ import annotations

from gateway.errors import UpstreamDrifted
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.work import SUBMIT, Work
from gateway.tasks.states import Stage


async def upscale(work: Work, video_id: str) -> Sighting:
    """Return where the larger file of the site's video *video_id* is. Raises what the site answers.

    Asked again after a crash: nothing new is generated, the file's address is the video's own.
    """
    step = work.step(SUBMIT)
    if step is not None and step.done:
        return Sighting.from_stored(step.output)
    await work.journal.stage(Stage.GENERATE, 1)
    await work.begin(SUBMIT, {"upscales": video_id})
    url = await work.client.upscale(video_id, timeout_s=work.settings.video_timeout_s)
    if not url:
        raise UpstreamDrifted("the site named no address for the larger video", field="hdMediaUrl")
    sighting = Sighting(video_id=video_id, user_id=work.account_id, url=url, prompt=work.spec.prompt)
    await work.journal.finish(SUBMIT, sighting.stored())
    return sighting
