"""Every parameter of a response, and what becomes of it. The mechanism: ``gateway.web.parameters``."""

from __future__ import annotations

from typing import Any

from gateway.web.parameters import HONOURED, Rules, ignored, refused, refused_unless

#: Tools that the site has of its own.
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
_NO_TOOLS = "is not supported beyond web search: the site calls no tools of its callers."
_NO_STATE = "is not supported: no conversation is kept here. Send all earlier messages as 'input'."


def _text_format(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    form = value.get("format")
    return form is None or (isinstance(form, dict) and form.get("type") in {None, "text"})


def _search_only(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(tool, dict) and tool.get("type") in SEARCH_TOOLS for tool in value
    )


def _choice(value: Any) -> bool:
    return value in ("none", "auto") or (isinstance(value, dict) and value.get("type") in SEARCH_TOOLS)


RULES: Rules = {
    **dict.fromkeys(
        ("model", "input", "instructions", "stream", "stream_options", "reasoning", "max_output_tokens", "include"), HONOURED
    ),
    "temperature": ignored(1),
    "top_p": ignored(1),
    "user": ignored(),
    "metadata": ignored(),
    "store": ignored(False, True),
    "truncation": ignored("auto", "disabled"),
    "service_tier": ignored("auto", "default"),
    "safety_identifier": ignored(),
    "prompt_cache_key": ignored(),
    "prompt_cache_retention": ignored(),
    "parallel_tool_calls": ignored(True, False),
    "max_tool_calls": ignored(),
    "background": refused("is not supported: an answer lives as long as its request.", False),
    "previous_response_id": refused(_NO_STATE),
    "conversation": refused(_NO_STATE),
    "prompt": refused("is not supported: no prompt templates are kept here."),
    "top_logprobs": refused("is not supported: the site tells no probabilities.", 0),
    "tools": refused_unless(_search_only, _NO_TOOLS),
    "tool_choice": refused_unless(_choice, _NO_TOOLS),
    "text": refused_unless(
        _text_format, "with a format is not supported: the site promises none. Ask for JSON in the prompt, and check it."
    ),
}  # fmt: skip
