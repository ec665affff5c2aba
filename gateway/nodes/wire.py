"""Calls between nodes as lines of JSON: requests, events and errors of `gateway.calls`, and back. Pure.

Nodes of the version before may read what this one writes and the other way round: fields nobody knows are left out, events
nobody knows are skipped, and an error nobody knows becomes the nearest one of its ancestors.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any

from gateway.calls.model import (
    ChatEvent,
    ChatRequest,
    Citation,
    Ended,
    ImageEvent,
    ImageRequest,
    Picture,
    PicturePreview,
    PictureRefused,
    Reasoning,
    Role,
    Text,
    Turn,
)
from gateway.errors import GatewayError, Internal, UpstreamDrifted

CallEvent = ChatEvent | ImageEvent
_EVENTS: Mapping[str, type[Any]] = {
    one.__name__: one for one in (Reasoning, Text, Citation, Picture, PicturePreview, PictureRefused, Ended)
}


class Word(StrEnum):
    """What a line says by itself."""

    ACCEPTED = "accepted"  # the node works on it now
    BUSY = "busy"  # it has no free place: ask another
    BEAT = "beat"  # nothing yet, and it still works
    END = "end"


def line(value: Mapping[str, Any]) -> bytes:
    """One line; ASCII, so that nothing in a text can be taken for its end."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def word_line(word: Word) -> bytes:
    return line({"word": word.value})


def profile_line(name: str) -> bytes:
    """Whose work the call is from now on."""
    return line({"profile": name})


# -- requests ----------------------------------------------------------------------------------------------------------
def request_to_json(request: ChatRequest | ImageRequest) -> dict[str, Any]:
    return {one.name: _plain(getattr(request, one.name)) for one in fields(request) if one.name != "note"}


def chat_from_json(data: Mapping[str, Any]) -> ChatRequest:
    turns = tuple(
        Turn(Role(turn["role"]), turn["text"], tuple(turn.get("images", ())), turn.get("name"))
        for turn in data["turns"]
    )
    return ChatRequest(**{**_known(ChatRequest, data), "turns": turns})


def images_from_json(data: Mapping[str, Any]) -> ImageRequest:
    return ImageRequest(**{**_known(ImageRequest, data), "images": tuple(data.get("images", ()))})


# -- events ------------------------------------------------------------------------------------------------------------
def event_line(event: CallEvent) -> bytes:
    return line({"event": type(event).__name__, "data": _plain(event)})


def event_from_json(said: Mapping[str, Any]) -> CallEvent | None:
    """Return the event of a line, None when this version knows no such event."""
    cls = _EVENTS.get(said["event"])
    if cls is None:
        return None
    data = _known(cls, said["data"])
    if cls is PicturePreview:
        data["data"] = base64.b64decode(data["data"])
    if cls is Ended:
        data["sources"] = tuple(Citation(**_known(Citation, one)) for one in data.get("sources", ()))
    found: CallEvent = cls(**data)
    return found


# -- errors ------------------------------------------------------------------------------------------------------------
def error_line(error: GatewayError) -> bytes:
    ancestors = [cls.__name__ for cls in type(error).__mro__ if issubclass(cls, GatewayError)]
    said = {
        "classes": ancestors,
        "message": error.message,
        "param": error.param,
        "retry_after_s": error.retry_after_s,
        "field": getattr(error, "field", None),
    }
    return line({"error": said})


def error_from_json(said: Mapping[str, Any]) -> GatewayError:
    known = {cls.__name__: cls for cls in _all(GatewayError)}
    cls = next((known[name] for name in said["classes"] if name in known), Internal)
    if issubclass(cls, UpstreamDrifted):
        return cls(said["message"], field=said.get("field") or "")
    return cls(said["message"], param=said.get("param"), retry_after_s=said.get("retry_after_s"))


def _all(cls: type[GatewayError]) -> list[type[GatewayError]]:
    """The tree of `gateway.errors`; what others derive for themselves is made in other ways."""
    below = [one for sub in cls.__subclasses__() for one in _all(sub)]
    return [cls, *below] if cls.__module__ == GatewayError.__module__ else below


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _known(cls: type[Any], data: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(cls)}
    return {name: value for name, value in data.items() if name in names}
