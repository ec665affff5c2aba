"""An answer as it grows: hears what happens, says what to tell a client that follows, and amounts to the whole in the end.

Pure: addresses of pictures come in with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from gateway.calls.cutting import Cutter
from gateway.calls.model import Citation, Ended, Picture, PictureRefused
from gateway.calls.speech import Speech
from gateway.errors import AnswerCut, ContentModerated, EmptyAnswer

#: What a stream's chunk adds to the message.
Delta: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """cutter: ends the text where the client wants it ended. speech: tells text from calls of tools. suffix: of the ids of
    those. extra: further fields of the message."""

    cutter: Cutter = field(default_factory=Cutter)
    speech: Speech = field(default_factory=Speech)
    suffix: str = ""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    citations: list[str] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    _reason: str | None = None
    _shown: list[str] = field(default_factory=list)
    _thoughts: list[str] = field(default_factory=list)
    _heard: list[str] = field(default_factory=list)
    _copy: str | None = None
    _length: int = 0
    _inserted: int = 0
    _after_picture: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing more is wanted or will come."""
        return self._reason is not None

    @property
    def finish_reason(self) -> str:
        return self._reason or "stop"

    @property
    def content(self) -> str:
        """The text with its pictures; the site's own copy of it, where that is another."""
        if self._copy is None:
            return "".join(self._shown)
        pictures = [markdown(image["url"], image.get("revised_prompt", "")) for image in self.images]
        return "\n\n".join([self._copy, *pictures])

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The tools that the model calls, once the answer is over."""
        if self._reason != "tool_calls":
            return []
        return [
            {
                "id": f"call_{self.suffix}{at}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for at, call in enumerate(self.speech.calls)
        ]

    @property
    def thoughts(self) -> str:
        return "".join(self._thoughts)

    def think(self, text: str, *, title: bool = False) -> Delta:
        if title:
            text = f"{chr(10) * 2 if self._thoughts else ''}**{text.strip()}**\n\n"
        self._thoughts.append(text)
        return {"reasoning_content": text}

    def say(self, text: str) -> Delta:
        """Hear text; what is told may be less: some is held back, some is beyond the end."""
        self._heard.append(text)
        shown = self.cutter.feed(self.speech.feed(text))
        if self.cutter.ended:
            self._reason = self.cutter.ended
        return self._show(shown)

    def cite(self, citation: Citation) -> Delta:
        self._cite(citation.url)
        place = self._length if citation.start is None else citation.start + self._inserted
        end = place if citation.end is None else citation.end + self._inserted
        annotation = {
            "type": "url_citation",
            "url_citation": {
                "url": citation.url,
                "title": citation.title or urlsplit(citation.url).hostname or citation.url,
                "start_index": place,
                "end_index": max(place, end),
            },
        }
        self.annotations.append(annotation)
        return {"annotations": [annotation]}

    def picture(self, picture: Picture, url: str) -> Delta:
        """A picture made for the answer: a link in the text, and what is known of it beside."""
        image = {"url": url, "width": picture.width, "height": picture.height, "mime_type": picture.media_type}
        if picture.prompt:
            image["revised_prompt"] = picture.prompt
        self.images.append(image)
        text = f"{chr(10) * 2 if self._shown else ''}{markdown(url, picture.prompt)}"
        self._shown.append(text)
        self._length += len(text)
        self._inserted += len(text)
        self._after_picture = True
        return {"content": text, "generated_images": [image]}

    def refuse(self, refusal: PictureRefused) -> None:
        self.refused.append({"index": refusal.index, "code": refusal.code, "reason": refusal.reason})

    def end(self, ended: Ended) -> Delta:
        """All was heard. Returns the rest of the text. Raises EmptyAnswer, ContentModerated."""
        for source in ended.sources:
            self._cite(source.url)
        heard = "".join(self._heard)
        delta: Delta = {}
        if ended.text.startswith(heard):
            delta = self.say(ended.text[len(heard) :])
            rest = "" if self.cutter.ended else self.cutter.feed(self.speech.finish())
            delta = _joined(delta, self._show(rest))
        else:
            again = Cutter(self.cutter.stops, self.cutter.limit_tokens)
            self.speech = Speech(self.speech.wanted)
            self._copy = again.feed(self.speech.feed(ended.text) + self.speech.finish()) + again.finish()
        delta = _joined(delta, self._show(self.cutter.finish()))
        self._reason = self.cutter.ended or ended.reason
        if self.speech.calls and not self.cutter.ended:
            self._reason = "tool_calls"
            delta = {**delta, "tool_calls": [{"index": at, **call} for at, call in enumerate(self.calls)]}
        self.check()
        return delta

    def check(self) -> None:
        """Raise when there is nothing in it for a reader."""
        if not self.over:
            raise AnswerCut("The site's answer broke off before its end.")
        if self.content.strip() or self.cutter.ended or self.calls:
            return
        if self.refused:
            raise ContentModerated(f"The site refuses this content: {self.refused[0]['reason']}")
        raise EmptyAnswer("The site called its answer complete and there was nothing in it.")

    def _show(self, text: str) -> Delta:
        if not text:
            return {}
        if self._after_picture and not text.startswith("\n"):
            text = f"\n\n{text}"
            self._inserted += 2
        self._after_picture = False
        self._shown.append(text)
        self._length += len(text)
        return {"content": text}

    def _cite(self, url: str) -> None:
        if urlsplit(url).scheme in {"http", "https"} and url not in self.citations:
            self.citations.append(url)


def markdown(url: str, title: str) -> str:
    """A picture's link; its title is one line without brackets."""
    words = " ".join(title.split()).replace("[", "(").replace("]", ")")[:120]
    return f"![{words or 'image'}]({url})"


def _joined(first: Delta, second: Delta) -> Delta:
    if "content" in first and "content" in second:
        return {**first, "content": first["content"] + second["content"]}
    return {**first, **second}
