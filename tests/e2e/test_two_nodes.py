"""Two gateways as users run them, each with a browser and a profile of its own, on one PostgreSQL and one S3 store."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import pytest_asyncio

from tests.e2e.gateway_process import Gateway
from tests.s3 import S3
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
FINAL = {"completed", "failed", "cancelled"}


class Balancer:
    """What stands in front of several nodes: asks them in turn, and the next one when a connection cannot be had."""

    def __init__(self, nodes: Sequence[Gateway], key: str) -> None:
        self._nodes = itertools.cycle(nodes)
        self._tries = 4 * len(nodes)
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)

    async def __call__(self, method: str, path: str, **said: Any) -> httpx.Response:
        for _ in range(self._tries):
            try:
                answer = await self._http.request(method, next(self._nodes).url + path, **said)
            except httpx.TransportError:
                continue
            if answer.status_code == 503:  # it is stopping, and says so
                continue
            return answer
        raise AssertionError("no node answers")

    async def aclose(self) -> None:
        await self._http.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def two(sim: Simulator, tmp_path: Path, postgresql_url: str, s3: S3) -> AsyncIterator[list[Gateway]]:
    shared = {
        "database_url": postgresql_url,
        "media_url": f"s3://{s3.new_bucket()}/files",
        "s3_endpoint": s3.endpoint,
        "s3_region": "us-east-1",
        "s3_access_key_id": "tests",
        "s3_secret_access_key": "tests",
        "secret_key": "one secret for both of these nodes",
        "drain_s": "1",
    }
    nodes = [Gateway(tmp_path / name, sim.browser_args, node_id=name, **shared) for name in ("a", "b")]
    try:
        for node in nodes:
            name = node.data_dir.name
            await node.import_profile(f"of-{name}", await sim.account(email=f"{tmp_path.name}-{name}@example.com"))
        key = (await nodes[0].cli("key", "create", "tests"))["key"]
        for node in nodes:
            node.key = key
            await node.start(ready=False)
        for node in nodes:
            await node.wait_http("/readyz")
        yield nodes
    finally:
        for node in nodes:
            if node.process is not None:
                await node.stop()
        for process in [left for node in nodes for left in node.leftovers()]:
            process.kill()


@asynccontextmanager
async def balanced(nodes: list[Gateway]) -> AsyncIterator[Balancer]:
    balancer = Balancer(nodes, nodes[0].key)
    try:
        yield balancer
    finally:
        await balancer.aclose()


@pytest.mark.long
async def test_what_each_can_do_is_known_and_a_chat_is_passed_on(two: list[Gateway]) -> None:
    a = two[0]
    async with asyncio.timeout(60):
        while True:
            listed = await a.cli("node", "list")
            if [[profile["state"] for profile in node["profiles"]] for node in listed] == [["ready"], ["ready"]]:
                break
            await asyncio.sleep(0.2)  # polled on purpose: a command looks once
    assert [(node["id"], node["state"], node["role"], node["address"]) for node in listed] == [
        ("a", "live", "all", two[0].url),
        ("b", "live", "all", two[1].url),
    ]
    assert listed[1]["profiles"][0]["free"] == {"video": 2, "chat": 48, "image": 2}
    await a.cli("profile", "disable", "of-a")
    body = {"model": "grok-4", "messages": [{"role": "user", "content": "say: from over there"}]}
    async with a.client() as client, asyncio.timeout(60):
        while (answer := await client.http.post("/v1/chat/completions", json=body)).status_code == 429:
            await asyncio.sleep(0.2)  # the profile is only just being disabled
        assert answer.status_code == 200, answer.text
        assert answer.json()["choices"][0]["message"]["content"] == "from over there"
        picture = await client.http.post("/v1/images/generations", json={"prompt": "a lighthouse", "n": 1}, timeout=60)
        assert picture.status_code == 200, picture.text
        link = picture.json()["data"][0]["url"]
        assert link.startswith(a.url) and (await client.http.get(link)).headers["content-type"].startswith("image/")


async def test_a_profile_moves_with_its_sign_in(two: list[Gateway], sim: Simulator) -> None:
    """And a task that was begun with it goes on where it went."""
    a, b = two
    async with a.client() as client:
        await b.cli("profile", "disable", "of-b")
        task = await client.create("a slow lighthouse [sim:pace=6]")
        await client.wait(task, until="running")
        moved = await b.cli("profile", "move", "of-a", "--to", "b")
        assert (moved["from"], moved["to"]) == ("a", "b") and moved["copies"] >= 1
        async with asyncio.timeout(60):
            while (shown := await b.cli("profile", "show", "of-a"))["state"] != "ready":
                await asyncio.sleep(0.3)  # polled on purpose: a command looks once
        assert shown["node"] == "b" and "moved" in [event["type"] for event in shown["events"]]
        done = await client.wait(task)
        assert done["status"] == "completed", done
    assert len(await sim.ledger(kind="submit_video")) == 1
    async with asyncio.timeout(60):
        while (a.data_dir / "profiles" / "of-a").exists():
            await asyncio.sleep(0.1)
    again = await a.cli("profile", "adopt", "of-a", check=False)
    assert again["error"]["code"] == "node_at_work" and "profile move of-a --to a" in again["error"]["message"]


async def test_a_rolling_restart_loses_nothing_and_fails_nobody(two: list[Gateway], sim: Simulator) -> None:
    """Each node is stopped and started again while tasks are made and polled; nothing is made twice."""
    made: list[str] = []
    states: dict[str, str] = {}
    restarted = asyncio.Event()

    async def create(ask: Balancer) -> None:
        while not restarted.is_set() and len(made) < 10:
            body = {"model": "grok-imagine-1.0-video", "prompt": f"lighthouse number {len(made)}"}
            answer = await ask("POST", "/v1/video/tasks", json=body)
            assert answer.status_code == 200, answer.text
            made.append(answer.json()["task_id"])
            await asyncio.sleep(0.7)

    async def poll(ask: Balancer) -> None:
        while not restarted.is_set() or set(states.values()) - FINAL or len(states) < len(made):
            for task in [task for task in made if states.get(task) not in FINAL]:
                answer = await ask("GET", f"/v1/video/tasks/{task}")
                assert answer.status_code == 200, (answer.status_code, answer.text)
                states[task] = answer.json()["status"]
            await asyncio.sleep(0.1)

    async def restart() -> None:
        await asyncio.sleep(3)
        for node in two:
            assert await node.stop() == 0
            await node.start(ready=False)
            await node.wait_http("/readyz")
            await asyncio.sleep(1)
        restarted.set()

    async with balanced(two) as ask, asyncio.timeout(240), asyncio.TaskGroup() as group:
        for work in (create(ask), poll(ask), restart()):
            group.create_task(work)
    assert set(states.values()) == {"completed"}, states
    submitted = await sim.ledger(kind="submit_video")
    prompts = [entry["prompt"] for entry in submitted]
    assert len(prompts) == len(set(prompts)) == len(made), prompts
