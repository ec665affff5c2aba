"""Following a task by server-sent events."""

import asyncio
import json

import pytest

from gateway.app import begin_stop
from gateway.errors import ContentModerated
from gateway.tasks.states import Stage
from tests.front.serving import events, serving
from tests.front.shape import assert_error_shape

TASKS = "/v1/video/tasks"


def stream_of(front, task_id, **headers):
    return front.http.stream("GET", f"{TASKS}/{task_id}/stream", headers=headers)


async def gather(response):
    return [found async for found in events(response)]


async def step_by_step(site, task, journal):
    """Progress with pauses, so that every one is an event of its own."""
    await journal.stage(Stage.GENERATE, 1)
    for percent in (20, 40, 60):
        await journal.progress(percent)
        await asyncio.sleep(0.3)
    await site.go.wait()
    return await site.deliver(task, journal)


async def test_a_snapshot_then_progress_then_the_end(front):
    task_id = await front.create("hold it")
    async with stream_of(front, task_id) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        assert "no-cache" in stream.headers["cache-control"]
        seen = []
        async for _, event in events(stream):
            seen.append(event)
            if event.get("progress") == 50:
                front.site.go.set()
    assert seen[0]["type"] == "snapshot"
    assert {event["type"] for event in seen[1:-1]} == {"progress"}
    assert all(isinstance(event["progress"], int) for event in seen), "clients read the number without looking"
    end = seen[-1]
    assert (end["type"], end["status"], end["progress"]) == ("completed", "completed", 100)
    assert end["video_url"].endswith(".mp4")
    percents = [event["progress"] for event in seen if "progress" in event]
    assert percents == sorted(percents), "never backwards"


async def test_the_wire_is_as_documented(front):
    """Unnamed events, one line of compact JSON each; our numbers beside them."""
    task_id = await front.create()
    await front.until(task_id, "completed")
    text = (await front.http.get(f"{TASKS}/{task_id}/stream")).text
    blocks = text.strip().split("\n\n")
    assert len(blocks) == 2
    assert blocks[0].split("\n")[1] == 'data: {"type":"snapshot","status":"completed","progress":100}'
    assert (
        blocks[1]
        .split("\n")[1]
        .startswith('data: {"type":"completed","status":"completed","progress":100,"video_url":"http')
    )
    assert all(block.startswith("id: ") for block in blocks)
    assert "event:" not in text and "[DONE]" not in text


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
async def test_other_ends_have_their_own_event(front, outcome):
    async def refuse(site, task, journal):
        await site.go.wait()
        raise ContentModerated("The site refuses this content.")

    front.site.script = refuse
    task_id = await front.create()
    async with stream_of(front, task_id) as stream:
        following = asyncio.ensure_future(gather(stream))
        await front.until(task_id, "running")
        if outcome == "failed":
            front.site.go.set()
        else:
            await front.http.delete(f"{TASKS}/{task_id}")
        end = (await asyncio.wait_for(following, 5))[-1][1]
    assert (end["type"], end["status"]) == (outcome, outcome)
    assert "video_url" not in end
    if outcome == "failed":
        assert end["message"] == "The site refuses this content."
        assert end["error"]["code"] == "content_moderated"


async def test_a_cut_stream_goes_on_where_it_was(front):
    front.site.script = step_by_step
    task_id = await front.create()
    async with stream_of(front, task_id) as stream:
        async for number, event in events(stream):
            if event.get("progress") == 20:
                last_id = number
                break
    front.site.go.set()
    await front.until(task_id, "completed")
    async with stream_of(front, task_id, **{"Last-Event-ID": last_id}) as stream:
        rest = await gather(stream)
    assert rest[0][1]["type"] == "progress", "no second snapshot"
    assert [event["progress"] for _, event in rest if "progress" in event][:2] == [40, 60]
    assert rest[-1][1]["type"] == "completed"
    ids = [int(number) for number, _ in rest]
    assert ids == sorted(ids) and ids[0] > int(last_id)


async def test_zero_tells_everything_from_the_first_event(front):
    """A client that keeps its number from the beginning, and has seen nothing yet."""
    front.site.script = step_by_step
    task_id = await front.create()
    front.site.go.set()
    await front.until(task_id, "completed")
    async with stream_of(front, task_id, **{"Last-Event-ID": "0"}) as stream:
        told = await gather(stream)
    assert told[0][0] == "1" and told[0][1]["status"] == "pending"
    assert [event["type"] for _, event in told] == ["progress"] * (len(told) - 1) + ["completed"]
    assert {20, 40, 60} <= {event["progress"] for _, event in told}
    ids = [int(number) for number, _ in told]
    assert ids == sorted(set(ids))


async def test_who_has_seen_the_end_is_told_not_to_come_back(front):
    """An EventSource reconnects after every end; 204 is what stops it."""
    task_id = await front.create()
    await front.until(task_id, "completed")
    async with stream_of(front, task_id) as stream:
        last_id, _ = (await gather(stream))[-1]
    assert (await front.http.get(f"{TASKS}/{task_id}/stream", headers={"Last-Event-ID": last_id})).status_code == 204


@pytest.mark.parametrize("nonsense", ["", "abc", "-1", "1e9", "9" * 40, "9" * 11])
async def test_a_nonsensical_number_starts_from_the_beginning(front, nonsense):
    task_id = await front.create()
    await front.until(task_id, "completed")
    async with stream_of(front, task_id, **{"Last-Event-ID": nonsense}) as stream:
        assert (await gather(stream))[0][1]["type"] == "snapshot"


async def test_a_silent_stream_is_kept_alive(data_dir, site):
    async with serving(data_dir, site, heartbeat_s=0.1) as front:
        task_id = await front.create("hold it")
        lines = []
        async with stream_of(front, task_id) as stream:
            async for line in stream.aiter_lines():
                lines.append(line)
                if lines.count(": keep-alive") == 3:
                    front.site.go.set()
        ended = [json.loads(line[6:])["type"] for line in lines if line.startswith("data: ")]
        assert ended[-1] == "completed"


async def test_a_client_that_leaves_frees_everything_at_once(front):
    task_id = await front.create("hold it")
    await front.until(task_id, lambda task: task["progress"] == 50)
    listening = front.app.state.db.changes._hints
    before = len(listening.get(f"task:{task_id}", ()))
    for _ in range(3):
        async with stream_of(front, task_id) as stream:
            async for _ in events(stream):
                break
            assert len(listening[f"task:{task_id}"]) == before + 1
    async with asyncio.timeout(1):  # far less than a heartbeat
        while len(listening.get(f"task:{task_id}", ())) > before:
            await asyncio.sleep(0.01)
    assert (await front.get(task_id))["status"] == "running", "watching or not changes nothing"


async def test_many_watch_the_same_task(front):
    task_id = await front.create("hold it")

    async def watch():
        async with front.client(front.key) as http, http.stream("GET", f"{TASKS}/{task_id}/stream") as stream:
            return await gather(stream)

    watching = [asyncio.ensure_future(watch()) for _ in range(20)]
    await front.until(task_id, lambda task: task["progress"] == 50)
    front.site.go.set()
    for seen in await asyncio.wait_for(asyncio.gather(*watching), 10):
        assert seen[0][1]["type"] == "snapshot" and seen[-1][1]["type"] == "completed"


async def test_a_deleted_task_ends_its_streams(front):
    task_id = await front.create("hold it")
    async with stream_of(front, task_id) as stream:
        following = asyncio.ensure_future(gather(stream))
        await front.until(task_id, lambda task: task["progress"] == 50)
        await front.http.request("DELETE", TASKS, json={"task_ids": [task_id]})
        assert (await asyncio.wait_for(following, 8))[-1][1]["type"] == "cancelled"


async def test_a_stopping_gateway_ends_streams_and_takes_nothing_new(front):
    task_id = await front.create("hold it")
    async with stream_of(front, task_id) as stream:
        following = asyncio.ensure_future(gather(stream))
        await front.until(task_id, lambda task: task["progress"] == 50)
        begin_stop(front.app)
        seen = await asyncio.wait_for(following, 2)
        assert seen[-1][1]["type"] == "progress", "cleanly, but the task is not over"
    answer = await front.http.post(TASKS, json={"model": "grok-imagine-video", "prompt": "x"})
    assert_error_shape(answer, 503, "shutting_down", type_="api_error")
    ready = await front.http.get("/readyz")
    assert (ready.status_code, ready.json()["reasons"]) == (503, ["the gateway is stopping"])
    assert (await front.get(task_id))["status"] == "running", "polls are answered to the end"
    assert (await front.http.get("/livez")).status_code == 200


async def test_a_restart_goes_on_with_what_was_accepted(data_dir, site):
    async with serving(data_dir, site) as front:
        task_id, key = await front.create("hold it"), front.key
        await front.until(task_id, lambda task: task["progress"] == 50)
    site.go.set()
    async with serving(data_dir, site, key=key) as front:
        await front.until(task_id, "completed")
        text = (await front.http.get(f"{TASKS}/{task_id}/stream")).text
    assert '"type":"completed"' in text
