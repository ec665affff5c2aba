"""Chats and pictures through the whole gateway: real Chromium, real page, the simulator as the site."""

import asyncio
import base64
import json
import time

import pytest

from tests.front.material import picture
from tests.front.sse_text import chunks, content, named, thoughts

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
CHAT = "/v1/chat/completions"


def ask(text, **fields):
    return {"model": "grok-4", "messages": [{"role": "user", "content": text}], **fields}


async def test_a_chat_whole_and_streamed(client):
    answer = await client.http.post(CHAT, json=ask("say: all is well"))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "all is well"
    answer = await client.http.post(CHAT, json=ask("[sim:thinking] say: all is well", stream=True))
    found = chunks(answer.text)
    assert content(found) == "all is well" and thoughts(found)
    response = await client.http.post(
        "/v1/responses", json={"model": "grok-4", "input": "say: all is well", "stream": True}
    )
    assert named(response.text)[-1][1]["response"]["output"][-1]["content"][0]["text"] == "all is well"


async def test_tools_and_json_by_words(client, sim):
    call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells it."}}]
    for stream in (False, True):
        answer = await client.http.post(CHAT, json=ask(f"say: {call}", tools=tools, stream=stream))
        assert answer.status_code == 200, answer.text
        choices = [one["choices"][0] for one in (chunks(answer.text) if stream else [answer.json()])]
        calls = [one for choice in choices for one in choice.get("delta", choice.get("message")).get("tool_calls", [])]
        assert [json.loads(one["function"]["arguments"]) for one in calls] == [{"city": "Oslo"}]
        assert choices[-1]["finish_reason"] == "tool_calls"
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object", "required": ["age"]}}}
    answer = await client.http.post(CHAT, json=ask('say: {"age": 5}', response_format=form))
    assert answer.json()["choices"][0]["message"]["content"] == '{"age": 5}'
    answer = await client.http.post(CHAT, json=ask("say: five", response_format=form))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "answer_malformed")


async def test_models_are_those_the_site_tells_of(client):
    listed = {model["id"] for model in (await client.http.get("/v1/models")).json()["data"]}
    assert {"grok-3", "grok-4", "grok-imagine-1.0", "grok-imagine-video"} <= listed
    assert "grok-heavy" not in listed, "a free account has to upgrade for it"


async def test_a_chat_sees_pictures(client, sim):
    data = "data:image/png;base64," + base64.b64encode(picture()).decode()
    parts = [{"type": "text", "text": "say: seen"}, {"type": "image_url", "image_url": {"url": data}}]
    answer = await client.http.post(CHAT, json={"model": "grok-4", "messages": [{"role": "user", "content": parts}]})
    assert answer.json()["choices"][0]["message"]["content"] == "seen"
    assert len(await sim.ledger(kind="upload")) == 1


async def test_a_picture_drawn_in_a_chat(client):
    answer = await client.http.post(CHAT, json=ask("[sim:draw=1] say: here"))
    assert answer.status_code == 200, answer.text
    [image] = answer.json()["choices"][0]["message"]["generated_images"]
    assert image["url"] in answer.json()["choices"][0]["message"]["content"]
    assert (await client.http.get(image["url"])).headers["content-type"].startswith("image/")


@pytest.mark.parametrize("stream", [False, True])
async def test_pictures_made_and_edited(client, stream):
    body = {"prompt": "a lighthouse", "n": 2, "stream": stream}
    answer = await client.http.post("/v1/images/generations", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    data = named(answer.text)[-1][1]["data"] if stream else answer.json()["data"]
    assert len(data) == 2
    assert (await client.http.get(data[0]["url"])).headers["content-type"].startswith("image/")
    answer = await client.http.post(
        "/v1/images/edits",
        data={"prompt": "bluer", "stream": str(stream).lower()},
        files={"image": picture()},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    data = named(answer.text)[-1][1]["data"] if stream else answer.json()["data"]
    assert base64.b64decode(data[0]["b64_json"]) and data[0]["url"]


async def test_refusals_are_told_with_their_status(client, sim):
    answer = await client.http.post(CHAT, json=ask("[sim:content-moderated-403] x"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "content_policy_violation")
    answer = await client.http.post(CHAT, json=ask("[sim:empty-answer=message] x"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "empty_answer")


async def test_a_cut_answer_is_completed_from_the_sites_own_copy(client):
    answer = await client.http.post(
        CHAT, json=ask("[sim:tokens=20] [sim:every=0.05] [sim:cut-stream=8] x", stream=True)
    )
    assert content(chunks(answer.text)).split() == [str(number) for number in range(20)]


async def test_a_silent_site_is_an_explicit_error_and_a_stalled_one_is_asked_again(make_gateway):
    gateway = await make_gateway(call_first_frame_timeout_s=2, call_idle_timeout_s=2)
    async with gateway.client() as client:
        answer = await client.http.post(CHAT, json=ask("[sim:slow-first-byte=30] x", stream=True))
        assert answer.status_code == 502, answer.text
        assert answer.json()["error"]["code"] == "upstream_timeout"
        answer = await client.http.post(CHAT, json=ask("[sim:tokens=20] [sim:stall=6] x", stream=True))
        assert content(chunks(answer.text)).split() == [str(number) for number in range(20)], "the site had finished it"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_site(shared, sim, stream):
    """From the closed socket to the reset that the site sees."""
    took = []
    for _ in range(3):
        await sim.clear_ledger()
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        data = json.dumps(ask("[sim:tokens=400] [sim:every=0.1] x", stream=stream)).encode()
        writer.write(
            f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {shared.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )
        if stream:
            async with asyncio.timeout(60):
                while b'"content":"' not in await reader.readline():
                    pass
        await sim.wait("submit_chat", count=1, timeout_s=10)
        await asyncio.sleep(0.5)
        left = time.monotonic()
        writer.transport.abort()
        (entry,) = await sim.wait("submit_chat", count=1, timeout_s=10, outcome="reset")
        took.append((entry["reset_at"] - left) * 1000)
    # the budget is 20 ms on a quiet machine (see the bench); here others may be at work
    assert sorted(took)[1] < 500, took


async def test_fifty_chats_at_once_on_one_profile(client):
    async def one(number):
        answer = await client.http.post(
            CHAT, json=ask(f"[sim:every=0.02] say: answer {number} " + "word " * 20, stream=True), timeout=60
        )
        return answer.status_code, content(chunks(answer.text)).split(" word")[0]

    began = time.monotonic()
    found = await asyncio.gather(*(one(number) for number in range(50)))
    assert found == [(200, f"answer {number}") for number in range(50)]
    assert time.monotonic() - began < 100
