"""Every parameter of a response, and what becomes of it. The mechanism: ``gateway.web.parameters``."""

from __future__ import annotations

from gateway.web.parameters import HONOURED, Rules, ignored, refused

_NO_STATE = "is not supported: no conversation is kept here. Send all earlier messages as 'input'."

RULES: Rules = {
    **dict.fromkeys(
        (
            "model", "input", "instructions", "stream", "stream_options", "reasoning", "max_output_tokens", "include", "tools",
            "tool_choice", "parallel_tool_calls", "text",
        ),
        HONOURED,
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
    "max_tool_calls": ignored(),
    "background": refused("is not supported: an answer lives as long as its request.", False),
    "previous_response_id": refused(_NO_STATE),
    "conversation": refused(_NO_STATE),
    "prompt": refused("is not supported: no prompt templates are kept here."),
    "top_logprobs": refused("is not supported: the site tells no probabilities.", 0),
}  # fmt: skip
