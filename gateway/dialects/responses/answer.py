"""An answer as a sequence of events, in the exact order that clients count on, and as the object it amounts to. Pure.

A reasoning item comes first where the site thinks, then one message with one text. Events are numbered from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gateway.calls.cutting import Cutter
from gateway.calls.model import Citation, Ended, PictureRefused
from gateway.calls.speech import Speech
from gateway.dialects.responses import translate
from gateway.dialects.responses.translate import Asked, Head
from gateway.errors import AnswerCut, ContentModerated, EmptyAnswer, GatewayError
from gateway.web.call_errors import to_error
from gateway.web.sse import Frame

Event = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """Hears what happens; what it returns is to be told to a client that follows. suffix: of this answer's ids."""

    head: Head
    asked: Asked
    suffix: str
    cutter: Cutter = field(default_factory=Cutter)
    speech: Speech = field(default_factory=Speech)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    refused: list[PictureRefused] = field(default_factory=list)
    _number: int = 0
    _output: list[dict[str, Any]] = field(default_factory=list)
    _thoughts: list[str] = field(default_factory=list)
    _shown: list[str] = field(default_factory=list)
    _heard: list[str] = field(default_factory=list)
    _copy: str | None = None
    _thinking: bool = False
    _speaking: bool = False
    _reason: str | None = None

    @property
    def over(self) -> bool:
        return self._reason is not None

    @property
    def message_id(self) -> str:
        return f"msg_{self.suffix}"

    @property
    def text(self) -> str:
        return "".join(self._shown) if self._copy is None else self._copy

    def begin(self) -> list[Event]:
        shown = translate.to_response(self.head, status="in_progress", output=[])
        return [self._event("response.created", response=shown), self._event("response.in_progress", response=shown)]

    def think(self, text: str, *, title: bool = False) -> list[Event]:
        if self._speaking:
            return []  # an afterthought: its item is closed
        events: list[Event] = []
        if not self._thinking:
            self._thinking = True
            item = translate.to_reasoning(self._reasoning_id, [], "in_progress")
            part = {"type": "summary_text", "text": ""}
            events = [
                self._event("response.output_item.added", output_index=0, item=item),
                self._event("response.reasoning_summary_part.added", **self._summary, part=part),
            ]
        if title:
            text = f"{chr(10) * 2 if self._thoughts else ''}**{text.strip()}**\n\n"
        self._thoughts.append(text)
        return [*events, self._event("response.reasoning_summary_text.delta", **self._summary, delta=text)]

    def say(self, text: str) -> list[Event]:
        self._heard.append(text)
        shown = self.cutter.feed(self.speech.feed(text))
        if self.cutter.ended:
            self._reason = self.cutter.ended
        return self._show(shown)

    def cite(self, citation: Citation) -> list[Event]:
        events = self._speak()
        place = len(self.text) if citation.start is None else citation.start
        annotation = {
            "type": "url_citation",
            "url": citation.url,
            "title": citation.title or urlsplit(citation.url).hostname or citation.url,
            "start_index": place,
            "end_index": max(place, place if citation.end is None else citation.end),
        }
        index = len(self.annotations)
        self.annotations.append(annotation)
        added = self._event(
            "response.output_text.annotation.added", **self._part, annotation_index=index, annotation=annotation
        )
        return [*events, added]

    def picture(self, url: str, title: str) -> list[Event]:
        """A picture made for the answer: a link in its text."""
        words = " ".join(title.split()).replace("[", "(").replace("]", ")")[:120] or "image"
        return self._show(f"{chr(10) * 2 if self._shown else ''}![{words}]({url})\n\n")

    def end(self, ended: Ended) -> list[Event]:
        """All was heard: the rest of the text."""
        heard = "".join(self._heard)
        events: list[Event] = []
        if ended.text.startswith(heard):
            events = self.say(ended.text[len(heard) :])
            if not self.cutter.ended:
                events += self._show(self.cutter.feed(self.speech.finish()))
        elif not self._shown_more_than(heard):
            again = Cutter(self.cutter.stops, self.cutter.limit_tokens)
            self.speech = Speech(self.speech.wanted)
            self._copy = again.feed(self.speech.feed(ended.text) + self.speech.finish()) + again.finish()
        events += self._show(self.cutter.finish())
        self._reason = self.cutter.ended or ended.reason
        return events

    def finish(self, completed: int) -> list[Event]:
        """Close what is open. Raises EmptyAnswer, ContentModerated, AnswerCut."""
        if not self.over:
            raise AnswerCut("The site's answer broke off before its end.")
        calls = [] if self.cutter.ended else self.calls
        if not self.text.strip() and not self.cutter.ended and not calls:
            if self.refused:
                raise ContentModerated(f"The site refuses this content: {self.refused[0].reason}")
            raise EmptyAnswer("The site called its answer complete and there was nothing in it.")
        events = self._close_message() if self.text or not calls else self._close_thoughts()
        for call in calls:
            events += self._call(call)
        name = "response.incomplete" if self._cut else "response.completed"
        return [*events, self._event(name, response=self.whole(completed))]

    def whole(self, completed: int) -> dict[str, Any]:
        return translate.to_response(
            self.head,
            status="incomplete" if self._cut else "completed",
            output=self._output,
            usage=translate.to_usage(self.asked, self.text + self._called, "".join(self._thoughts)),
            incomplete="max_output_tokens" if self._cut else None,
            completed=completed,
        )

    def fail(self, exc: GatewayError) -> list[Event]:
        """How an error ends a stream that has begun. Both spellings of an error: SDKs differ."""
        error = to_error(exc).body["error"]
        failed = translate.to_response(self.head, status="failed", output=self._output, error=translate.to_failure(exc))
        return [
            self._event("error", **{name: error[name] for name in ("code", "message", "param")}, error=error),
            self._event("response.failed", response=failed),
        ]

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The tools that the model calls, as items."""
        return [
            translate.to_call(f"{self.suffix[:20]}{at}", call.name, call.arguments)
            for at, call in enumerate(self.speech.calls)
        ]

    # -- inside

    @property
    def _called(self) -> str:
        return "".join(item["name"] + item["arguments"] for item in self.calls)

    def _close_message(self) -> list[Event]:
        events = self._speak()
        part = translate.to_text(self.text, self.annotations)
        item = translate.to_message(self.message_id, [part], "incomplete" if self._cut else "completed")
        self._output.append(item)
        return [
            *events,
            self._event("response.output_text.done", **self._part, text=self.text, logprobs=[]),
            self._event("response.content_part.done", **self._part, part=part),
            self._event("response.output_item.done", output_index=self._index, item=item),
        ]

    def _call(self, item: dict[str, Any]) -> list[Event]:
        """A call, all at once: its arguments are known when it is."""
        at = len(self._output)
        self._output.append(item)
        where = {"item_id": item["id"], "output_index": at}
        begun = {**item, "arguments": "", "status": "in_progress"}
        arguments = item["arguments"]
        return [
            self._event("response.output_item.added", output_index=at, item=begun),
            self._event("response.function_call_arguments.delta", **where, delta=arguments),
            self._event("response.function_call_arguments.done", **where, name=item["name"], arguments=arguments),
            self._event("response.output_item.done", output_index=at, item=item),
        ]

    @property
    def _cut(self) -> bool:
        return self._reason == "length"

    @property
    def _reasoning_id(self) -> str:
        return f"rs_{self.suffix}"

    @property
    def _index(self) -> int:
        return 1 if self._thinking else 0

    @property
    def _summary(self) -> dict[str, Any]:
        return {"item_id": self._reasoning_id, "output_index": 0, "summary_index": 0}

    @property
    def _part(self) -> dict[str, Any]:
        return {"item_id": self.message_id, "output_index": self._index, "content_index": 0}

    def _shown_more_than(self, heard: str) -> bool:
        """Whether pictures stand in the text, which the site's copy knows nothing of."""
        return len("".join(self._shown)) > len(heard)

    def _show(self, text: str) -> list[Event]:
        if not text:
            return []
        events = self._speak()
        self._shown.append(text)
        return [*events, self._event("response.output_text.delta", **self._part, delta=text, logprobs=[])]

    def _speak(self) -> list[Event]:
        """Close the reasoning and open the message, once."""
        if self._speaking:
            return []
        events = self._close_thoughts()
        message = translate.to_message(self.message_id, [], "in_progress")
        return [
            *events,
            self._event("response.output_item.added", output_index=self._index, item=message),
            self._event("response.content_part.added", **self._part, part=translate.to_text("", [])),
        ]

    def _close_thoughts(self) -> list[Event]:
        """From here on thoughts come too late; close the item of those that came."""
        if self._speaking:
            return []
        self._speaking = True
        if not self._thinking:
            return []
        part = {"type": "summary_text", "text": "".join(self._thoughts)}
        item = translate.to_reasoning(self._reasoning_id, [part], "completed")
        self._output.append(item)
        return [
            self._event("response.reasoning_summary_text.done", **self._summary, text=part["text"]),
            self._event("response.reasoning_summary_part.done", **self._summary, part=part),
            self._event("response.output_item.done", output_index=0, item=item),
        ]

    def _event(self, kind: str, /, **fields: Any) -> Event:
        self._number += 1
        return {"type": kind, "sequence_number": self._number - 1, **fields}


def frames(events: list[Event]) -> list[Frame]:
    return [Frame(event, event=event["type"]) for event in events]
