"""Reading the answer to a submitted video, frame by frame, to the event that ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from browser.errors import TransportFailed
from browser.transport import StreamReply
from gateway.errors import UpstreamDrifted
from gateway.grok.steps.sighting import Sighting
from gateway.grok.wire.fields import Json
from gateway.grok.wire.frames import Frame, read_frame
from gateway.grok.wire.framing import ObjectSplitter

#: After the video is settled the closing frame is awaited this long; some answers are never closed.
LINGER_S = 2.0
_REFUSAL_CHARS = 64 * 1024

OnNews = Callable[[Sighting], Awaitable[None]]


class Ended(Enum):
    """How the stream ended: the site closed its answer, it broke off, or the site reported an error in it."""

    ANSWERED = "answered"
    CUT = "cut"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """error: the error object of the stream, for ERROR. reason: in words, for CUT."""

    how: Ended
    reason: str = ""
    error: Json | None = None


async def read_answer(
    reply: StreamReply, sighting: Sighting, on_news: OnNews, *, first_frame_timeout_s: float
) -> StreamEnd:
    """Read to the closing frame, to an error, to a settled video that is not closed in time, or to the end of the body.

    *sighting* takes in every frame; *on_news* is awaited after each piece that brought frames. A frame that is no frame is
    a cut: the site may go on with the video all the same. Raises SlotLost, LeaseLost.
    """
    splitter = ObjectSplitter()
    pieces = aiter(reply)
    limit_s: float | None = first_frame_timeout_s
    while True:
        try:
            async with asyncio.timeout(limit_s):
                piece = await anext(pieces)
        except StopAsyncIteration:
            reason = "the answer ended inside a frame" if splitter.unfinished else "the answer ended early"
            return _stopped(sighting, reason)
        except TimeoutError:
            return _stopped(sighting, "no frame came in time")
        except TransportFailed as exc:
            return _stopped(sighting, str(exc))
        try:
            frames = [read_frame(value) for value in splitter.feed(piece)]
        except UpstreamDrifted as exc:
            sighting.drifted = exc.message
            return _stopped(sighting, exc.message)
        error = _take(frames, sighting)
        if frames:
            limit_s = LINGER_S if sighting.complete else None
            await on_news(sighting)
        if error is not None:
            return StreamEnd(Ended.ERROR, error=error)
        if sighting.answered:
            return StreamEnd(Ended.ANSWERED)


def _take(frames: list[Frame], sighting: Sighting) -> Json | None:
    """Let *sighting* see the frames; return the first error among them, unless the video was settled before it."""
    for frame in frames:
        if frame.error is not None:
            if not sighting.complete:
                return frame.error
            continue
        sighting.see(frame)
        if frame.answer is not None and frame.answer.errors and not sighting.complete and not sighting.attachments:
            return {"error": frame.answer.errors[0]}
    return None


def _stopped(sighting: Sighting, reason: str) -> StreamEnd:
    return StreamEnd(Ended.ANSWERED if sighting.complete else Ended.CUT, reason)


async def start_of_body(reply: StreamReply) -> str:
    """Return the beginning of a refusal's body; one that breaks off is as long as it is."""
    pieces: list[str] = []
    try:
        async with asyncio.timeout(15):
            async for piece in reply:
                pieces.append(piece)
                if sum(map(len, pieces)) > _REFUSAL_CHARS:
                    break
    except (TimeoutError, TransportFailed):
        pass
    return "".join(pieces)
