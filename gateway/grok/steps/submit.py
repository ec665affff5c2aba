"""Asking for the video: the one request that must never be sent twice.

The intent is stored before the request leaves, every id the moment a frame shows it. It ends in one of three ways: the site
answered; the site refused before anything was generated (the step is forgotten, the request may be made again); or sight of
it was lost, and the caller looks for the generation instead of asking again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from browser.clearance import Clearance, Verdict
from browser.errors import BrowserError, SlotLost, TransportFailed
from browser.transport import StreamReply
from gateway.errors import GatewayError
from gateway.grok.bodies import Body, Generation
from gateway.grok.errors import refuses_shape
from gateway.grok.exchange import from_browser, refusal_of
from gateway.grok.steps.claims import Asked
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.stream import Ended, StreamEnd, read_answer, start_of_body
from gateway.grok.steps.work import SUBMIT, Work
from gateway.grok.wire.problems import Problem, read_problem, read_stream_problem
from gateway.tasks.states import Stage

log = structlog.get_logger(__name__)

#: Errors after which the site may work on the request all the same: it is looked for, and not sent again.
UNSETTLING = frozenset({"overload", "load_shed", "timeout", "cancelled", "unknown", "tool_failed"})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for. likeness: equal for requests that could be mistaken for one another at the site."""

    generation: Generation
    body: Body
    likeness: str
    file_ids: Sequence[str] = ()
    post_id: str = ""
    user_id: str = ""


class ShapeRefused(Exception):
    """The site takes no requests of this shape; nothing was generated. *error* is what to raise when no other is left."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


async def submit(work: Work, ask: Ask) -> tuple[Ended, Sighting]:
    """Send the request and follow its stream to the end; returns how it ended and what was seen.

    Raises ShapeRefused or the site's refusal as GatewayError (in both cases nothing was generated and the step is forgotten),
    BrowserFailed (page or browser died: the step stands).
    """
    await work.journal.stage(Stage.SUBMIT)
    await work.begin(SUBMIT, _intent(work, ask))
    sighting = Sighting(post_id=ask.post_id, user_id=ask.user_id or work.account_id)
    with work.claims.asking(ask.likeness) as asked:
        diary = Diary(work, sighting, asked)
        try:
            async with work.client.new_conversation(
                ask.body,
                start_timeout_s=work.settings.first_frame_timeout_s,
                idle_timeout_s=work.settings.stream_idle_timeout_s,
            ) as reply:
                end = await _read(work, reply, diary)
        except SlotLost as exc:
            raise from_browser(exc) from exc
        except BrowserError as exc:
            if isinstance(exc, TransportFailed) and not exc.sent:
                await work.journal.forget(SUBMIT)  # our own side turned it away; it never left
                raise from_browser(exc) from exc
            end = StreamEnd(Ended.CUT, str(exc))
        if end.how is Ended.CUT:
            log.warning("stream cut", reason=end.reason, conversation=sighting.conversation_id or None)
        await diary.write()
    return end.how, sighting


def likeness_of(account_id: str, prompt: str, file_ids: Sequence[str]) -> str:
    """Return a text that is equal for requests that the site's lists could not tell apart."""
    return "\n".join((account_id, " ".join(prompt.split()), *sorted(file_ids)))


async def _read(work: Work, reply: StreamReply, diary: Diary) -> StreamEnd:
    work.client.exchange.note_clock(reply.headers)
    is_page = "text/html" in reply.headers.get("content-type", "").lower()
    if not 200 <= reply.status < 300 or is_page:
        problem = read_problem(reply.status, reply.headers, await start_of_body(reply))
        await _refuse(work, problem, diary.sighting)
        diary.sighting.blame(reply.status, json.dumps(problem.body) if problem.body else problem.message)
        return StreamEnd(Ended.ERROR)
    end = await read_answer(
        reply, diary.sighting, diary.news, first_frame_timeout_s=work.settings.first_frame_timeout_s
    )
    if end.error is not None:
        await _refuse(work, read_stream_problem(end.error), diary.sighting)
        diary.sighting.blame(None, json.dumps(end.error))
    return end


async def _refuse(work: Work, problem: Problem, sighting: Sighting) -> None:
    """Raise what *problem* means, when it means that nothing was or will be generated; otherwise return."""
    error = work.client.exchange.refused(problem, rests=True)
    refusal = refusal_of(error)
    row = refusal.row if refusal is not None else "unknown"
    if row != "moderation" and (row in UNSETTLING or sighting.video_seen):
        return
    with suppress(KeyError):
        await work.journal.forget(SUBMIT)
    if refuses_shape(problem, own_endpoint=False) and row in {"bad_input", "not_found", "load_shed", "refused"}:
        raise ShapeRefused(error)
    raise error


def _intent(work: Work, ask: Ask) -> dict[str, Any]:
    found: dict[str, Any] = {
        "generation": ask.generation.value,
        "prompt": work.spec.prompt,
        "message": ask.body["message"],
        "file_ids": list(ask.file_ids),
        "post_id": ask.post_id,
        "user_id": ask.user_id,
        "clock_offset_s": work.client.exchange.clock_offset_s,
    }
    return {key: value for key, value in found.items() if value not in ("", None, [])}


class Diary:
    """Writes what a stream shows into the task's journal: ids and outcome at once, progress as it comes."""

    def __init__(self, work: Work, sighting: Sighting, asked: Asked) -> None:
        self.sighting = sighting
        self._work = work
        self._asked = asked
        self._facts: tuple[object, ...] = ()
        self._stored: dict[str, Any] = {}

    async def news(self, sighting: Sighting) -> None:
        facts = (*sighting.ids, sighting.response_id, sighting.url, sighting.moderated, sighting.answered)
        if sighting.accepted and facts != self._facts:
            if not self._facts:
                self._work.memory.worked(self._work.lease.profile, self._work.lease.kind)
                self._work.lease.report(Verdict(Clearance.READY, "the site works for it"))
                await self._work.journal.stage(Stage.GENERATE)
            self._facts = facts
            await self.write()
        if sighting.progress and not sighting.moderated:
            await self._work.journal.progress(min(99, sighting.progress))

    async def write(self) -> None:
        """Store everything seen so far, and let go of the claim to be the only one asking."""
        self._work.claims.hold(self._work.task.id, self.sighting.ids)
        stored = self.sighting.stored()
        if stored != self._stored:
            self._stored = stored
            await self._work.journal.note(SUBMIT, stored)
        if self.sighting.ids:
            self._asked.seen()
