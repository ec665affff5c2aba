"""What one piece of a chat's answer says, in whichever protocol it came (REST captures 2026-03-08 and 2026-04).

Visible text is a token that is not thinking and whose tag is absent or ``final``; the tokens of tool cards and of raw
results are not for readers. Unknown pieces read as nothing and still show that the site is at work.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.grok.wire.fields import NOTHING, Json, integer, mapping, objects, text, truth
from gateway.grok.wire.frames import Frame, read_frame, response_of

_VISIBLE_TAGS = frozenset({"", "final"})
#: Fields of a frame that says nothing: an empty token, sent again and again.
_HEARTBEAT = frozenset(
    {"token", "keepAlive", "isThinking", "isSoftStop", "responseId", "messageTag", "messageStepId", "rolloutId"}
)
#: Tags of thinking tokens that a reader should not see.
_HIDDEN_TAGS = frozenset({"tool_usage_card", "raw_function_result"})


@dataclass(frozen=True, slots=True)
class SiteImage:
    """A picture on its way. progress: 0-100. url: a key below the assets host or an absolute address, empty for none."""

    id: str = ""
    url: str = ""
    index: int = 0
    progress: int | None = None
    moderated: bool = False
    rejection: str = ""
    prompt: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others of the same answer."""
        return self.id or f"#{self.index}"

    @property
    def final(self) -> bool:
        return bool(self.url) and (self.progress is None or self.progress >= 100) and "-part-" not in self.url


@dataclass(frozen=True, slots=True)
class Card:
    """What an inline ``<grok:render card_id=…>`` stands for: a source, a found picture, or a made one."""

    id: str
    url: str = ""
    title: str = ""
    image: SiteImage | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A search result."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Whole:
    """The site's own copy of the answer. closing: nothing of the answer comes after it."""

    message: str
    image_urls: tuple[str, ...] = ()
    closing: bool = True
    errors: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One piece. ending: the answer is complete but for its closing piece; done: ``stop`` or ``length``, it is complete.

    heartbeat: it only shows that the line is alive.
    """

    text: str = ""
    thought: str = ""
    heading: bool = False
    response_id: str = ""
    conversation_id: str = ""
    images: tuple[SiteImage, ...] = ()
    cards: tuple[Card, ...] = ()
    sources: tuple[Source, ...] = ()
    whole: Whole | None = None
    error: Json | None = None
    ending: bool = False
    done: str = ""
    heartbeat: bool = False


def read_chat_frame(value: Json) -> Said:
    """Read one object of the REST stream. Never fails."""
    frame = read_frame(value)
    if frame.error is not None:
        return Said(error=frame.error)
    response = response_of(value)
    if (integer(response, "sideBySideIndex") or 0) > 0 and (frame.token is not None or frame.answer is not None):
        return Said()  # the other one of two answers
    text_, thought = _words(frame)
    model = mapping(response, "modelResponse")
    image = read_image(mapping(response, "streamingImageGenerationResponse"))
    cards = [card for card in (read_card(mapping(response, "cardAttachment")),) if card is not None]
    cards += [card for entry in _list(model, "cardAttachmentsJson") if (card := read_card(entry)) is not None]
    return Said(
        text=text_,
        thought=thought,
        heading=bool(thought) and frame.tag == "header",
        response_id=frame.response_id,
        conversation_id=frame.conversation_id,
        images=() if image is None else (image,),
        cards=tuple(cards),
        sources=(*read_sources(response), *read_sources(model)),
        whole=_whole(frame, model),
        ending=frame.soft_stop or "finalMetadata" in response,
        heartbeat=_is_heartbeat(value, response, frame),
    )


def _is_heartbeat(value: Json, response: Json, frame: Frame) -> bool:
    if not response:
        return not value.get("result")
    return response.keys() <= _HEARTBEAT and not frame.token and not frame.soft_stop


def _words(frame: Frame) -> tuple[str, str]:
    """Visible text and thinking of a frame's token."""
    token, tag = frame.token or "", frame.tag.lower()
    if frame.thinking:
        return "", "" if tag in _HIDDEN_TAGS else token
    return (token, "") if tag in _VISIBLE_TAGS else ("", "")


def _whole(frame: Frame, model: Json) -> Whole | None:
    answer = frame.answer
    if answer is None or text(model, "sender").lower() in {"human", "user"}:
        return None
    urls = [
        entry if isinstance(entry, str) else text(entry, "url", "imageUrl")
        for entry in _list(model, "generatedImageUrls")
    ]
    return Whole(answer.message, tuple(url for url in urls if url), closing=not answer.partial, errors=answer.errors)


def read_image(value: Json) -> SiteImage | None:
    """Read ``streamingImageGenerationResponse`` or an ``image_chunk``; None when it is empty."""
    if not value:
        return None
    rejection = text(value, "rejectionReason", "rejection_reason")
    return SiteImage(
        id=text(value, "imageId", "imageUuid", "image_uuid", "assetId", "image_id", "id"),
        url=text(value, "imageUrl", "image_url", "url"),
        index=integer(value, "imageIndex", "image_index", "sideBySideIndex") or 0,
        progress=integer(value, "progress"),
        moderated=truth(value, "moderated"),
        rejection="" if "UNSPECIFIED" in rejection else rejection,
        prompt=text(value, "imagePrompt", "upsampledPrompt", "prompt"),
    )


def read_card(value: Any) -> Card | None:
    """Read a card attachment: an object, one with its content as JSON text under ``jsonData``, or that text itself."""
    facts = _object(value)
    inner = _object(facts.get("jsonData", facts.get("json_data")))
    facts = {**facts, **inner}
    chunk = mapping(facts, "image_chunk") or mapping(facts, "imageChunk")
    found = mapping(facts, "image")
    card = Card(
        id=text(facts, "id", "cardId", "card_id"),
        url=text(facts, "url", "link") or text(found, "link", "original", "url"),
        title=text(facts, "title") or text(found, "title") or text(mapping(facts, "metadata"), "title"),
        image=read_image(chunk),
    )
    return card if card.id or card.url or card.image is not None else None


def read_sources(value: Json) -> tuple[Source, ...]:
    """Read search results, a list or an object that holds one."""
    found: list[Json] = []
    for key in ("webSearchResults", "xSearchResults", "citedWebSearchResults"):
        found += objects(value, key) or objects(mapping(value, key), "results")
    return tuple(Source(url, text(entry, "title", "name")) for entry in found if (url := text(entry, "url", "link")))


def _object(value: Any) -> Json:
    if isinstance(value, str):
        try:
            value = json.loads(value, strict=False)
        except ValueError:
            return NOTHING
    return value if isinstance(value, dict) else NOTHING


def _list(value: Json, key: str) -> list[Any]:
    found = value.get(key)
    return found if isinstance(found, list) else []
