"""Conversations as OpenAI's clients write them, read into ours: for every dialect that has messages or input items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.auth.callers import Caller
from gateway.calls.model import Role, Turn
from gateway.calls.tokens import PICTURE_TOKENS, estimate
from gateway.calls.tools import written
from gateway.errors import EmptyPrompt, InvalidRequest, UnsupportedParameter
from gateway.web.call_requests import fetch_pictures
from gateway.web.services import Services

ROLES: Mapping[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}
TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
PICTURE_PARTS = frozenset({"image_url", "input_image", "image"})
#: What a model thought before is not part of what it said.
THOUGHT_PARTS = frozenset({"thinking", "redacted_thinking", "reasoning"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A message whose pictures are still references, each with the name of its field."""

    role: Role
    text: str
    pictures: tuple[tuple[str, str], ...] = ()
    name: str | None = None


def read_messages(messages: Any, *, field: str = "messages", blocks: bool = False) -> tuple[Draft, ...]:
    """Read a chat's messages. blocks: earlier calls of tools are shown in the form that new ones are asked for.

    Raises InvalidRequest, UnsupportedParameter or EmptyPrompt, with the place as ``param``.
    """
    if not isinstance(messages, list):
        raise InvalidRequest(f"'{field}' is a list of messages.", param=field)
    if not messages:
        raise EmptyPrompt(f"'{field}' is empty: there is nothing to answer.", param=field)
    tools: dict[str, str] = {}
    return tuple(_message(message, f"{field}[{at}]", tools, blocks=blocks) for at, message in enumerate(messages))


def _message(message: Any, place: str, tools: dict[str, str], *, blocks: bool) -> Draft:
    if not isinstance(message, dict):
        raise InvalidRequest(f"'{place}' is not a message object.", param=place)
    role = read_role(message.get("role"), place)
    text, pictures = read_content(message.get("content"), f"{place}.content")
    name = message.get("name")
    if role is Role.TOOL:
        name = name or tools.get(str(message.get("tool_call_id")))
    calls = [*_dicts(message.get("tool_calls")), *_dicts([message.get("function_call")])]
    for call in calls:
        called = call.get("function") if isinstance(call.get("function"), dict) else call
        assert isinstance(called, dict)
        tools[str(call.get("id"))] = str(called.get("name") or "")
        text = f"{text}\n{called_as_text(called, block=blocks)}".strip("\n")
    return Draft(role, text, pictures, str(name) if name else None)


def read_role(value: Any, place: str) -> Role:
    role = ROLES.get(value) if isinstance(value, str) else None
    if role is None:
        listed = ", ".join(ROLES)
        raise InvalidRequest(
            f"Invalid value for '{place}.role': {value!r}. Supported values are: {listed}.", param=f"{place}.role"
        )
    return role


def read_content(content: Any, place: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the text and the pictures (reference, field) of a message's content: a string, or parts."""
    if content is None:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise InvalidRequest(f"'{place}' is a string or a list of parts.", param=place)
    texts: list[str] = []
    pictures: list[tuple[str, str]] = []
    for at, part in enumerate(content):
        where = f"{place}[{at}]"
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            raise InvalidRequest(f"'{where}' is not a part object.", param=where)
        kind = part.get("type") or ("text" if "text" in part else "image_url" if "image_url" in part else None)
        if kind in TEXT_PARTS:
            texts.append(_text_of(part, where))
        elif kind == "refusal":
            texts.append(str(part.get("refusal") or ""))
        elif kind in PICTURE_PARTS:
            pictures.append((_reference(part, where), where))
        elif kind not in THOUGHT_PARTS:
            raise UnsupportedParameter(
                f"Content parts of type {kind!r} are not supported; text and image_url are.", param=f"{where}.type"
            )
    return "\n".join(texts), tuple(pictures)


def called_as_text(call: Mapping[str, Any], *, block: bool = False) -> str:
    """A tool call of an earlier turn: shown to the site as what it was, or as it is asked to write one itself."""
    if block:
        return written(str(call.get("name") or ""), str(call.get("arguments") or ""))
    return f"[called {call.get('name') or 'a tool'} with {call.get('arguments') or '{}'}]"


async def fetched(services: Services, caller: Caller, drafts: Sequence[Draft], *, most: int) -> tuple[Turn, ...]:
    """Return *drafts* with their pictures fetched and checked. most: pictures taken. Raises InvalidImage."""
    every = [picture for draft in drafts for picture in draft.pictures]
    ids = iter(await fetch_pictures(services, caller, every, most=most))
    return tuple(Turn(draft.role, draft.text, tuple(next(ids) for _ in draft.pictures), draft.name) for draft in drafts)


def prompt_tokens(drafts: Sequence[Draft]) -> int:
    """About how many tokens a conversation is."""
    return sum(estimate(draft.text) + PICTURE_TOKENS * len(draft.pictures) for draft in drafts)


def said_last(drafts: Sequence[Draft]) -> Draft:
    """The user's last message: what a picture or a video is made of. Raises EmptyPrompt."""
    for draft in reversed(drafts):
        if draft.role is Role.USER and (draft.text.strip() or draft.pictures):
            return draft
    raise EmptyPrompt("Prompt cannot be empty", param="messages")


def _text_of(part: Mapping[str, Any], where: str) -> str:
    text = part.get("text")
    if not isinstance(text, str):
        raise InvalidRequest(f"'{where}.text' is a string.", param=f"{where}.text")
    return text


def _reference(part: Mapping[str, Any], where: str) -> str:
    found = part.get("image_url") or part.get("file_id") or part.get("image") or part.get("url")
    if isinstance(found, dict):
        found = found.get("url") or found.get("file_id")
    if not isinstance(found, str) or not found.strip():
        raise InvalidRequest(f"'{where}' names no picture: image_url.url is missing.", param=where)
    return found


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
