"""Events of the chat WebSocket ``/ws/mgw/`` (inferred 2026-08), read into the same pieces as the REST stream.

Field names come in snake case; they are read as if in camel case, so that one reader serves both and a site that changes
its mind does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.grok.wire.chat import Card, Said, Whole, read_card, read_image, read_sources
from gateway.grok.wire.fields import NOTHING, Json, mapping, objects, text

_UNDERSCORE = re.compile(r"_([a-z0-9])")
_VISIBLE = ("", "UNSPECIFIED", "RESPONSE", "FINAL")
_THINKING = ("THINKING", "ANALYSIS", "NOTETAKER", "REASON", "SUMMARY", "HEADER", "COMMENTARY")
_FAILED = frozenset({"failed", "cancelled", "canceled", "error"})


def camel(value: Any) -> Any:
    """Return *value* with all field names in camel case."""
    if isinstance(value, Mapping):
        return {_UNDERSCORE.sub(lambda m: m.group(1).upper(), str(key)): camel(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    return value


def read_mgw_event(event: Json) -> Said:
    """Read one event (camel case). Never fails; what says nothing about the answer reads as nothing."""
    kind = text(event, "type").lower()
    if kind == "error":
        return Said(error=event)
    if kind in {"response.done", "response.completed", "response.failed", "response.incomplete"}:
        return _done(kind, mapping(event, "response"))
    return _piece(kind, event)


def _piece(kind: str, event: Json) -> Said:
    said = Said()
    match kind:
        case "response.chunk":
            said = _chunk(mapping(event, "chunk"))
        case "response.output_text.delta" | "response.text.delta":
            said = Said(text=text(event, "delta", "text"))
        case "response.output_text.done" | "response.text.done":
            said = Said(whole=Whole(text(event, "text"), closing=False))
        case "response.search.result" | "response.search.results":
            said = Said(sources=(*read_sources(event), *_results(event)))
        case "response.grok.output":
            said = _output(mapping(event, "output"))
        case _ if kind.endswith(".delta") and ("reason" in kind or "thinking" in kind):
            said = Said(thought=text(event, "delta", "text"))
    return said


def _chunk(chunk: Json) -> Said:
    """Read one chunk; the object's only key says what it is."""
    if (error := chunk.get("streamError") or chunk.get("error")) is not None:
        return Said(error={"error": error})
    cards: list[Card] = []
    for key in ("renderCitation", "renderSearchedImage", "renderFile", "renderInlineCitation", "cardAttachment"):
        if (card := read_card(mapping(chunk, key))) is not None:
            cards.append(card)
    image = mapping(chunk, "renderGeneratedImage")
    found = read_image(mapping(image, "imageChunk") or mapping(chunk, "imageChunk") or image)
    sources = (
        *read_sources(chunk),
        *read_sources(mapping(chunk, "toolResult")),
        *_results(mapping(chunk, "searchResult")),
    )
    words = mapping(chunk, "text")
    said = text(words, "text") or text(chunk, "text")
    channel = text(words, "channel").upper()
    rest = {"cards": tuple(cards), "images": () if found is None else (found,), "sources": sources}
    if any(word in channel for word in _THINKING):
        return Said(thought=said, heading="HEADER" in channel, **rest)  # type: ignore[arg-type]
    visible = channel.rsplit("_", 1)[-1] in _VISIBLE or not channel
    return Said(text=said if visible else "", **rest)  # type: ignore[arg-type]


def _output(output: Json) -> Said:
    if (error := output.get("streamError")) is not None:
        return Said(error={"error": error})
    if "chunk" in output:
        return _chunk(mapping(output, "chunk"))
    card = read_card(mapping(output, "cardAttachment"))
    return Said(cards=() if card is None else (card,), sources=read_sources(output))


def _done(kind: str, response: Json) -> Said:
    status = text(response, "status").lower() or kind.rpartition(".")[2]
    details = mapping(response, "statusDetails")
    if status in _FAILED:
        error = (
            mapping(response, "error") or mapping(details, "error") or {"message": text(details, "reason") or status}
        )
        return Said(error={"error": error})
    pieces = [part for item in objects(response, "output") for part in objects(item, "content")]
    message = "".join(text(part, "text") for part in pieces)
    whole = Whole(message, closing=True) if message else None
    return Said(whole=whole, done="length" if status == "incomplete" else "stop")


def _results(value: Json) -> tuple[Any, ...]:
    results = value.get("results", value.get("result", NOTHING))
    return read_sources({"webSearchResults": results})
