"""Tasks and pictures for the console's tests."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from gateway.auth.callers import Caller, console_caller
from gateway.tasks.model import Task
from gateway.web import video_requests
from gateway.web.video_requests import Order, VideoRequest
from tests.console.signed_in import Console
from tests.front.material import picture

PHOTO = {"name": "photo.png", "mimeType": "image/png", "buffer": picture("PNG", (80, 60))}


async def ask(
    house: Console,
    prompt: str = "a lighthouse",
    *,
    caller: Caller | None = None,
    pictures: tuple[str, ...] = (),
    **of: Any,
) -> str:
    """A task as the Studio asks for it; returns its id."""
    order = Order(
        task_id=f"task_{uuid.uuid4().hex}",
        dialect=of.pop("dialect", "console"),
        model=of.pop("model", "grok-imagine-1.0-video"),
        request=VideoRequest(prompt=prompt, pictures=pictures, **of),
        fields={},
        base=house.url,
    )
    task, _ = await video_requests.create(house.front.services, caller or console_caller(), order)
    return task.id


async def over(house: Console, task_id: str, within_s: float = 60) -> Task:
    """The task once it is over."""
    async with asyncio.timeout(within_s):
        async for _ in house.front.services.feed.follow(task_id):
            pass
    return await house.front.services.store.get(task_id)


async def made(house: Console, prompt: str = "a lighthouse", **of: Any) -> str:
    """The id of a task that is over."""
    task_id = await ask(house, prompt, **of)
    await over(house, task_id)
    return task_id


#: Drops files on the element it is evaluated on, as a person's mouse would.
DROP = """(place, files) => {
    const holder = new DataTransfer();
    for (const { name, type, base64 } of files) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        holder.items.add(new File([bytes], name, { type }));
    }
    for (const kind of ["dragenter", "dragover", "drop"]) {
        place.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: holder }));
    }
}"""
