"""The service on a real socket: uvicorn as `gateway serve` runs it, over a scripted site."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from gateway.app import begin_stop, create_app
from gateway.auth.keys import ApiKeys
from gateway.settings import Settings
from gateway.web.services import Services
from tests.front.scripted import Scripted

CREATE = {"model": "grok-imagine-1.0-video", "prompt": "a lighthouse"}


class Front:
    """One running service and a client with a key."""

    def __init__(self, app: FastAPI, site: Scripted, port: int) -> None:
        self.app = app
        self.site = site
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.key = ""
        self.http = httpx2.AsyncClient(base_url=self.url, timeout=60, trust_env=False, verify=False)

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @property
    def keys(self) -> ApiKeys:
        keys = self.services.keys
        assert isinstance(keys, ApiKeys)
        return keys

    async def create(self, prompt: str = "a lighthouse", **fields: Any) -> str:
        answer = await self.http.post("/v1/video/tasks", json={**CREATE, "prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["task_id"])

    async def get(self, task_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/video/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(
        self, task_id: str, is_so: Callable[[dict[str, Any]], bool] | str, within_s: float = 60
    ) -> dict[str, Any]:
        """Follow the task by polling until it is in that status (or what the function says)."""
        wanted = (lambda task: task["status"] == is_so) if isinstance(is_so, str) else is_so
        async with asyncio.timeout(within_s):
            while not wanted(task := await self.get(task_id)):
                await asyncio.sleep(0.02)
        return task

    @asynccontextmanager
    async def client(self, key: str | None) -> AsyncIterator[httpx2.AsyncClient]:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, verify=False
        ) as http:
            yield http


@asynccontextmanager
async def serving(
    data_dir: Path, site: Scripted, *, heartbeat_s: float = 15.0, key: str = "", **settings: Any
) -> AsyncIterator[Front]:
    """Serve on a free port for the length of the block. key: of an earlier run on the same data directory."""
    said = Settings(data_dir=data_dir, _env_file=None, **{"drain_s": 0.2, **settings})
    app = create_app(said, site=site.open, heartbeat_s=heartbeat_s)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            ws_per_message_deflate=False,
        )
        server = _Server(config)
        async with app.router.lifespan_context(app), asyncio.TaskGroup() as group:
            running = group.create_task(server.serve(sockets=[listener]))
            front = Front(app, site, listener.getsockname()[1])
            if not said.no_auth:
                front.key = key or (await front.keys.create("tests"))[1]
                front.http.headers["authorization"] = f"Bearer {front.key}"
            try:
                async with front.http:
                    yield front
            finally:
                begin_stop(app)
                server.should_exit = True
                async with asyncio.timeout(60):
                    await running


class _Server(uvicorn.Server):
    """Leaves signals to pytest."""

    def capture_signals(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


async def events(response: httpx2.Response) -> AsyncIterator[tuple[str | None, dict[str, Any]]]:
    """Read a stream as the seed's clients do: by lines. Yields (id, data)."""
    last: str | None = None
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            last = line[4:]
        elif line.startswith("data: "):
            yield last, json.loads(line[6:])
