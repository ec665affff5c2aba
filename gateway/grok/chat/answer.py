"""An answer put together from its pieces: what the caller is told as they come, and what it amounts to in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gateway.calls.model import ChatEvent, Citation, Ended, PictureRefused, Reasoning, Text
from gateway.grok.chat.inline import InlineMarks, Mark, without_marks
from gateway.grok.wire.chat import Card, Said, SiteImage, Whole
from gateway.grok.wire.fields import Json


@dataclass(slots=True)
class Answer:
    """Hears pieces, one after the other.

    thoughts: whether reasoning is passed on. draw: pictures at most. begun: the site generated something. complete: nothing
    more will come; ending: only a closing piece may.
    """

    thoughts: bool = True
    draw: int = 10
    begun: bool = False
    complete: bool = False
    ending: bool = False
    reason: str = "stop"
    conversation_id: str = ""
    response_id: str = ""
    errors: tuple[Json, ...] = ()
    refused: int = 0
    wanted: int = 0
    _marks: InlineMarks = field(default_factory=InlineMarks)
    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _whole: str = ""
    _cards: dict[str, Card] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _cited: set[str] = field(default_factory=set)
    _titles: dict[str, str] = field(default_factory=dict)
    _images: dict[str, SiteImage] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)
    _urls: set[str] = field(default_factory=set)
    _copy: Whole | None = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def barren(self) -> bool:
        """Whether there is nothing in it for a reader."""
        return not self.text.strip() and not self._whole.strip() and not self.wanted

    def hear(self, said: Said) -> Iterator[ChatEvent | SiteImage]:
        """Take one piece in; yields what to tell the caller, and finished pictures to fetch."""
        self.conversation_id = self.conversation_id or said.conversation_id
        self._titles.update({source.url: source.title for source in said.sources if source.title or source.url})
        if said.thought:
            self.begun = True
            if self.thoughts:
                yield Reasoning(said.thought, title=said.heading)
        if said.text and (not self.response_id or said.response_id in {self.response_id, ""}):
            self.begun = True
            self.response_id = self.response_id or said.response_id
            yield from self._show(self._marks.feed(said.text))
        for card in said.cards:
            yield from self._card(card)
        for image in said.images:
            yield from self._image(image)
        if said.whole is not None:
            self._copy = said.whole
            self.errors = self.errors or said.whole.errors
            self.complete = self.complete or said.whole.closing
        self.ending = self.ending or said.ending
        if said.done:
            self.reason = said.done
            self.complete = True
        if self.complete:
            yield from self.close()

    def close(self) -> Iterator[ChatEvent | SiteImage]:
        """Nothing more will come: yields what was held back, and what only the site's own copy has."""
        self.complete = True
        if self._copy is not None:
            yield from self._repair(self._copy)
            self._copy = None
        yield from self._rest()

    def ended(self) -> Ended:
        """Return how it ended; the site's own copy of the text where it is another."""
        shown = self.text
        whole = self._whole if self._whole and not shown.startswith(self._whole) else shown
        sources = tuple(Citation(url, title) for url, title in self._titles.items())
        return Ended(self.reason, whole, sources)

    def _show(self, parts: list[str | Mark]) -> Iterator[ChatEvent]:
        for part in parts:
            if isinstance(part, str):
                self._parts.append(part)
                self._length += len(part)
                yield Text(part)
            elif part.card_id and part.card_id not in self._places:
                self._places[part.card_id] = self._length
                if part.card_id in self._cards:
                    yield from self._cite(self._cards[part.card_id])

    def _card(self, card: Card) -> Iterator[ChatEvent | SiteImage]:
        if card.image is not None:
            yield from self._image(card.image)
            return
        if card.id:
            self._cards[card.id] = card
        if not card.id or card.id in self._places:
            yield from self._cite(card)

    def _cite(self, card: Card) -> Iterator[ChatEvent]:
        """Tell a source once per card; where it stands is known once its mark was seen."""
        name = card.id or card.url
        if not card.url or name in self._cited:
            return
        self._cited.add(name)
        place = self._places.get(card.id)
        yield Citation(card.url, card.title or self._titles.get(card.url, ""), place, place)

    def _image(self, image: SiteImage) -> Iterator[ChatEvent | SiteImage]:
        self.begun = True
        if image.key in self._settled:
            return
        if image.moderated or image.rejection:
            why = f": {image.rejection}" if image.rejection else ""
            yield self._refuse(image.key, f"the site made this picture and withholds it{why}")
            return
        self._images[image.key] = image
        if image.final:
            self._settled.add(image.key)
            if _path(image.url) not in self._urls and self.wanted < self.draw:
                self._urls.add(_path(image.url))
                self.wanted += 1
                yield image

    def _refuse(self, key: str, reason: str) -> PictureRefused:
        self._settled.add(key)
        self.refused += 1
        return PictureRefused(len(self._settled) - 1, "content_moderated", reason)

    def _repair(self, copy: Whole) -> Iterator[ChatEvent | SiteImage]:
        """Fill gaps from the site's own copy, and take pictures that only it names."""
        shown, self._whole = self.text, without_marks(copy.message)
        if self._whole and self._whole.startswith(shown):
            self._marks = InlineMarks()  # what it holds is in the copy, too
            marks, at = InlineMarks(), 0
            for part in (*marks.feed(copy.message), *marks.flush()):
                if isinstance(part, Mark):
                    yield from self._show([part] if at >= len(shown) else [])
                    continue
                fresh = part[max(0, len(shown) - at) :]
                at += len(part)
                if fresh:
                    self.begun = True
                    yield from self._show([fresh])
        for url in copy.image_urls:
            yield from self._image(SiteImage(id=url, url=url, progress=100))

    def _rest(self) -> Iterator[ChatEvent | SiteImage]:
        yield from self._show(self._marks.flush())
        for card in self._cards.values():
            yield from self._cite(card)
        for key in self._images.keys() - self._settled:
            yield self._refuse(key, "the site began this picture and never finished it")


def _path(url: str) -> str:
    """Return what is equal for the same file, named relatively or absolutely."""
    return urlsplit(url).path.lstrip("/")
