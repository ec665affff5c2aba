"""A client that leaves stops the site at once, whatever it was waiting for; a gateway that stops ends what is under way."""

import asyncio
import json
import time

import pytest

from gateway.app import begin_stop
from gateway.calls.model import Text
from tests.front.serving import serving
from tests.front.sse_text import chunks

HI = [{"role": "user", "content": "hi"}]
REQUESTS = {
    "chat": ("/v1/chat/completions", {"model": "grok-4", "messages": HI}),
    "chat stream": ("/v1/chat/completions", {"model": "grok-4", "messages": HI, "stream": True}),
    "responses": ("/v1/responses", {"model": "grok-4", "input": "hi"}),
    "responses stream": ("/v1/responses", {"model": "grok-4", "input": "hi", "stream": True}),
    "images": ("/v1/images/generations", {"prompt": "hi"}),
    "images stream": ("/v1/images/generations", {"prompt": "hi", "stream": True}),
    "images in chat": ("/v1/chat/completions", {"model": "grok-imagine-1.0", "messages": HI}),
}


async def asking(front, path, body):
    """A request on a connection of its own, so that leaving is exactly one closed socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    data = json.dumps(body).encode()
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {front.key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n".encode()
        + data
    )
    await writer.drain()
    return reader, writer


async def until(condition, within_s=60):
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("case", REQUESTS)
async def test_leaving_stops_the_site_at_once(front, site, case, begun):
    script = [Text("begun"), 60.0] if begun else [60.0]
    site.calls.chat_script, site.calls.image_script = script, [60.0]
    took = []
    for _ in range(3):
        site.calls.chats.clear()
        site.calls.images_asked.clear()
        _, writer = await asking(front, *REQUESTS[case])
        await until(lambda: site.calls.chats or site.calls.images_asked)
        await asyncio.sleep(0.05)
        stopped = len(site.calls.stopped_at)
        left = time.monotonic()
        writer.transport.abort()
        await until(lambda seen=stopped: len(site.calls.stopped_at) > seen)
        took.append(site.calls.stopped_at[-1] - left)
    assert sorted(took)[1] < 0.2, took


async def test_a_video_in_a_chat_goes_on_without_its_client(front, site):
    _, writer = await asking(
        front,
        "/v1/chat/completions",
        {"model": "grok-imagine-video", "messages": [{"role": "user", "content": "hold it"}]},
    )
    await until(lambda: site.working)
    writer.transport.abort()
    await asyncio.sleep(0.1)
    assert site.working and not site.cancelled
    site.go.set()
    [task] = (await front.http.get("/v1/video/tasks")).json()["tasks"]
    await front.until(task["task_id"], "completed")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stopping_gateway_says_so_to_who_still_waits(data_dir, site, stream):
    site.calls.chat_script = [Text("begun"), 60.0]
    async with serving(data_dir, site, drain_s=0.1) as front:
        path, body = REQUESTS["chat"]
        asked = asyncio.create_task(front.http.post(path, json=body | {"stream": stream}))
        await until(lambda: site.calls.chats)
        await asyncio.sleep(0.05)
        begin_stop(front.app)
        answer = await asked
    assert answer.status_code == (200 if stream else 503)
    error = chunks(answer.text)[-1]["error"] if stream else answer.json()["error"]
    assert error["code"] == "shutting_down"
    assert len(site.calls.stopped_at) == 1
