"""A submit was begun and nothing of the site's answer is known: is there a generation of ours at the site?

Looked for in the site's own records: the account's conversations and files made since the intent was written, and for g1 the
media post. Exactly one match that no other task holds is adopted. None at all proves little: the request may still be on its
way, or the record late (nothing tells when a conversation is listed, and a post of g1 shows nothing before its video is
finished). It counts as absent only when the lists answered well, several times, for as long as a video takes (lost_submit_s).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import structlog

from gateway.errors import BrowserFailed, GatewayError, ProfileNotReady, UpstreamRefused
from gateway.grok.bodies import Generation
from gateway.grok.client import IMAGINE
from gateway.grok.steps.sighting import Sighting
from gateway.grok.steps.submit import likeness_of
from gateway.grok.steps.work import SUBMIT, Work, started_at
from gateway.grok.wire.assets import AssetFacts
from gateway.grok.wire.conversations import Conversation
from gateway.grok.wire.echo import Echo
from gateway.grok.wire.fields import text, texts
from gateway.grok.wire.turns import Turn
from gateway.tasks.model import Step

log = structlog.get_logger(__name__)

#: How far the site's clock may be from ours when it has not told us (seconds), and when it has.
UNKNOWN_SKEW_S, KNOWN_SKEW_S = 120.0, 10.0
LEAST_LOOKS = 2
MAX_LOOKED_INTO = 12
MAX_PAGES = 3


class Presence(Enum):
    """What the site's records say about a generation."""

    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Lost:
    """The request we lost sight of. earliest, latest: when the site can have taken it, by the site's clock."""

    generation: Generation
    prompt: str
    message: str
    file_ids: frozenset[str]
    post_id: str
    earliest: datetime
    latest: datetime

    def made_then(self, at: datetime | None) -> bool:
        return at is None or self.earliest <= at <= self.latest

    def agrees(self, echo: Echo, spec_seconds: int, spec_ratio: str) -> bool:
        """Whether the site's echo of a request is an echo of ours: nothing differs, and something identifies it."""
        if echo.inputs and frozenset(echo.inputs) != self.file_ids:
            return False
        if not echo.inputs and self.file_ids and echo.kind:
            return False
        if echo.prompt and _plain(echo.prompt) != _plain(self.prompt):
            return False
        if echo.duration is not None and echo.duration != spec_seconds:
            return False
        if echo.aspect_ratio and echo.aspect_ratio != spec_ratio:
            return False
        return bool(echo.prompt or (echo.inputs and self.file_ids))


async def reconcile(work: Work, step: Step) -> tuple[Presence, Sighting]:
    """Look for the generation that *step* may have begun; when FOUND it is claimed and written into the step.

    Raises BrowserFailed, ProfileNotReady.
    """
    search = _Search(work, _lost(work, step))
    lost = search.lost
    loop = asyncio.get_running_loop()
    age_s = (datetime.now(UTC) - started_at(step)).total_seconds()
    deadline = loop.time() + work.settings.lost_submit_s - max(0.0, age_s)
    likeness = likeness_of(work.account_id, lost.prompt, sorted(lost.file_ids))
    pause_s = 1.0
    looked = 0
    while True:
        quiet = await work.claims.nobody_asks(likeness, within_s=work.settings.first_frame_timeout_s)
        presence, sighting = await search.once() if quiet else (Presence.UNCLEAR, Sighting())
        looked += 1
        if presence is Presence.FOUND:
            if work.claims.hold(work.task.id, sighting.ids):
                await work.journal.note(SUBMIT, sighting.stored())
                log.info("generation adopted", conversation=sighting.conversation_id or None)
                return presence, sighting
            presence = Presence.UNCLEAR
        if loop.time() >= deadline and looked >= LEAST_LOOKS:
            return presence, Sighting()
        await asyncio.sleep(min(work.settings.follow_poll_s, pause_s))
        pause_s *= 1.5


def _lost(work: Work, step: Step) -> Lost:
    left_at = started_at(step)
    offset = step.intent.get("clock_offset_s")
    known = isinstance(offset, int | float)
    at_site = left_at + timedelta(seconds=offset if known and isinstance(offset, int | float) else 0)
    skew = timedelta(seconds=KNOWN_SKEW_S if known else UNKNOWN_SKEW_S)
    return Lost(
        generation=Generation(text(step.intent, "generation") or Generation.G2),
        prompt=text(step.intent, "prompt"),
        message=text(step.intent, "message"),
        file_ids=frozenset(texts(step.intent, "file_ids")),
        post_id=text(step.intent, "post_id"),
        earliest=at_site - skew,
        latest=at_site + timedelta(seconds=work.settings.first_frame_timeout_s) + skew,
    )


class _Search:
    """One look through the site's records."""

    def __init__(self, work: Work, lost: Lost) -> None:
        self._work = work
        self.lost = lost

    async def once(self) -> tuple[Presence, Sighting]:
        unclear = False
        found: dict[str, Sighting] = {}
        for source in (self._by_post, self._by_conversation, self._by_asset):
            try:
                for sighting in await source():
                    key = sighting.conversation_id or sighting.video_id
                    if key:
                        found.setdefault(key, sighting)
            except (ProfileNotReady, BrowserFailed):
                raise
            except GatewayError as exc:
                log.info("lookup failed", error=exc.code, message=exc.message)
                unclear = True
        free = await self._work.claims.free_of(self._work.task.id, [i for s in found.values() for i in s.ids])
        ours = [sighting for sighting in found.values() if free.issuperset(sighting.ids)]
        if len(ours) == 1:
            return Presence.FOUND, ours[0]
        return (Presence.UNCLEAR if ours or unclear else Presence.ABSENT), Sighting()

    async def _by_post(self) -> list[Sighting]:
        if self.lost.generation is not Generation.G1 or not self.lost.post_id:
            return []
        sighting = Sighting(post_id=self.lost.post_id, user_id=self._work.account_id)
        sighting.see_post(await self._work.client.post(self.lost.post_id))
        return [sighting] if sighting.url or sighting.moderated else []

    async def _by_conversation(self) -> list[Sighting]:
        kind = IMAGINE if self.lost.generation is Generation.G2 else None
        found = []
        for conversation in await self._recent(kind):
            sighting = Sighting(
                conversation_id=conversation.id, user_id=self._work.account_id, post_id=self.lost.post_id
            )
            latest = conversation.latest_asset
            if latest is not None and latest.is_video and self._is_ours(latest.echo):
                sighting.see_asset(latest)
                found.append(sighting)
                continue
            turns = await self._work.client.turns(conversation.id, kind=kind)
            if any(self._speaks_of_ours(turn) for turn in turns):
                sighting.see_turns(turns)
                found.append(sighting)
        return found

    async def _by_asset(self) -> list[Sighting]:
        found = []
        for asset in (await self._work.client.assets()).assets:
            if asset.is_video and self._is_ours(asset.echo) and self._since(asset):
                sighting = Sighting(user_id=self._work.account_id, post_id=self.lost.post_id)
                sighting.see_asset(asset)
                found.append(sighting)
        return found

    async def _recent(self, kind: str | None) -> list[Conversation]:
        """Return the conversations that can be ours by their time, unclaimed ones only. Raises when the list is too long."""
        found: list[Conversation] = []
        page = ""
        for _ in range(MAX_PAGES):
            listed = await self._work.client.conversations(kind=kind, page=page)
            found += [entry for entry in listed.conversations if entry.id and self.lost.made_then(entry.created_at)]
            oldest = min((e.created_at for e in listed.conversations if e.created_at), default=None)
            page = listed.next_page
            if not page or (oldest is not None and oldest < self.lost.earliest):
                break
        free = await self._work.claims.free_of(self._work.task.id, [entry.id for entry in found])
        found = [entry for entry in found if entry.id in free]
        if len(found) > MAX_LOOKED_INTO:
            raise UpstreamRefused(f"{len(found)} conversations could be ours")
        return found

    def _since(self, asset: AssetFacts) -> bool:
        """A file is made at the end of its generation: only its earliest moment is known."""
        return asset.created_at is None or asset.created_at >= self.lost.earliest

    def _is_ours(self, echo: Echo) -> bool:
        return self.lost.agrees(echo, self._work.spec.seconds, self._work.spec.aspect_ratio)

    def _speaks_of_ours(self, turn: Turn) -> bool:
        if turn.echo.kind:
            return self._is_ours(turn.echo)
        if not turn.human or _plain(turn.message) != _plain(self.lost.message):
            return False
        # the words alone identify it, unless they are only "--mode=normal" or its pictures are not named in them
        if self.lost.file_ids and "https://" not in turn.message:
            return self.lost.file_ids == frozenset(turn.attachments)
        return bool(self.lost.prompt or self.lost.file_ids)


def _plain(words: str) -> str:
    return " ".join(words.split())
