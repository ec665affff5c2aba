"""Between responses and calls: what is asked, and the objects of an answer. Pure: ids and times come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.calls.model import CallNote, ChatRequest, Role, Turn
from gateway.calls.speech import Wanted
from gateway.calls.tokens import estimate
from gateway.dialects.responses.protocol import ResponseCreate
from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest, UnsupportedParameter
from gateway.models import Model
from gateway.web.call_errors import to_error
from gateway.web.conversations import Draft, called_as_text, prompt_tokens, read_content, read_role
from gateway.web.wishes import EFFORTS, read_form, read_offer

DIALECT = "responses"

#: Text of an earlier answer by the id of its item; None when it is not known.
Recall = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A response as it is asked for. thinking: None leaves it to the model."""

    drafts: tuple[Draft, ...]
    thinking: bool | None
    limit_tokens: int | None
    wanted: Wanted = field(default_factory=Wanted)


@dataclass(frozen=True, slots=True)
class Head:
    """What every object of one answer says. created: Unix seconds; fields: of the request, shown again."""

    id: str
    created: int
    model: str
    fields: Mapping[str, Any]


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: ResponseCreate, fields: Mapping[str, Any], recall: Recall) -> Asked:
    """Read a request. Raises InvalidRequest, UnsupportedParameter, EmptyPrompt."""
    wanted = Wanted(read_offer(fields), read_form(wire.text.get("format"), "text.format"))
    drafts = _input(wire.input, recall, blocks=wanted.offer is not None)
    drafts = (*(Draft(Role.SYSTEM, told) for told in (wanted.told(), wire.instructions) if told), *drafts)
    effort = wire.reasoning.get("effort")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequest(
            f"Invalid value for 'reasoning.effort': {effort!r}. Supported values are: {', '.join(EFFORTS)}.",
            param="reasoning.effort",
        )
    return Asked(drafts, None if effort is None else EFFORTS[effort], wire.max_output_tokens, wanted)


def to_request(asked: Asked, model: Model, turns: tuple[Turn, ...], *, key_id: str) -> ChatRequest:
    return ChatRequest(
        turns=turns,
        mode=model.mode,
        rest_name=model.rest_name,
        thinking=model.thinking if asked.thinking is None else asked.thinking,
        key_id=key_id,
        note=CallNote(DIALECT, model.id),
    )


def _input(value: Any, recall: Recall, *, blocks: bool) -> tuple[Draft, ...]:
    if isinstance(value, str) and value.strip():
        return (Draft(Role.USER, value),)
    if value is None or (isinstance(value, str | list) and not value):
        raise EmptyPrompt("Prompt cannot be empty", param="input")
    if not isinstance(value, list):
        raise InvalidRequest("'input' is a string or a list of items.", param="input")
    tools: dict[str, str] = {}
    drafts = [_item(item, f"input[{at}]", recall, tools, blocks=blocks) for at, item in enumerate(value)]
    return tuple(draft for draft in drafts if draft is not None)


def _item(item: Any, place: str, recall: Recall, tools: dict[str, str], *, blocks: bool) -> Draft | None:
    if not isinstance(item, dict):
        raise InvalidRequest(f"'{place}' is not an item object.", param=place)
    match item.get("type") or "message":
        case "message":
            text, pictures = read_content(item.get("content"), f"{place}.content")
            return Draft(read_role(item.get("role"), place), text, pictures)
        case "item_reference":
            return _recalled(str(item.get("id")), place, recall)
        case "function_call" | "custom_tool_call" as kind:
            tools[str(item.get("call_id"))] = str(item.get("name") or "")
            given = item.get("arguments") if kind == "function_call" else item.get("input")
            call = {"name": item.get("name"), "arguments": given}
            return Draft(Role.ASSISTANT, called_as_text(call, block=blocks))
        case "function_call_output" | "custom_tool_call_output":
            output = item.get("output")
            text, pictures = read_content(output, f"{place}.output")
            return Draft(Role.TOOL, text, pictures, tools.get(str(item.get("call_id"))) or None)
        case "reasoning" | "web_search_call":
            return None  # what was thought and looked up is not part of what was said
        case kind:
            raise UnsupportedParameter(f"Input items of type {kind!r} are not supported.", param=f"{place}.type")


def _recalled(item_id: str, place: str, recall: Recall) -> Draft | None:
    if item_id.startswith("rs_"):
        return None
    text = recall(item_id)
    if text is None:
        raise InvalidRequest(
            f"The item {item_id[:80]!r} is not kept here any more. Send its text, or 'store': false from the beginning.",
            param=place,
        )
    return Draft(Role.ASSISTANT, text)


# -- out ---------------------------------------------------------------------------------------------------------------
def to_response(
    head: Head,
    *,
    status: str,
    output: list[dict[str, Any]],
    usage: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    incomplete: str | None = None,
    completed: int | None = None,
) -> dict[str, Any]:
    """The whole object, with all that clients require of it."""
    fields = head.fields
    return {
        "id": head.id,
        "object": "response",
        "created_at": head.created,
        "completed_at": completed,
        "status": status,
        "background": False,
        "error": error,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "instructions": fields.get("instructions"),
        "max_output_tokens": fields.get("max_output_tokens"),
        "model": head.model,
        "output": output,
        "parallel_tool_calls": bool(fields.get("parallel_tool_calls", True)),
        "previous_response_id": None,
        "reasoning": {"effort": (fields.get("reasoning") or {}).get("effort"), "summary": None},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, **(fields.get("text") or {})},
        "tool_choice": fields.get("tool_choice") or "auto",
        "tools": fields.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": fields.get("metadata") or {},
    }


def to_usage(asked: Asked, text: str, thoughts: str) -> dict[str, Any]:
    """Estimated: the site counts nothing for us."""
    given, thought = prompt_tokens(asked.drafts), estimate(thoughts)
    output = estimate(text) + thought
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": given + output,
        "estimated": True,
    }


def to_message(item_id: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": content}


def to_call(suffix: str, name: str, arguments: str) -> dict[str, Any]:
    return {
        "id": f"fc_{suffix}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{suffix}",
        "name": name,
        "arguments": arguments,
    }


def to_text(text: str, annotations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}


def to_reasoning(item_id: str, summary: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": item_id, "type": "reasoning", "status": status, "summary": summary}


def to_failure(exc: GatewayError) -> dict[str, Any]:
    """The error as a failed response carries it."""
    error = to_error(exc).body["error"]
    return {"code": error["code"], "message": error["message"]}
