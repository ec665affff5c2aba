"""Responses: what is asked, the object, and the exact order of its events."""

import json

import pytest

from gateway.calls.model import Citation, Ended, Reasoning, Role, Text
from gateway.errors import AnswerCut, RateLimited
from tests.front.shape import assert_error_shape
from tests.front.sse_text import named

PATH = "/v1/responses"
ASK = {"model": "grok-4", "input": "hi"}


async def streamed(front, **fields):
    answer = await front.http.post(PATH, json=ASK | fields | {"stream": True})
    assert answer.status_code == 200, answer.text
    found = named(answer.text)
    assert all(name == data["type"] for name, data in found)
    assert [data["sequence_number"] for _, data in found] == list(range(len(found)))
    return [data for _, data in found]


async def test_a_whole_answer(front, site):
    site.calls.chat_script = [
        Reasoning("hm"),
        Text("So."),
        Citation("https://a.example/", "A", 2, 2),
        Ended("stop", "So."),
    ]
    answer = await front.http.post(
        PATH, json=ASK | {"temperature": 0.5, "store": True, "include": ["reasoning.encrypted_content"]}
    )
    said = answer.json()
    assert (said["object"], said["status"], said["model"]) == ("response", "completed", "grok-4")
    thought, message = said["output"]
    assert thought["type"] == "reasoning" and thought["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert (message["type"], message["role"], message["status"]) == ("message", "assistant", "completed")
    [part] = message["content"]
    assert (part["type"], part["text"], part["annotations"][0]["url"]) == ("output_text", "So.", "https://a.example/")
    assert {"input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"} <= said[
        "usage"
    ].keys()
    assert answer.headers["x-gateway-ignored"] == "temperature"


async def test_events_come_in_the_order_clients_count_on(front, site):
    site.calls.chat_script = [
        Reasoning("h"),
        Reasoning("m"),
        Text("So"),
        Text("."),
        Citation("https://a.example/"),
        Ended("stop", "So."),
    ]
    found = await streamed(front)
    assert [data["type"].removeprefix("response.") for data in found] == [
        "created", "in_progress", "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.annotation.added",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    opened = found[9]["item"]
    assert opened["id"] and opened["status"] == "in_progress" and opened["role"] == "assistant"
    assert found[-1]["response"]["output"][1]["content"][0]["text"] == "So."
    assert {data["item_id"] for data in found if "item_id" in data and "output_text" in data["type"]} == {opened["id"]}
    assert found[14]["text"] == "So."


async def test_a_limit_makes_it_incomplete(front, site):
    site.calls.chat_script = [*[Text(f"word{number} ") for number in range(50)], 60.0]
    found = await streamed(front, max_output_tokens=10)
    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert len(site.calls.stopped_at) == 1


async def test_input_items_become_a_conversation(front, site):
    await front.http.post(PATH, json={
        "model": "grok-4", "instructions": "Be brief.", "reasoning": {"effort": "none"},
        "input": [
            {"role": "developer", "content": "And kind."},
            {"role": "user", "content": [{"type": "input_text", "text": "one"}]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "two"}]},
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "rain"},
            {"type": "message", "role": "user", "content": "three"},
        ],
    })  # fmt: skip
    asked = site.calls.last
    assert [(turn.role, turn.text) for turn in asked.turns] == [
        (Role.SYSTEM, "Be brief."), (Role.SYSTEM, "And kind."), (Role.USER, "one"), (Role.ASSISTANT, "two"),
        (Role.ASSISTANT, "[called weather with {}]"), (Role.TOOL, "rain"), (Role.USER, "three"),
    ]  # fmt: skip
    assert asked.thinking is False and asked.turns[5].name == "weather"


async def test_an_earlier_answer_may_be_referred_to(front, site):
    first = (await front.http.post(PATH, json=ASK)).json()["output"][0]
    again = ASK | {"input": [{"type": "item_reference", "id": first["id"]}, {"role": "user", "content": "and?"}]}
    assert (await front.http.post(PATH, json=again)).status_code == 200
    assert [turn.text for turn in site.calls.last.turns] == ["You said: hi", "and?"]
    again["input"][0]["id"] = "msg_unknown"
    assert_error_shape(await front.http.post(PATH, json=again), 400, "invalid_value", param="input[0]")
    _, other = await front.keys.create("other")
    again["input"][0]["id"] = first["id"]
    async with front.client(other) as http:
        assert_error_shape(await http.post(PATH, json=again), 400, "invalid_value", param="input[0]")


@pytest.mark.parametrize(
    ("change", "status", "code", "param"),
    [
        ({"model": "nope"}, 404, "model_not_found", "model"), ({"model": "grok-imagine-video"}, 404, "model_not_found", "model"),
        ({"input": ""}, 400, "empty_prompt", "input"), ({"input": None}, 400, "empty_prompt", "input"), ({"input": 5}, 400, "invalid_value", "input"),
        ({"input": [{"type": "computer_call"}]}, 400, "unsupported_parameter", "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, 400, "unsupported_parameter", "input[0].content[0].type"),
        ({"previous_response_id": "resp_1"}, 400, "unsupported_parameter", "previous_response_id"),
        ({"background": True}, 400, "unsupported_parameter", "background"), ({"conversation": "c"}, 400, "unsupported_parameter", "conversation"),
        ({"tools": [{"type": "file_search"}]}, 400, "unsupported_parameter", "tools[0]"),
        ({"text": {"format": {"type": "grammar"}}}, 400, "unsupported_parameter", "text.format"),
        ({"reasoning": {"effort": "very"}}, 400, "invalid_value", "reasoning.effort"),
        ({"max_output_tokens": -5}, 400, "invalid_value", "max_output_tokens"),
    ],
)  # fmt: skip
async def test_mistakes_name_their_field(front, change, status, code, param):
    assert_error_shape(await front.http.post(PATH, json=ASK | change), status, code, param=param)


async def test_neutral_values_and_the_sites_own_tools_pass(front):
    answer = await front.http.post(PATH, json=ASK | {
        "tools": [{"type": "web_search"}], "tool_choice": "auto", "text": {"format": {"type": "text"}}, "truncation": "disabled", "background": False,
    })  # fmt: skip
    assert answer.status_code == 200 and "x-gateway-ignored" not in answer.headers


TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}, {"type": "web_search"}]
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'


@pytest.mark.parametrize("thoughts", [[], [Reasoning("hm")]])
async def test_a_tools_call(front, site, thoughts):
    site.calls.chat_script = [*thoughts, Text(CALL[:7]), Text(CALL[7:]), Ended("stop", CALL)]
    said = (await front.http.post(PATH, json=ASK | {"tools": TOOLS})).json()
    *before, item = said["output"]
    assert [one["type"] for one in before] == ["reasoning"] * len(thoughts), "no message without a word in it"
    assert (item["type"], item["name"], json.loads(item["arguments"])) == ("function_call", "weather", {"city": "Oslo"})
    assert item["id"].startswith("fc_") and item["call_id"].startswith("call_") and item["status"] == "completed"
    found = await streamed(front, tools=TOOLS)
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    names = [one["type"] for one in found if "reasoning" not in one["type"]]
    assert names[-5:] == [
        "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert "response.output_text.delta" not in names
    assert found[-1]["response"]["output"][-1]["arguments"] == item["arguments"]


async def test_a_tools_result_goes_with_its_call(front, site):
    site.calls.chat_script = [Text(CALL), Ended("stop", CALL)]
    [item] = (await front.http.post(PATH, json=ASK | {"tools": TOOLS})).json()["output"]
    site.calls.chat_script = [Text("It rains."), Ended("stop", "It rains.")]
    result = {"type": "function_call_output", "call_id": item["call_id"], "output": "rain"}
    for earlier in (item, {"type": "item_reference", "id": item["id"]}):
        again = ASK | {"tools": TOOLS, "input": [{"role": "user", "content": "?"}, earlier, result]}
        said = (await front.http.post(PATH, json=again)).json()
        assert said["output"][-1]["content"][0]["text"] == "It rains."
        assert [turn.text for turn in site.calls.last.turns][1:] == ["?", CALL, "rain"]


async def test_json(front, site):
    form = {"format": {"type": "json_schema", "name": "p", "schema": {"type": "object", "required": ["age"]}}}
    site.calls.chat_script = [Text('{"age"'), Text(": 5}"), Ended("stop", '{"age": 5}')]
    said = (await front.http.post(PATH, json=ASK | {"text": form})).json()
    assert said["output"][-1]["content"][0]["text"] == '{"age": 5}'
    site.calls.chat_script = [Text("Five."), Ended("stop", "Five.")]
    assert_error_shape(await front.http.post(PATH, json=ASK | {"text": form}), 502, "answer_malformed")


async def test_errors_before_and_within_a_stream(front, site):
    site.calls.chat_script = [RateLimited("slow down")]
    assert_error_shape(await front.http.post(PATH, json=ASK | {"stream": True}), 429, "rate_limit_exceeded")
    site.calls.chat_script = [Text("begun"), 0.05, AnswerCut("It broke off.")]
    found = await streamed(front)
    error, failed = found[-2:]
    assert (error["type"], error["code"], error["error"]["type"]) == ("error", "answer_cut", "api_error")
    assert (failed["type"], failed["response"]["status"], failed["response"]["error"]["code"]) == (
        "response.failed",
        "failed",
        "answer_cut",
    )


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
async def test_no_response_is_kept(front, method, path):
    assert_error_shape(
        await front.http.request(method, f"{PATH}/resp_1{path}"), 404, "not_found", type_="not_found_error"
    )
