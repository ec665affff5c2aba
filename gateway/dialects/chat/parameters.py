"""Every parameter of a chat, and what becomes of it. The mechanism: ``gateway.web.parameters``."""

from __future__ import annotations

from typing import Any

from gateway.web.parameters import HONOURED, Rules, ignored, refused, refused_unless

_OLD = "is not supported: say it with 'tools' and 'tool_choice', which took its place."
_NO_TOOLS = "is not supported by models that make pictures or videos: these call no tools."
_NO_JSON = "is not supported by models that make pictures or videos: they answer with links."


def _text_format(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in {None, "text"}


def _text_only(value: Any) -> bool:
    return isinstance(value, list) and set(map(str, value)) <= {"text", "image"}


RULES: Rules = {
    **dict.fromkeys(
        (
            "model",
            "messages",
            "stream",
            "stream_options",
            "thinking",
            "enable_thinking",
            "reasoning_effort",
            "reasoning",
            "stop",
            "max_tokens",
            "max_completion_tokens",
            "search_parameters",
            "web_search_options",
            "video_config",
            "image_config",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "response_format",
        ),
        HONOURED,
    ),
    # advice that cannot be passed on; at these values it asks for nothing
    "temperature": ignored(1),
    "top_p": ignored(1),
    "top_k": ignored(0, -1),
    "min_p": ignored(0),
    "presence_penalty": ignored(0),
    "frequency_penalty": ignored(0),
    "repetition_penalty": ignored(1),
    "seed": ignored(),
    "user": ignored(),
    "metadata": ignored(),
    "store": ignored(False),
    "service_tier": ignored("auto", "default"),
    "safety_identifier": ignored(),
    "prompt_cache_key": ignored(),
    "prompt_cache_retention": ignored(),
    "prediction": ignored(),
    "verbosity": ignored("medium"),
    # what would give the client something else than it asked for
    "n": refused("is 1 here: the site gives one answer. Send the request again for another.", 1),
    "functions": refused(_OLD),
    "function_call": refused(_OLD, "none", "auto"),
    "logprobs": refused("is not supported: the site tells no probabilities.", False),
    "top_logprobs": refused("is not supported: the site tells no probabilities.", 0),
    "logit_bias": refused("is not supported: the site takes no bias."),
    "modalities": refused_unless(_text_only, "is not supported beyond text: the site's chat gives no sound."),
    "audio": refused("is not supported: the site's chat gives no sound."),
    "deferred": refused("is not supported: answers are given at once.", False),
}

#: For models that make pictures or videos. Clients offer their tools to every model; these have no use for them.
MADE_RULES: Rules = {
    **RULES,
    "tools": ignored(),
    "parallel_tool_calls": ignored(True, False),
    "tool_choice": refused(_NO_TOOLS, "none", "auto"),
    "response_format": refused_unless(_text_format, _NO_JSON),
}
