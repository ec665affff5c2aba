"""Between chat completions and calls. Pure: ids, times and addresses come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.calls.model import CallNote, ChatRequest, Role, Turn
from gateway.calls.speech import Wanted
from gateway.calls.tokens import estimate
from gateway.dialects.chat.answer import Answer, Delta
from gateway.dialects.chat.protocol import ChatCreate
from gateway.errors import GatewayError, InvalidRequest
from gateway.models import Model
from gateway.web.call_errors import to_error
from gateway.web.conversations import Draft, prompt_tokens, read_messages
from gateway.web.sse import Frame
from gateway.web.wishes import EFFORTS, read_form, read_offer

DIALECT = "chat"
DONE = Frame("[DONE]")
MAX_STOPS = 16

_THINKING: Mapping[str, bool | None] = {
    "enabled": True, "disabled": False, "auto": None, "adaptive": None, "null": None, "": None, "true": True, "false": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat as it is asked for. thinking: None leaves it to the model; include_usage: a last chunk with it."""

    drafts: tuple[Draft, ...]
    thinking: bool | None = None
    search: bool = True
    stop: tuple[str, ...] = ()
    limit_tokens: int | None = None
    include_usage: bool = False
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class Head:
    """What every object of one answer begins with. created: Unix seconds; model: as the client named it."""

    id: str
    created: int
    model: str


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: ChatCreate, fields: Mapping[str, Any], *, words: bool = True) -> Asked:
    """Read a request. words: what answers speaks, so that it can call tools. Raises InvalidRequest, UnsupportedParameter,
    EmptyPrompt."""
    if wire.messages is None:
        raise InvalidRequest("Missing required parameter: 'messages'.", param="messages")
    wanted = Wanted()
    if words:
        wanted = Wanted(read_offer(fields), read_form(fields.get("response_format"), "response_format"))
    drafts = read_messages(wire.messages, blocks=wanted.offer is not None)
    told = wanted.told()
    return Asked(
        drafts=(Draft(Role.SYSTEM, told), *drafts) if told else drafts,
        wanted=wanted,
        thinking=_thinking(wire, fields),
        search=_search(wire.search_parameters),
        stop=_stops(wire.stop),
        limit_tokens=wire.max_completion_tokens or wire.max_tokens,
        include_usage=bool(wire.stream_options.get("include_usage")),
    )


def to_request(asked: Asked, model: Model, turns: tuple[Turn, ...], *, key_id: str) -> ChatRequest:
    return ChatRequest(
        turns=turns,
        mode=model.mode,
        rest_name=model.rest_name,
        thinking=model.thinking if asked.thinking is None else asked.thinking,
        search=asked.search,
        key_id=key_id,
        note=CallNote(DIALECT, model.id),
    )


def _thinking(wire: ChatCreate, fields: Mapping[str, Any]) -> bool | None:
    """``thinking``, or ``enable_thinking`` (Cherry Studio's), says it outright; ``reasoning_effort``, or ``reasoning.effort``,
    says how much."""
    said = wire.thinking.get("type") if isinstance(wire.thinking, dict) else wire.thinking
    if said is not None:
        return _choice("thinking", said, _THINKING)
    if isinstance(fields.get("enable_thinking"), bool):
        return bool(fields["enable_thinking"])
    nested = fields.get("reasoning")
    effort = wire.reasoning_effort or (nested.get("effort") if isinstance(nested, dict) else None)
    if effort is None and isinstance(nested, dict) and isinstance(nested.get("enabled"), bool):
        return bool(nested["enabled"])
    return None if effort is None else _choice("reasoning_effort", effort, EFFORTS)


def _search(parameters: Mapping[str, Any]) -> bool:
    words = {"off": False, "on": True, "auto": True}
    return _choice("search_parameters.mode", parameters.get("mode") or "auto", words) is not False


def _choice(param: str, value: object, words: Mapping[str, bool | None]) -> bool | None:
    word = str(value).strip().lower()
    if word not in words:
        listed = ", ".join(word for word in words if word)
        raise InvalidRequest(f"Invalid value for '{param}': {value!r}. Supported values are: {listed}.", param=param)
    return words[word]


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    found = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(found) > MAX_STOPS:
        raise InvalidRequest(f"{MAX_STOPS} stop sequences are taken at most, not {len(found)}.", param="stop")
    return tuple(sequence for sequence in found if sequence)


# -- out ---------------------------------------------------------------------------------------------------------------
def to_completion(head: Head, answer: Answer, asked: Asked) -> dict[str, Any]:
    """Show a whole answer. What does not apply is left out."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.content, "refusal": None}
    if answer.calls:
        message |= {"content": answer.content or None, "tool_calls": answer.calls}
    if answer.thoughts:
        message["reasoning_content"] = answer.thoughts
    if answer.annotations:
        message["annotations"] = answer.annotations
    message |= _beside(answer)
    shown = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}],
        "usage": to_usage(answer, asked),
    }
    return shown | ({"citations": answer.citations} if answer.citations else {})


def to_first(head: Head, delta: Delta) -> Frame:
    """The first chunk: who speaks."""
    return _chunk(head, {"role": "assistant", "content": "", **delta})


def to_chunk(head: Head, delta: Delta) -> Frame:
    return _chunk(head, delta)


def to_last(head: Head, answer: Answer, asked: Asked) -> list[Frame]:
    """How a stream ends: why, what was cited, the usage where it was asked for, and the mark."""
    beside = {name: value for name, value in _beside(answer).items() if name != "generated_images"}
    more = {"citations": answer.citations} if answer.citations else {}
    frames = [_chunk(head, beside, finish_reason=answer.finish_reason, **more)]
    if asked.include_usage:
        frames.append(Frame(_base(head) | {"choices": [], "usage": to_usage(answer, asked)}))
    return [*frames, DONE]


def to_usage(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Estimated: the site counts nothing for us."""
    prompt, thoughts = prompt_tokens(asked.drafts), estimate(answer.thoughts)
    called = sum(estimate(call["function"]["name"] + call["function"]["arguments"]) for call in answer.calls)
    completion = estimate(answer.content) + called + thoughts
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
        "estimated": True,
    }


def tell(exc: GatewayError) -> list[Frame]:
    """An error in a stream that has begun."""
    return [Frame(to_error(exc).body), DONE]


def _beside(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = dict(answer.extra)
    if answer.images:
        found["generated_images"] = answer.images
    if answer.refused:
        found["refused_images"] = answer.refused
    return found


def _chunk(head: Head, delta: Delta, *, finish_reason: str | None = None, **more: Any) -> Frame:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return Frame(_base(head) | {"choices": [choice]} | more)


def _base(head: Head) -> dict[str, Any]:
    return {"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model}
