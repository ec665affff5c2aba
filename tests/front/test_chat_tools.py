"""Tools and JSON in chats: offered in words, read back strictly, told as OpenAI tells them."""

import json

import pytest

from gateway.calls.model import Ended, Role, Text
from tests.front.shape import assert_error_shape
from tests.front.sse_text import chunks, content

CHAT = "/v1/chat/completions"
TOOLS = [
    {"type": "function", "function": {"name": "weather", "description": "Tells the weather.",
     "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}},
    {"type": "function", "function": {"name": "time"}},
]  # fmt: skip
ASK = {"model": "grok-3", "messages": [{"role": "user", "content": "Weather in Oslo?"}], "tools": TOOLS}
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA, "strict": True}}


def says(front, text, size=3):
    """The site answers with *text*, in small pieces."""
    pieces = [Text(text[at : at + size]) for at in range(0, len(text), size)]
    front.site.calls.script_of = lambda _: [*pieces, Ended("stop", text)]


async def test_a_call(front):
    says(front, f"I look.\n{CALL}")
    answer = await front.http.post(CHAT, json=ASK)
    choice = answer.json()["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "I look."
    [call] = choice["message"]["tool_calls"]
    assert call["type"] == "function" and call["id"].startswith("call_")
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"city": "Oslo"})
    assert "x-gateway-ignored" not in answer.headers
    assert answer.headers["x-gateway-emulated"] == "tools"


async def test_a_call_in_a_stream_comes_whole(front):
    says(front, f"{CALL}\n{CALL}", size=2)
    found = chunks((await front.http.post(CHAT, json=ASK | {"stream": True})).text)
    told = [one["choices"][0] for one in found if one["choices"]]
    assert "".join(one["delta"].get("content") or "" for one in told) == ""
    [calls] = [one["delta"]["tool_calls"] for one in told if "tool_calls" in one["delta"]]
    assert [call["index"] for call in calls] == [0, 1] and len({call["id"] for call in calls}) == 2
    assert [one["finish_reason"] for one in told if one["finish_reason"]] == ["tool_calls"]


async def test_the_model_is_told_of_the_tools_and_of_earlier_calls(front):
    says(front, "It rains.")
    called = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    messages = [
        *ASK["messages"], {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]  # fmt: skip
    answer = (await front.http.post(CHAT, json=ASK | {"messages": messages})).json()
    assert answer["choices"][0]["message"]["content"] == "It rains."
    assert answer["choices"][0]["finish_reason"] == "stop"
    turns = front.site.calls.chats[-1].turns
    assert [turn.role for turn in turns] == [Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL]
    assert '"name": "weather"' in turns[0].text and "Tells the weather." in turns[0].text
    assert turns[2].text == CALL
    assert (turns[3].name, turns[3].text) == ("weather", "rain")


@pytest.mark.parametrize("more", [{"tools": []}, {"tool_choice": "none"}, {"tools": [{"type": "web_search"}]}])
async def test_without_tools_nothing_is_told_and_nothing_taken_for_a_call(front, more):
    says(front, CALL)
    answer = await front.http.post(CHAT, json=ASK | more)
    choice = answer.json()["choices"][0]
    assert "x-gateway-emulated" not in answer.headers
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", CALL)
    assert len(front.site.calls.chats[-1].turns) == 1


async def test_a_call_that_was_demanded_and_did_not_come(front):
    says(front, "I would rather not.")
    for choice in ("required", {"type": "function", "function": {"name": "time"}}):
        answer = await front.http.post(CHAT, json=ASK | {"tool_choice": choice})
        assert_error_shape(answer, 502, "answer_malformed", type_="api_error")
    says(front, CALL)
    assert (await front.http.post(CHAT, json=ASK | {"tool_choice": "required"})).status_code == 200


async def test_one_call_where_one_is_wanted(front):
    says(front, f"{CALL}\n{CALL}")
    answer = (await front.http.post(CHAT, json=ASK | {"parallel_tool_calls": False})).json()
    assert len(answer["choices"][0]["message"]["tool_calls"]) == 1


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"tools": [{"type": "code_interpreter"}]}, "unsupported_parameter", "tools[0]"), ({"tools": ["x"]}, "invalid_value", "tools[0]"),
        ({"tools": "x"}, "invalid_value", "tools"), ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "invalid_value", "tools[0].name"),
        ({"tools": TOOLS * 65}, "invalid_value", "tools"), ({"tool_choice": "sometimes"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "nobody"}}}, "invalid_value", "tool_choice"),
        ({"tools": [], "tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"functions": [{"name": "x"}]}, "unsupported_parameter", "functions"),
        ({"response_format": {"type": "xml"}}, "unsupported_parameter", "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"not": {}}}}}, "unsupported_parameter", "response_format.schema"),
    ],
)  # fmt: skip
async def test_what_cannot_be_offered_is_refused_before_anything_is_spent(front, change, code, param):
    asked = len(front.site.calls.chats)
    assert_error_shape(await front.http.post(CHAT, json=ASK | change), 400, code, param=param)
    assert len(front.site.calls.chats) == asked


@pytest.mark.parametrize("form", [{"type": "json_object"}, FORM])
async def test_json(front, form):
    says(front, '```json\n{"age": 5}\n```')
    ask = {"model": "grok-3", "messages": ASK["messages"], "response_format": form}
    choice = (await front.http.post(CHAT, json=ask)).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ('{"age": 5}', "stop")
    assert "JSON" in front.site.calls.chats[-1].turns[0].text
    found = chunks((await front.http.post(CHAT, json=ask | {"stream": True})).text)
    assert content(found) == '{"age": 5}'


@pytest.mark.parametrize(
    ("said", "form"), [("Sure: {}", {"type": "json_object"}), ('{"age": "5"}', FORM), ("[]", {"type": "json_object"})]
)
async def test_what_is_not_the_json_asked_for_is_an_error(front, said, form):
    says(front, said)
    ask = {"model": "grok-3", "messages": ASK["messages"], "response_format": form}
    assert_error_shape(await front.http.post(CHAT, json=ask), 502, "answer_malformed", type_="api_error")


async def test_tools_are_of_no_use_to_a_model_that_draws(front):
    ask = {"model": "grok-imagine-1.0", "messages": ASK["messages"], "tools": TOOLS, "tool_choice": "auto"}
    answer = await front.http.post(CHAT, json=ask)
    assert answer.status_code == 200 and answer.headers["x-gateway-ignored"] == "tools"
    assert_error_shape(
        await front.http.post(CHAT, json=ask | {"tool_choice": "required"}),
        400,
        "unsupported_parameter",
        param="tool_choice",
    )
