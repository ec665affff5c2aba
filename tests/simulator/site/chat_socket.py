"""`wss://grok.com/ws/mgw/`: chat as the site's own page does it since August 2026 (upstream.md 2.5)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tests.simulator.state.library import Conversation, Turn, new_id
from tests.simulator.state.scenarios import AT_THE_DOOR, NAMES, Script, keywords
from tests.simulator.wire.exchange import ClientGoneError
from tests.simulator.wire.websocket import WebSocket

from .chat_script import Step, gap, steps
from .conversations import jobs, studio
from .image_job import PictureWork
from .jobs import Job
from .orders import DRAWS, ImageOrder
from .refusals import stream_error
from .routes import routes
from .session import mode_of_model
from .stream import FOREVER
from .visit import Reply, Visit, problem

PING_SECONDS = 3.0
ANSWER, THOUGHT = "CHANNEL_ASSISTANT_RESPONSE", "CHANNEL_ASSISTANT_THINKING"


class Session:
    def __init__(self, visit: Visit, socket: WebSocket) -> None:
        self.visit = visit
        self.socket = socket
        self.conversation: Conversation | None = None
        self.model = "auto"
        self.pending: Turn | None = None
        self.may_draw = False
        self.pictures = 2

    async def send(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, "event_id": new_id()} | fields
        envelope: dict[str, Any] = {"session_id": self.conversation.id} if self.conversation else {}
        await self.socket.send(envelope | {"event": event})

    async def fail(self, code: str, message: str, of: str) -> None:
        await self.send("error", client_event_id=of, error={"code": code, "message": message})

    async def ping(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            await self.send("ping")

    async def on_event(self, event: dict[str, Any]) -> None:
        kind, event_id = str(event.get("type")), str(event.get("event_id") or "")
        if kind == "ping":
            await self.send("pong", client_event_id=event_id)
        elif kind == "session.create":
            await self._create(event.get("session") or {}, event_id)
        elif kind == "conversation.item.create":
            await self._add_item(event.get("item") or {}, event, event_id)
        elif kind == "response.create":
            await self._answer(event_id)
        elif kind != "pong":
            await self.fail("unknown_event", f"unknown event {kind}", event_id)

    async def _create(self, given: dict[str, Any], event_id: str) -> None:
        library, owner = self.visit.world.library, self.visit.owner
        options = given.get("x_grok") or {}
        self.model = str(given.get("model") or "auto")
        self.may_draw = bool(options.get("enable_image_generation"))
        self.pictures = int(options.get("image_generation_count") or 2)
        wanted = options.get("conversation_id")
        if wanted:
            found = library.conversations.get(str(wanted))
            if found is None or found.owner != owner.id:
                await self.fail("conversation_not_found", "Conversation not found", event_id)
                return
            self.conversation = found
        else:
            temporary = bool(options.get("is_temporary"))
            self.conversation = library.add_conversation(Conversation(owner.id, temporary=temporary))
        await self.send("session.created", client_event_id=event_id)
        conversation = {"id": self.conversation.id, "object": "realtime.conversation"}
        await self.send("conversation.attached", conversation=conversation, mode="existing" if wanted else "new")

    async def _add_item(self, item: dict[str, Any], event: dict[str, Any], event_id: str) -> None:
        if self.conversation is None:
            await self.fail("no_session", "session.create first", event_id)
            return
        options = item.get("x_grok") or {}
        text, files = "", [str(one) for one in options.get("file_attachment_ids") or []]
        for chunk in options.get("input_chunks") or []:
            text += str((chunk.get("text") or {}).get("text") or "")
            mention = ((chunk.get("mention") or {}).get("target") or {}).get("file_mention") or {}
            files += [str(mention["file_id"])] if mention.get("file_id") else []
        library, owner = self.visit.world.library, self.visit.owner
        for one in files:
            if library.input_asset(one, owner.id) is None:
                await self.fail("invalid_attachment", f"Invalid attachment: {one}", event_id)
                return
        parent = str(item.get("parent_response_id") or event.get("parent_response_id") or "")
        self.pending = Turn("human", text, parent=parent, attachments=files)
        self.conversation.turns.append(self.pending)
        await self.send("conversation.item.created", client_event_id=event_id, item={"id": self.pending.id})

    async def _answer(self, event_id: str) -> None:
        human, conversation, visit = self.pending, self.conversation, self.visit
        if human is None or conversation is None:
            await self.fail("no_item", "conversation.item.create first", event_id)
            return
        self.pending = None
        script = self._script(human.message)
        quota = visit.owner.quotas.get(mode_of_model(self.model))
        if "rate-limit-429" in script or (quota is not None and not quota.spend()):
            await self.fail("rate_limit_exceeded", "Too many requests", event_id)
            return
        if "mgw-error" in script:
            await self.fail(script["mgw-error"] or "internal_error", "Something went wrong", event_id)
            return
        answer = Turn("assistant", parent=human.id, partial=True, model=self.model)
        conversation.turns.append(answer)
        await self._stream(human, answer, script, event_id)
        if len(conversation.turns) <= 2:
            conversation.title = " ".join(human.message.split()[:6])[:60]
            await self.send("conversation.title.updated", title=conversation.title)

    def _script(self, prompt: str) -> Script:
        visit = self.visit
        played = visit.world.plays.take("mgw", (visit.owner.id, visit.owner.email), prompt, NAMES - AT_THE_DOOR)
        visit.entry.prompt = prompt
        visit.entry.params["prompts"].append(prompt)
        visit.world.ledger.changed()
        return Script(visit.script | keywords(prompt) | played)

    async def _stream(self, human: Turn, answer: Turn, script: Script, event_id: str) -> None:
        about, prompt = {"response_id": answer.id}, human.message
        await self.send(
            "response.created", client_event_id=event_id, response={"id": answer.id, "status": "in_progress"}
        )
        await self.send("response.output_item.added", item={"id": new_id(), "type": "message"}, **about)
        await self.send("response.content_part.added", part={"type": "text"}, **about)
        error = stream_error(script)
        if error is not None:
            await self.send("response.grok.output", output={"stream_error": error}, **about)
            await self.send("response.done", response={"id": answer.id, "status": "failed", "usage": {}})
            return
        thinks = "thinking" in script or self.model in ("expert", "heavy")
        planned = list(steps(prompt, script, thinks=thinks, searches="web-search" in script))
        pause = gap(script, self.visit.world.settings.pace, len(planned))
        cut_after = int(script.number("cut-stream", 4)) if "cut-stream" in script else FOREVER
        for number, step in enumerate(planned, 1):
            await asyncio.sleep(pause)
            await self._send_step(step, answer, about)
            if number >= cut_after:
                self.socket.drop()
                return
            if "stall" in script and number >= script.number("stall", 3):
                await asyncio.sleep(FOREVER)
        if "draw" in script or (self.may_draw and DRAWS.match(prompt)):
            await self._draw(human, answer, script, about)
        answer.partial = False
        done = {"id": answer.id, "status": "completed", "usage": {}}
        await self.send("response.done", response=done)
        await self.send("response.persisted", status="ok", **about)

    async def _send_step(self, step: Step, answer: Turn, about: dict[str, Any]) -> None:
        if step.kind == "thought":
            await self._chunk({"text": {"text": step.text, "channel": THOUGHT}}, about)
        elif step.kind == "search":
            await self._chunk({"tool_usage_card": {"web_search": {"args": {"query": step.text}}}}, about)
            await self.send("response.search.result", results=step.value, **about)
        elif step.kind == "citation":
            await self._chunk({"render_citation": {"url": step.value["url"], "title": step.value["title"]}}, about)
        else:
            text = step.written()
            answer.message += text
            await self._chunk({"text": {"text": text, "channel": ANSWER}}, about)

    async def _draw(self, human: Turn, answer: Turn, script: Script, about: dict[str, Any]) -> None:
        """The pictures of a REST answer, each frame put into a chunk."""
        visit = self.visit
        assert self.conversation is not None
        job = Job(self.conversation, human, answer, is_new=False)
        order = ImageOrder(human.message, "g2", int(script.number("draw", self.pictures)))
        jobs.start(job, PictureWork(visit.world, studio, visit.owner, order, script, job).draw())
        async for frame in job.follow():
            fields = frame["result"]["response"].get("streamingImageGenerationResponse")
            if fields is not None:
                names = ("imageUrl", "seq", "progress", "moderated", "imageIndex", "imageModel")
                image = {"imageUuid": fields["imageId"]} | {name: fields[name] for name in names}
                await self._chunk({"render_generated_image": {"image_chunk": image}}, about)

    async def _chunk(self, chunk: dict[str, Any], about: dict[str, Any]) -> None:
        await self.send("response.chunk", chunk=chunk, **about)


@routes.add("GET", "/ws/mgw/", "mgw", websocket=True)
async def converse(visit: Visit) -> Reply | None:
    if not visit.world.settings.mgw:
        return problem(404, 5, "Not Found")
    if visit.request.query.get("uid") != visit.owner.id:
        return problem(403, 7, "uid does not match the session")
    socket = await visit.exchange.accept_websocket()
    visit.entry.status = 101
    visit.entry.params = {"prompts": [], "messages": []}
    session = Session(visit, socket)
    heart = asyncio.ensure_future(session.ping())
    try:
        with contextlib.suppress(ClientGoneError):
            async for message in socket.messages():
                visit.entry.params["messages"].append(message)
                event = message.get("event")
                if isinstance(event, dict):
                    await session.on_event(event)
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
    visit.exchange.finished = True
    return None
