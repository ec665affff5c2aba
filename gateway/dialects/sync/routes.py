"""The synchronous video API over HTTP: its part of a shared path.

The video is made by the engine, not by the request: a client that leaves, or that stops waiting, changes nothing, and the
task is found under its id at ``GET /v1/videos/video-…``.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import aclosing, suppress

from fastapi.responses import Response

from gateway.dialects.sync import protocol, translate
from gateway.errors import ModelNotFound, ShuttingDown
from gateway.tasks.states import FINAL
from gateway.web import forms, video_fields
from gateway.web.asked import Asked, answer
from gateway.web.connection import while_connected
from gateway.web.video_requests import Order

to_error = translate.to_error
#: Clients without a limit of their own give up at 300 s (Node's fetch); the answer is to be there before.
WAIT_S = 285.0


async def create(asked: Asked) -> Response:
    """Make the video and answer when it is there."""
    wire = forms.parse(protocol.Generate, asked.fields)
    request = translate.from_create(wire)
    name = wire.model or translate.DEFAULT_MODEL
    try:
        asked.model(name)
    except ModelNotFound:
        raise translate.wrong_model(name) from None
    order = Order(
        task_id=f"{translate.PREFIX}{int(asked.services.now())}{secrets.randbelow(10**9):09}",
        dialect=translate.DIALECT,
        model=name,
        request=request,
        fields=asked.fields,
        base=asked.base,
        idempotency_key=asked.idempotency_key,
    )
    task, headers = await asked.create(order, unread=video_fields.unread(asked.fields, protocol.Generate))
    services = asked.services

    async def over() -> None:
        async with asyncio.timeout(WAIT_S), aclosing(services.feed.follow(task.id)) as events:
            async for _ in events:
                pass

    async def stopped() -> None:
        await services.stopping.wait()

    with suppress(TimeoutError):
        await while_connected(asked.request.receive, over(), stopped())
    task = await services.store.get(task.id, key_id=asked.caller.key_id)
    if task.state in FINAL:
        status, body = translate.to_generated(task, asked.link_to)
    elif services.stopping.is_set():
        raise ShuttingDown(
            f"The gateway is stopping; the video goes on later: GET /v1/videos/{task.id}", retry_after_s=5
        )
    else:
        status, body = translate.to_unfinished(task.id)
    return answer(body, headers, status=status)
