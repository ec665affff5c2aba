"""A household's traffic: videos, polls, event streams, chats, a cancellation now and then. Never more than a few at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

import httpx2 as httpx

from tests.e2e.gateway_process import Client, Gateway

VIDEOS_AT_ONCE, CHATS_AT_ONCE = 3, 2
#: How this traffic ends where nothing is wrong.
EXPECTED = frozenset({"video completed", "video cancelled", "chat 200", "list 200", "download"})
MODEL = "grok-imagine-1.0-video"


class Load:
    """Runs until cancelled; *done* counts how things ended."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        async with self._gateway.client() as client, asyncio.TaskGroup() as group:
            for place in range(VIDEOS_AT_ONCE):
                group.create_task(self._videos(client, place))
            for _ in range(CHATS_AT_ONCE):
                group.create_task(self._chats(client))
            group.create_task(self._onlookers(client))

    async def _videos(self, client: Client, place: int) -> None:
        number = 0
        while True:
            number += 1
            kind = number % 5
            task_id = await client.create(f"a day, {place} {number} [sim:pace=0.5]")
            if kind == 1:  # followed by events, and left half-way by a client that goes
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        async for _ in client.events(task_id):
                            pass
            if kind == 2:
                await client.http.delete(f"/v1/video/tasks/{task_id}")
            task = await client.wait(task_id)
            self.done[f"video {task['status']}"] += 1
            if task["status"] == "completed" and kind == 3:
                self.done["download"] += (await client.http.get(task["video_url"])).status_code == 200

    async def _chats(self, client: Client) -> None:
        number = 0
        while True:
            number += 1
            body = {
                "model": "grok-4",
                "stream": True,
                "messages": [{"role": "user", "content": f"say: {number} [sim:tokens=30]"}],
            }
            async with client.http.stream("POST", "/v1/chat/completions", json=body, timeout=60) as answer:
                lines = 0
                async for _ in answer.aiter_lines():
                    lines += 1
                    if number % 4 == 0 and lines == 3:
                        break  # a client that hangs up
            self.done[f"chat {answer.status_code}"] += 1
            await asyncio.sleep(0.5)

    async def _onlookers(self, client: Client) -> None:
        """A monitor, and somebody who lists."""
        async with httpx.AsyncClient(base_url=self._gateway.url) as anybody:
            while True:
                await anybody.get("/readyz")
                await anybody.get("/metrics")
                self.done[f"list {(await client.http.get('/v1/video/tasks')).status_code}"] += 1
                await asyncio.sleep(0.5)
