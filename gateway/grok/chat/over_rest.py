"""A chat over ``POST /rest/app-chat/conversations/new`` and its stream."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from browser.errors import BrowserError, SlotLost, TransportFailed, TransportTimeout
from browser.transport import StreamReply
from gateway.errors import AnswerCut, GatewayError, UpstreamTimeout
from gateway.grok.chat.hearing import KEPT_ALIVE, Hearing
from gateway.grok.client import GrokClient
from gateway.grok.exchange import from_browser
from gateway.grok.steps.stream import start_of_body
from gateway.grok.wire.chat import Said, Whole, read_chat_frame
from gateway.grok.wire.framing import ObjectSplitter
from gateway.grok.wire.problems import read_problem

log = structlog.get_logger(__name__)

#: After the text ended the closing frame is awaited this long; some answers are never closed.
LINGER_S = 2.0
#: An answer whose stream broke is looked up so often, so long apart: the site may have finished it.
LOOKS, LOOK_PAUSE_S = 3, 1.0


async def read_stream(hearing: Hearing, body: Mapping[str, Any]) -> None:
    """Ask, and hear the answer to its end. Raises FormRefused, GatewayError."""
    settings = hearing.settings
    try:
        async with hearing.client.new_conversation(
            body,
            start_timeout_s=settings.call_first_frame_timeout_s,
            idle_timeout_s=settings.call_idle_timeout_s,
        ) as reply:
            broken = await _read(hearing, reply)
    except SlotLost as exc:
        raise from_browser(exc) from exc
    except BrowserError as exc:
        broken = exc if isinstance(exc, TransportTimeout) else from_browser(exc)
    if broken is not None:
        await _mend(hearing, broken)


async def _read(hearing: Hearing, reply: StreamReply) -> GatewayError | BrowserError | None:
    """Hear the stream; returns what broke it, None when the answer is complete."""
    hearing.client.exchange.note_clock(reply.headers)
    is_page = "text/html" in reply.headers.get("content-type", "").lower()
    if not 200 <= reply.status < 300 or is_page:
        raise hearing.refused(read_problem(reply.status, reply.headers, await start_of_body(reply)))
    splitter = ObjectSplitter()
    pieces = aiter(reply)
    clock = asyncio.get_running_loop().time
    patience_s, heard = hearing.settings.call_first_frame_timeout_s, False
    due_at = clock() + patience_s
    while not splitter.closed:
        try:
            async with asyncio.timeout_at(due_at):
                piece = await anext(pieces)
        except StopAsyncIteration:
            if hearing.answer.ending:
                break
            return AnswerCut("the site's answer ended early")
        except TimeoutError:
            if hearing.answer.ending:
                break
            return UpstreamTimeout(
                f"the site said nothing for {patience_s:g} s and only kept the line open"
                if heard
                else f"the site did not begin its answer within {patience_s:g} s"
            )
        except SlotLost:
            raise
        except TransportFailed as exc:
            if hearing.answer.ending:
                break
            return exc
        for value in splitter.feed(piece):
            said = read_chat_frame(value)
            if await hearing.hear(said):
                return None
            if not heard or not said.heartbeat:
                heard, patience_s = True, hearing.settings.call_idle_timeout_s * KEPT_ALIVE
                due_at = clock() + (LINGER_S if hearing.answer.ending else patience_s)
    await hearing.close()
    return None


async def _mend(hearing: Hearing, broken: GatewayError | BrowserError) -> None:
    """After the stream broke: take the rest from the conversation, if the site finished it. Raises what broke it."""
    error = broken if isinstance(broken, GatewayError) else from_browser(broken)
    answer = hearing.answer
    if not answer.begun or not answer.conversation_id:
        raise error
    if not isinstance(error, UpstreamTimeout):
        error = AnswerCut(f"the site's answer broke off: {error.message}")
    for look in range(LOOKS):
        await asyncio.sleep(LOOK_PAUSE_S * look)
        found = await _finished(hearing.client, answer.conversation_id, answer.text)
        if found is not None:
            log.info("answer mended", conversation=answer.conversation_id)
            await hearing.hear(Said(whole=found))
            return
    raise error


async def _finished(client: GrokClient, conversation_id: str, shown: str) -> Whole | None:
    """Return the conversation's finished answer when it goes on from what was shown."""
    try:
        turns = await client.turns(conversation_id, kind=None)
    except GatewayError as exc:
        log.info("answer not looked up", reason=exc.message)
        return None
    for turn in reversed(turns):
        if not turn.human and not turn.partial and len(turn.message) > len(shown) and turn.message.startswith(shown):
            return Whole(turn.message)
    return None
