"""A chat over the WebSocket ``/ws/mgw/``: a session, the message, and its response."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from browser.errors import BrowserError, TransportFailed, TransportRefused, TransportTimeout
from browser.transport import Socket
from gateway.errors import AnswerCut, GatewayError, LoginRequired, UpstreamError, UpstreamTimeout
from gateway.grok.chat.bodies import event, item_create, session_create
from gateway.grok.chat.hearing import KEPT_ALIVE, FormRefused, Hearing
from gateway.grok.exchange import from_browser
from gateway.grok.wire.chat import Said
from gateway.grok.wire.fields import Json, mapping, text
from gateway.grok.wire.mgw import camel, read_mgw_event
from gateway.grok.wire.problems import read_problem, read_stream_problem

ADDRESS = "wss://grok.com/ws/mgw/?uid="
#: The site's page sends a ping this often.
PING_EVERY_S = 25.0
#: After the session was made its conversation is awaited so long; a site that announces none is spoken to all the same.
ATTACH_S = 2.0


async def chat_over_mgw(hearing: Hearing) -> None:
    """Ask, and hear the answer to its end. Raises FormRefused (no such socket), GatewayError."""
    address = ADDRESS + quote(await _user_id(hearing), safe="")
    session = None
    try:
        async with hearing.client.lease.transport.open_socket(
            address, timeout_s=hearing.settings.call_first_frame_timeout_s
        ) as socket:
            session = _Session(hearing, socket)
            await session.converse()
    except TransportRefused as exc:
        raise _turned_away(hearing, exc) from exc
    except TransportTimeout as exc:
        raise UpstreamTimeout(str(exc)) from exc
    except TransportFailed as exc:
        if session is None or not session.asked:
            raise FormRefused(UpstreamError(f"the site closed its chat socket: {exc}")) from exc
        raise AnswerCut(f"the site's answer broke off: {exc}") from exc
    except BrowserError as exc:
        raise from_browser(exc) from exc


async def _user_id(hearing: Hearing) -> str:
    known = hearing.client.lease.account.get("id", "") or (await hearing.client.session()).user_id
    if not known:
        raise LoginRequired("the site does not say who is signed in")
    return known


def _turned_away(hearing: Hearing, exc: TransportRefused) -> GatewayError | FormRefused:
    """What a refused opening means: a status the site gave, or no such socket."""
    if exc.status in {401, 402, 403, 429}:
        return hearing.refused(read_problem(exc.status, exc.headers, exc.body))
    return FormRefused(UpstreamError(f"the site's chat socket cannot be opened: {exc}"))


class _Session:
    """One session: what was said in it and what is awaited."""

    def __init__(self, hearing: Hearing, socket: Socket) -> None:
        self.asked = False
        self._hearing = hearing
        self._socket = socket
        self._id = ""
        self._made = self._attached = False
        self._voice = ""
        self._pings: set[str] = set()

    async def converse(self) -> None:
        hearing = self._hearing
        await self._send(session_create(hearing.request))
        limit_s = hearing.settings.call_first_frame_timeout_s
        while not self._made:
            self._learn(await self._next(limit_s))
        with suppress(TimeoutError):
            async with asyncio.timeout(ATTACH_S):
                while not self._attached:
                    self._learn(await self._next(limit_s))
        await self._send(item_create(hearing.message, hearing.file_ids))
        self.asked = True
        await self._send(event("response.create"))
        try:
            await self._listen()
        except asyncio.CancelledError:
            # Nobody listens any more. The socket is closed next; nothing is waited for that would put that off.
            self._socket.post(self._enveloped(event("response.cancel")))
            raise

    async def _listen(self) -> None:
        """Hear events until the response is done."""
        hearing, limit_s = self._hearing, self._hearing.settings.call_first_frame_timeout_s
        while True:
            heard = await self._next(limit_s)
            limit_s = hearing.settings.call_idle_timeout_s
            kind = text(heard, "type")
            if kind == "session.ended":
                raise AnswerCut("the site ended the session before its answer was complete")
            hearing.answer.conversation_id = hearing.answer.conversation_id or self._id
            if await hearing.hear(self._one_voice(read_mgw_event(heard), kind)):
                return

    def _one_voice(self, said: Said, kind: str) -> Said:
        """A site that sends the text in both of its forms is heard in the first."""
        if said.text:
            self._voice = self._voice or kind
        return replace(said, text="") if said.text and kind != self._voice else said

    async def _next(self, limit_s: float) -> Json:
        """Return the next event that is not a heartbeat.

        Raises TransportTimeout after *limit_s* of silence, and after KEPT_ALIVE times that of nothing but heartbeats.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        deadline, at_last = began + limit_s, began + limit_s * KEPT_ALIVE
        while True:
            now = loop.time()
            left_s = min(deadline, at_last) - now
            if left_s <= 0:
                how = "was silent" if deadline <= at_last else "brought nothing but heartbeats"
                raise TransportTimeout(f"the site's chat socket {how} for {now - began:.0f} s")
            try:
                frame = await self._socket.receive(timeout_s=min(left_s, PING_EVERY_S))
            except TransportTimeout:
                if left_s > PING_EVERY_S:
                    ping = event("ping")
                    self._pings.add(ping["event_id"])
                    await self._send(ping)
                continue
            heard = _event(frame)
            kind = text(heard, "type")
            if kind == "ping":
                await self._send(event("pong"))
            elif not self._is_heartbeat(heard, kind):
                self._check(heard, kind)
                return heard
            # a site that keeps the line alive may be thinking
            deadline = loop.time() + limit_s

    def _is_heartbeat(self, heard: Json, kind: str) -> bool:
        about = text(heard, "clientEventId") or text(mapping(heard, "error"), "eventId", "clientEventId")
        return not kind or kind == "pong" or (kind == "error" and about in self._pings)

    def _check(self, heard: Json, kind: str) -> None:
        """Raise what an error means that comes before the answer."""
        if self.asked:
            return
        if kind == "error":
            raise self._hearing.refused(read_stream_problem(heard))
        if kind == "session.ended":
            raise FormRefused(UpstreamError("the site ended the chat session before it began"))

    def _learn(self, heard: Json) -> None:
        if text(heard, "type") in {"session.created", "conversation.attached"}:
            conversation = text(mapping(heard, "conversation"), "id")
            self._made = True
            self._attached = text(heard, "type") == "conversation.attached"
            self._id = text(heard, "sessionId") or text(mapping(heard, "session"), "id") or conversation

    async def _send(self, body: dict[str, Any]) -> None:
        await self._socket.send(self._enveloped(body))

    def _enveloped(self, body: dict[str, Any]) -> str:
        envelope = {"session_id": self._id, "event": body} if self._id else {"event": body}
        return json.dumps(envelope, ensure_ascii=False)


def _event(frame: str) -> Json:
    """Return the event in a frame, in camel case, with its session's id; what is none reads as empty."""
    try:
        value = json.loads(frame, strict=False)
    except ValueError:
        return {}
    read: dict[str, Any] = camel(value) if isinstance(value, dict) else {}
    inner = read.get("event")
    return {"sessionId": read.get("sessionId", ""), **inner} if isinstance(inner, dict) else read
