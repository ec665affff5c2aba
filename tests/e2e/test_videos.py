"""A video from POST to MP4, on both generations of the site, whatever way its stream is cut into pieces."""

from __future__ import annotations

import base64
import io

import av
import httpx2 as httpx
import pytest
from PIL import Image

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Client, Gateway
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def picture(colour: str = "teal", size: tuple[int, int] = (640, 360)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def data_url(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def facts(mp4: bytes) -> tuple[float, int, int]:
    """Seconds, width and height of a file that a decoder has really read to its end."""
    with av.open(io.BytesIO(mp4)) as container:
        video = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video))
        assert frames > 100
        return float(frames / video.average_rate), video.width, video.height


async def download(url: str) -> bytes:
    async with httpx.AsyncClient() as anybody:  # a link needs no key
        answer = await anybody.get(url)
        assert answer.status_code == 200 and answer.headers["content-type"] == "video/mp4"
        return answer.content


@pytest.mark.parametrize("generation", ["g1", "g2"])
async def test_a_text_becomes_a_playable_video(sim: Simulator, make_gateway: MakeGateway, generation: str) -> None:
    await sim.settings(generation=generation)
    gateway = await make_gateway(protocol=generation)
    async with gateway.client() as client:
        task_id = await client.create("a lighthouse at dusk", aspect_ratio="16:9", video_length=6, resolution="480p")
        events = [event async for event in client.events(task_id)]
        task = await client.get(task_id)
    assert events[0]["type"] == "snapshot"
    assert events[-1] == {**events[-1], "type": "completed", "status": "completed", "progress": 100}
    assert events[-1]["video_url"] == task["video_url"]
    seen = [event["progress"] for event in events if event["type"] == "progress"]
    assert len(seen) >= 3 and seen == sorted(seen)
    seconds, width, height = facts(await download(task["video_url"]))
    assert seconds == pytest.approx(6, abs=0.5) and width > height
    assert len(await sim.ledger(kind="submit_video")) == 1


@pytest.mark.parametrize("generation", ["g1", "g2"])
async def test_a_picture_becomes_a_video(sim: Simulator, make_gateway: MakeGateway, generation: str) -> None:
    await sim.settings(generation=generation)
    gateway = await make_gateway(protocol=generation)
    async with gateway.client() as client:
        uploaded = await client.http.post("/v1/video/upload", files={"file": ("teal.png", picture(), "image/png")})
        assert uploaded.status_code == 200, uploaded.text
        first = await client.create("let it move", image_url=uploaded.json()["image_url"])
        second = await client.create("let it turn", image_url=data_url(picture("coral")), video_length=10)
        done = [await client.wait(task) for task in (first, second)]
    assert [task["status"] for task in done] == ["completed", "completed"], done
    assert facts(await download(done[1]["video_url"]))[0] == pytest.approx(10, abs=0.5)
    assert len(await sim.ledger(kind="upload")) == 2


async def test_auto_falls_back_to_the_other_generation_and_remembers(sim: Simulator, make_gateway: MakeGateway) -> None:
    await sim.settings(generation="g1")
    gateway = await make_gateway(protocol="auto")
    async with gateway.client() as client:
        for prompt in ("a first one", "a second one"):
            task = await client.wait(await client.create(prompt))
            assert task["status"] == "completed", task
    refused = [entry for entry in await sim.ledger(kind="submit_video") if entry["status"] == 400]
    assert len(refused) == 1, "the refused shape must be tried once, not for every task"


@pytest.mark.parametrize("framing", ["ndjson", "concat", "sse"])
async def test_every_framing_is_understood_wherever_it_is_cut(client: Client, framing: str) -> None:
    task_id = await client.create(f"雪山 über allem, {framing} [sim:framing-{framing}] [sim:split-bytes=7]")
    task = await client.wait(task_id)
    assert task["status"] == "completed", task


async def test_the_end_is_the_last_frame_not_the_end_of_the_stream(client: Client) -> None:
    task = await client.wait(await client.create("a clock [sim:keep-open]"), within_s=60)
    assert task["status"] == "completed", task


async def test_a_video_that_is_rendered_late_is_waited_for(client: Client) -> None:
    task = await client.wait(await client.create("a snail [sim:asset-late=2]"))
    assert task["status"] == "completed", task


async def test_content_streams_while_the_download_still_runs(client: Client, sim: Simulator) -> None:
    task_id = await client.create("a wide river [sim:asset-big=3] [sim:asset-slow=1000000]")
    await client.wait(task_id, until="running")
    await sim.wait("asset_get", count=1, timeout_s=30)
    async for event in client.events(task_id):
        if event.get("stage") == "download":
            break
    async with client.http.stream("GET", f"/v1/video/tasks/{task_id}/content") as answer:
        while answer.status_code == 400:
            pytest.skip("the download had not begun")
        pieces = 0
        size = 0
        running = False
        async for piece in answer.aiter_bytes():
            if not pieces:
                running = (await client.get(task_id))["status"] == "running"
            pieces += 1
            size += len(piece)
    assert running, "the first bytes must come before the task is done"
    task = await client.wait(task_id)
    assert task["status"] == "completed" and size == len(await download(task["video_url"]))


async def test_the_link_serves_ranges_heads_and_a_thumbnail(client: Client) -> None:
    task = await client.wait(await client.create("a bridge"))
    url = task["video_url"]
    assert url.startswith("http://127.0.0.1") and url.split("?")[0].endswith(".mp4")
    async with httpx.AsyncClient() as anybody:
        head = await anybody.head(url)
        part = await anybody.get(url, headers={"Range": "bytes=10-19"})
        same = await anybody.get(url, headers={"If-None-Match": head.headers["etag"]})
        thumbnail = await anybody.get(task["thumbnail_url"])
        forged = await anybody.get(url.replace("/task_", "/task_0"))
    assert head.status_code == 200 and int(head.headers["content-length"]) > 10_000
    assert part.status_code == 206 and len(part.content) == 10
    assert same.status_code == 304
    assert thumbnail.headers["content-type"] == "image/jpeg" and thumbnail.content[:2] == b"\xff\xd8"
    assert forged.status_code in (403, 404)


async def test_deleting_a_task_deletes_its_file(client: Client, shared: Gateway) -> None:
    task_id = await client.create("a paper boat")
    task = await client.wait(task_id)
    answer = await client.http.request("DELETE", "/v1/video/tasks", json={"task_ids": [task_id]})
    assert answer.json()["count"] == 1
    async with httpx.AsyncClient() as anybody:
        assert (await anybody.get(task["video_url"])).status_code in (403, 404, 410)
    assert not list((shared.data_dir / "media").rglob(f"{task_id}*"))
    assert (await client.http.get(f"/v1/video/tasks/{task_id}")).status_code == 404
