"""What a chat may ask for: thinking, parameters and what becomes of them, and every mistake."""

import pytest

from tests.front.shape import assert_error_shape

pytestmark = pytest.mark.asyncio(loop_scope="module")
CHAT = "/v1/chat/completions"
ASK = {"model": "grok-4", "messages": [{"role": "user", "content": "hi"}]}


async def whole(front, **fields):
    answer = await front.http.post(CHAT, json=ASK | fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({"model": "grok-3"}, None), ({"model": "grok-4"}, True), ({"thinking": "disabled"}, False), ({"thinking": "enabled", "model": "grok-3"}, True),
        ({"thinking": None, "model": "grok-3"}, None), ({"thinking": {"type": "disabled"}}, False), ({"thinking": False}, False), ({"thinking": True, "model": "grok-3"}, True), ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "high", "model": "grok-3"}, True), ({"reasoning_effort": "low", "model": "grok-3"}, None),
        ({"reasoning": {"effort": "high"}, "model": "grok-3"}, True), ({"enable_thinking": False}, False),
        ({"enable_thinking": True, "model": "grok-3", "reasoning_effort": "low"}, True),
    ],
)  # fmt: skip
async def test_thinking(calm, fields, thinking):
    await whole(calm, **fields)
    assert calm.site.calls.last.thinking is thinking


async def test_a_models_mode_and_searching(calm):
    await whole(calm, model="grok-4.1-fast", search_parameters={"mode": "off"})
    asked = calm.site.calls.last
    assert (asked.mode, asked.rest_name, asked.search) == ("fast", "grok-4-1-non-thinking-w-tool", False)
    await whole(calm, model="gpt-4o")
    assert (calm.site.calls.last.mode, calm.site.calls.last.search) == ("auto", True)


async def test_advice_is_ignored_and_said_so(calm):
    answer = await calm.http.post(CHAT, json=ASK | {
        "temperature": 0.7, "top_p": 0.9, "seed": 5, "user": "u", "metadata": {"a": "b"}, "presence_penalty": 0, "n": 1, "logprobs": False,
        "response_format": {"type": "text"}, "tools": [], "tool_choice": "auto", "parallel_tool_calls": True, "logit_bias": {}, "whatever": 1,
    })  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["x-gateway-ignored"] == "temperature,top_p,seed,user,metadata,whatever"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2), ("functions", [{"name": "f"}]), ("function_call", {"name": "f"}),
        ("response_format", {"type": "grammar"}), ("logprobs", True),
        ("top_logprobs", 3), ("logit_bias", {"1": 1}), ("modalities", ["text", "audio"]), ("audio", {"voice": "x"}), ("deferred", True),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused_by_name(calm, field, value):
    asked = len(calm.site.calls.chats)
    answer = await calm.http.post(CHAT, json=ASK | {field: value, "stream": True})
    error = assert_error_shape(answer, 400, "unsupported_parameter", param=field, type_="invalid_request_error")
    assert f"'{field}'" in error["message"]
    assert len(calm.site.calls.chats) == asked


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "nope"}, 404, "model_not_found", "model"),
        ({"model": None}, 400, "invalid_value", "model"),
        ({"messages": None}, 400, "invalid_value", "messages"),
        ({"messages": []}, 400, "empty_prompt", "messages"),
        ({"messages": "hi"}, 400, "invalid_value", "messages"),
        ({"messages": [1]}, 400, "invalid_value", "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "invalid_value", "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_value", "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "unsupported_parameter", "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, 400, "unsupported_parameter", "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, 400, "invalid_value", "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "invalid_value", "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x/y"}}]}]}, 400, "invalid_image", "messages[0].content[0]"),
        ({"stop": ["a"] * 17}, 400, "invalid_value", "stop"),
        ({"max_tokens": -5}, 400, "invalid_value", "max_tokens"),
        ({"thinking": "much"}, 400, "invalid_value", "thinking"),
        ({"reasoning_effort": "very"}, 400, "invalid_value", "reasoning_effort"),
        ({"search_parameters": {"mode": "x"}}, 400, "invalid_value", "search_parameters.mode"),
        ({"stream": "perhaps"}, 400, "invalid_value", "stream"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_mistakes_are_answered_before_anything_is_asked(calm, change, status, code, param, stream):
    asked = len(calm.site.calls.chats)
    answer = await calm.http.post(CHAT, json=ASK | {"stream": stream} | change)
    assert_error_shape(answer, status, code, param=param, type_="invalid_request_error")
    assert len(calm.site.calls.chats) == asked
