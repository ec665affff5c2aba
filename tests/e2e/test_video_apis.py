"""Every video API once with a real Chromium against the simulator: a create of its own, and the film that comes of it."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import httpx2 as httpx
import pytest
from PIL import Image

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Client
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MODEL = {"model": "grok-imagine-video", "prompt": "a lighthouse"}


def data_url() -> str:
    out = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


async def polled(http: httpx.AsyncClient, path: str, name: str, still: set[Any]) -> dict[str, Any]:
    """Ask until the field *name* says something else than *still*."""
    async with asyncio.timeout(90):
        while True:
            answer = await http.get(path)
            assert answer.status_code in {200, 202}, answer.text
            shown: dict[str, Any] = answer.json()
            if shown.get("data", shown).get(name) not in still:
                return shown
            await asyncio.sleep(0.2)  # polled on purpose: the documented way


async def is_a_film(url: str) -> None:
    async with httpx.AsyncClient() as anybody:  # a link needs no key
        answer = await anybody.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert answer.content[4:8] == b"ftyp"


async def created(http: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await http.post(path, json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_openai(client: Client) -> None:
    http = client.http
    video = await created(
        http, "/v1/videos", **MODEL, seconds="4", size="1280x720", input_reference={"image_url": data_url()}
    )
    done = await polled(http, f"/v1/videos/{video['id']}", "status", {"queued", "in_progress"})
    assert (done["status"], done["seconds"], done["error"]) == ("completed", "6", None)
    content = await http.get(f"/v1/videos/{video['id']}/content")
    assert content.headers["content-type"] == "video/mp4" and content.content[4:8] == b"ftyp"


async def test_xai(client: Client) -> None:
    request = await created(client.http, "/v1/videos/generations", **MODEL, duration=6, resolution="480p")
    done = await polled(client.http, f"/v1/videos/{request['request_id']}", "status", {"pending"})
    assert (done["status"], done["video"]["duration"], done["video"]["respect_moderation"]) == ("done", 6, True)
    await is_a_film(done["video"]["url"])


async def test_dubrify(client: Client) -> None:
    request = await created(client.http, "/v1/videos", **MODEL, duration=6, resolution="720p", aspect_ratio="16:9")
    done = await polled(client.http, f"/v1/videos/{request['request_id']}", "status", {"pending"})
    assert done["video"]["respect_moderation"] == "true"
    await is_a_film(done["video"]["url"])


async def test_newapi(client: Client) -> None:
    body = {"model": "grok-image-video", "prompt": "a showcase", "seconds": 12, "image_urls": [data_url(), data_url()]}
    task = await created(client.http, "/v1/video/generations", **body)
    done = await polled(client.http, f"/v1/video/generations/{task['task_id']}", "status", {"QUEUED", "IN_PROGRESS"})
    assert (done["data"]["status"], done["data"]["fail_reason"]) == ("SUCCESS", "")
    await is_a_film(done["data"]["result_url"])


async def test_sync(client: Client) -> None:
    made = await created(client.http, "/v1/videos/generations", image_url=data_url(), prompt="让图片动起来")
    assert made["status"] == "completed"
    await is_a_film(made["video_url"])


@pytest.mark.long
async def test_an_extension_is_longer_than_its_source(sim: Simulator, make_gateway: MakeGateway) -> None:
    await sim.settings(generation="g1")
    gateway = await make_gateway(protocol="g1")
    async with gateway.client() as client:
        source = await created(client.http, "/v1/videos", **MODEL, seconds="6")
        await polled(client.http, f"/v1/videos/{source['id']}", "status", {"queued", "in_progress"})
        more = await created(
            client.http, "/v1/videos/extensions", prompt="it sails away", video={"id": source["id"]}, seconds="6"
        )
        done = await polled(client.http, f"/v1/videos/{more['id']}", "status", {"queued", "in_progress"})
        assert done["status"] == "completed", done
        film = (await client.http.get(f"/v1/videos/{more['id']}/content")).content
    import av

    with av.open(io.BytesIO(film)) as container:
        assert container.duration is not None and container.duration / 1_000_000 == pytest.approx(12, abs=0.7)
