"""The demo as a program that uses the gateway: plain HTTP, the calls of the README."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from tests.demo.service import DemoFailed

FINAL = ("completed", "failed", "cancelled")
CHUNK_BYTES = 256 * 1024


async def create(http: httpx2.AsyncClient, body: dict[str, Any]) -> str:
    """POST the task and return its id."""
    answer = await http.post("/v1/video/tasks", json=body)
    return str(_json(answer)["task_id"])


async def events(http: httpx2.AsyncClient, task: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the task's server-sent events until it has ended, however it ends."""
    async with http.stream("GET", f"/v1/video/tasks/{task}/stream", timeout=120) as answer:
        if answer.status_code != 200:
            await answer.aread()
            _json(answer)
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                yield json.loads(line[5:])


async def result(http: httpx2.AsyncClient, task: str) -> dict[str, Any]:
    """Return the finished task. Raises DemoFailed when it did not become a video."""
    found = _json(await http.get(f"/v1/video/tasks/{task}"))
    if found["status"] == "completed" and found.get("video_url"):
        return found
    error = found.get("error") or {}
    raise DemoFailed(f"the video is {found['status']}: {error.get('message') if isinstance(error, dict) else error}")


async def save(http: httpx2.AsyncClient, url: str, path: Path) -> int:
    """Download *url* to *path*, which appears only when complete. Returns its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        async with http.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise DemoFailed(f"the link to the video answers {answer.status_code}")
            with part.open("wb") as file:
                async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                    file.write(chunk)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        value = {}
    if answer.status_code != 200:
        error = value.get("error") if isinstance(value, dict) else None
        said = error.get("message") if isinstance(error, dict) else answer.text[:200]
        raise DemoFailed(f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: {said}")
    return dict(value)
