"""Efforts, lengths, tools and formats as OpenAI's clients ask for them, in both of their APIs' spellings.

The site knows none of them. Tools and JSON are asked for in words and read back strictly (`calls.tools`, `calls.json_form`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gateway.calls.json_form import JsonForm
from gateway.calls.json_schema import Unchecked, understood
from gateway.calls.speech import Wanted
from gateway.calls.tools import Offer, Tool
from gateway.errors import InvalidRequest, UnsupportedParameter

#: Tools that the site has of its own and uses by itself.
SEARCH_TOOLS = frozenset(
    {
        "web_search",
        "web_search_preview",
        "web_search_2025_08_26",
        "web_search_preview_2025_03_11",
        "x_search",
        "live_search",
    }
)
MAX_TOOLS = 128
EMULATED = "x-gateway-emulated"
#: Whether to think, by how much effort is asked for; what is in between leaves it to the model.
EFFORTS: Mapping[str, bool | None] = {
    "none": False, "minimal": False, "low": None, "medium": None, "default": None, "auto": None, "high": True, "xhigh": True,
    "max": True,
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_.:\-]{1,128}")


def _tokens(value: Any) -> Any:
    """-1 and 0 are how some clients write "as many as it takes"; new-api sends 0 beside a max_completion_tokens."""
    return None if value in (0, -1, "0", "-1") and not isinstance(value, bool) else value


#: The most tokens an answer may have; None for no limit.
TokenLimit = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_tokens)]


def read_offer(fields: Mapping[str, Any]) -> Offer | None:
    """Read ``tools``, ``tool_choice`` and ``parallel_tool_calls``; None when nothing may be called.

    Raises InvalidRequest, UnsupportedParameter.
    """
    given = fields.get("tools") or []
    if not isinstance(given, list):
        raise InvalidRequest("'tools' is a list of tools.", param="tools")
    if len(given) > MAX_TOOLS:
        raise InvalidRequest(f"{MAX_TOOLS} tools are taken at most, not {len(given)}.", param="tools")
    tools = [tool for at, one in enumerate(given) if (tool := _tool(one, f"tools[{at}]")) is not None]
    choice = fields.get("tool_choice")
    if choice == "none":
        return None
    must, only = _choice(choice, {tool.name for tool in tools})
    if not tools:
        if must:
            raise InvalidRequest(
                "'tool_choice' demands a call, and no function is offered in 'tools'.", param="tool_choice"
            )
        return None
    several = fields.get("parallel_tool_calls") not in (False, "false")
    return Offer(tuple(tools), must=must, only=only, several=several)


def read_form(value: Any, param: str) -> JsonForm | None:
    """Read a ``response_format``, or the ``format`` of a response's ``text``; None for plain text.

    Raises InvalidRequest, UnsupportedParameter.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"'{param}' is an object with a 'type'.", param=param)
    match value.get("type") or "text":
        case "text":
            return None
        case "json_object":
            return JsonForm()
        case "json_schema":
            inner = value.get("json_schema")
            schema = inner.get("schema") if isinstance(inner, Mapping) else value.get("schema")
            return JsonForm(_schema(schema, f"{param}.schema"))
        case kind:
            raise UnsupportedParameter(
                f"'{param}' of type {str(kind)[:40]!r} is not supported; text, json_object and json_schema are.",
                param=param,
            )


def emulated(wanted: Wanted) -> Mapping[str, str]:
    """Return the header that says what of a request is emulated rather than done by the site."""
    said = [name for name, wish in (("tools", wanted.offer), ("json", wanted.form)) if wish is not None]
    return {EMULATED: ",".join(said)} if said else {}


def _tool(one: Any, place: str) -> Tool | None:
    if not isinstance(one, Mapping):
        raise InvalidRequest(f"'{place}' is not a tool object.", param=place)
    if one.get("type") in SEARCH_TOOLS:
        return None  # the site searches by itself
    if one.get("type") not in {None, "function"}:
        raise UnsupportedParameter(
            f"Tools of type {str(one.get('type'))[:40]!r} are not supported; functions are, and web search.",
            param=place,
        )
    said = one.get("function") if isinstance(one.get("function"), Mapping) else one
    assert isinstance(said, Mapping)
    name = said.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidRequest(f"'{place}' has no name of letters, digits, '_', '-', '.' and ':'.", param=f"{place}.name")
    parameters = said.get("parameters")
    if parameters is not None and not isinstance(parameters, Mapping):
        raise InvalidRequest(f"'{place}.parameters' is not a JSON Schema.", param=f"{place}.parameters")
    return Tool(name, str(said.get("description") or ""), parameters or {"type": "object", "properties": {}})


def _choice(choice: Any, names: set[str]) -> tuple[bool, str]:
    """Whether a call is demanded, and of which tool."""
    if choice in (None, "auto"):
        return False, ""
    if choice in ("required", "any"):
        return True, ""
    if isinstance(choice, Mapping):
        if choice.get("type") in SEARCH_TOOLS:
            return False, ""
        inner = choice.get("function")
        name = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
        if choice.get("type") in {None, "function"} and name in names:
            return True, str(name)
        if choice.get("type") == "allowed_tools":
            raise UnsupportedParameter("'tool_choice' of type 'allowed_tools' is not supported.", param="tool_choice")
    raise InvalidRequest(
        "'tool_choice' is none, auto, required, or a function that is among the tools.", param="tool_choice"
    )


def _schema(schema: Any, param: str) -> Mapping[str, Any] | None:
    if schema is None:
        return None
    try:
        understood(schema)
    except Unchecked as exc:
        raise UnsupportedParameter(
            f"The JSON Schema uses {exc}, which this gateway cannot check; leave it out of the schema.", param=param
        ) from None
    except (TypeError, AttributeError, ValueError):
        raise InvalidRequest("The JSON Schema is not valid.", param=param) from None
    return dict(schema)
