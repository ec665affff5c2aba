"""What the tests of the video APIs ask for, and how they look at what comes of it."""

from __future__ import annotations

import asyncio
import base64

from gateway.errors import ContentModerated, GenerationFailed
from tests.front.material import picture

VIDEOS, GENERATIONS, NEWAPI = "/v1/videos", "/v1/videos/generations", "/v1/video/generations"
MODEL = {"model": "grok-imagine-video", "prompt": "a lighthouse"}
DUBRIFY = MODEL | {"duration": 6}
OPENAI = MODEL | {"seconds": "4"}
PNG = picture("PNG", (160, 90))
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
SYNC = {"image_url": DATA_URL, "prompt": "a lighthouse"}


async def watched(site, task, journal, seen):
    """A script that notes what was asked of the site; the prompt says what becomes of it."""
    seen.append(task.spec)
    if task.spec.prompt.startswith("hold"):
        await site.go.wait()
    if task.spec.prompt.startswith("moderate"):
        raise ContentModerated("The site refuses this content.")
    if task.spec.prompt.startswith("fail"):
        raise GenerationFailed("unlucky")
    return await site.deliver(task, journal)


async def made(front, path, body, *, key="id", **more):
    answer = await front.http.post(path, json=body, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()[key]


async def over(front, task_id):
    """The task, once it is over."""
    async with asyncio.timeout(60):
        while (task := await front.services.store.get(task_id)).finished_at is None:
            await asyncio.sleep(0.02)
    return task


async def get(front, path, status=200, **more):
    answer = await front.http.get(path, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


async def film_at(front, url, the_film):
    async with front.client(None) as anybody:
        answer = await anybody.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    assert url.endswith(".mp4") and answer.content == the_film.read_bytes()
