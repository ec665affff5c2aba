"""Whatever dies in the middle of a generation: the task finishes, and the site saw one submit."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Client, send
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def submitted(sim: Simulator, count: int = 1) -> None:
    await sim.wait("submit_video", count=count, timeout_s=30)


async def progressing(client: Client, task_id: str) -> None:
    """Return once the site has shown the task's ids: from here on nothing about it is ambiguous."""
    async for event in client.events(task_id):
        if event.get("stage") == "generate" or event["progress"]:
            return


async def assert_one_submit(sim: Simulator) -> None:
    entries = await sim.ledger(kind="submit_video")
    assert len(entries) == 1, entries


@pytest.mark.parametrize("how", ["eof", "reset", "drop"])
async def test_a_cut_stream_is_re_attached_not_resubmitted(client: Client, sim: Simulator, how: str) -> None:
    task = await client.wait(await client.create(f"a kite [sim:cut-stream=4:{how}]"))
    assert task["status"] == "completed", task
    await assert_one_submit(sim)


@pytest.mark.long
async def test_a_stalled_stream_is_re_attached(sim: Simulator, make_gateway: MakeGateway) -> None:
    gateway = await make_gateway(stream_idle_timeout_s=2)
    async with gateway.client() as client:
        task = await client.wait(await client.create("a heron [sim:stall=4]"))
    assert task["status"] == "completed", task
    await assert_one_submit(sim)


async def test_a_submit_cut_before_its_first_frame_is_found_in_the_lists(client: Client, sim: Simulator) -> None:
    task = await client.wait(await client.create("a lonely windmill [sim:cut-before-first-frame=reset]"))
    assert task["status"] == "completed", task
    await assert_one_submit(sim)


async def test_an_outcome_nobody_can_know_is_said_not_repeated(client: Client, sim: Simulator) -> None:
    task = await client.wait(await client.create("a lost letter [sim:cut-and-lost=reset]"))
    assert task["status"] == "failed", task
    assert task["error"]["code"] == "generation_outcome_unknown"
    await assert_one_submit(sim)


async def test_kill_9_of_the_gateway_loses_nothing(sim: Simulator, make_gateway: MakeGateway) -> None:
    gateway = await make_gateway()
    async with gateway.client() as client:
        running = [await client.create(f"a glacier, seen {side} [sim:pace=6]") for side in ("from afar", "from above")]
        waiting = [await client.create(f"a small hill, number {number}") for number in range(3)]
        for task_id in running:
            await progressing(client, task_id)
    await gateway.kill()
    await gateway.start()
    async with gateway.client() as client:
        for task_id in (*running, *waiting):
            task = await client.wait(task_id)
            assert task["status"] == "completed", task
    assert len(await sim.ledger(kind="submit_video")) == 5


def main_browser(command: list[str]) -> bool:
    return any("--user-data-dir" in part for part in command) and not any(p.startswith("--type=") for p in command)


def renderer(command: list[str]) -> bool:
    return "--type=renderer" in command


def driver(command: list[str]) -> bool:
    return any("run-driver" in part for part in command)


@pytest.mark.parametrize("victim", [main_browser, renderer, driver], ids=["chromium", "renderer", "driver"])
async def test_kill_9_below_the_gateway_is_survived(sim: Simulator, make_gateway: MakeGateway, victim: object) -> None:
    gateway = await make_gateway()
    async with gateway.client() as client:
        task_id = await client.create("a comet [sim:pace=4]")
        await submitted(sim)
        await progressing(client, task_id)
        victims = gateway.children(victim)  # type: ignore[arg-type]
        assert victims, "nothing to kill was found"
        for process in victims:
            send(process, signal.SIGKILL)
        task = await client.wait(task_id)
        assert task["status"] == "completed", task
        again = await client.wait(await client.create("after the crash"))
        assert again["status"] == "completed", again
    assert len(await sim.ledger(kind="submit_video")) == 2


async def test_cancelling_a_queued_task_sends_nothing(sim: Simulator, make_gateway: MakeGateway) -> None:
    gateway = await make_gateway(video_slots=1)
    async with gateway.client() as client:
        first = await client.create("a slow river [sim:pace=3]")
        await submitted(sim)
        second = await client.create("never to be seen")
        answer = await client.http.delete(f"/v1/video/tasks/{second}")
        assert answer.status_code == 200 and answer.json()["status"] == "success"
        assert (await client.get(second))["status"] == "cancelled"
        await client.wait(first, until="completed")
    await assert_one_submit(sim)


async def test_cancelling_a_running_task_reaches_the_site_at_once(client: Client, sim: Simulator) -> None:
    task_id = await client.create("a very slow river [sim:pace=20]")
    await submitted(sim)
    await progressing(client, task_id)
    await client.http.delete(f"/v1/video/tasks/{task_id}")
    task = await client.wait(task_id, until="cancelled", within_s=60)
    assert task["status"] == "cancelled"
    async with asyncio.timeout(60):
        while (await sim.ledger(kind="submit_video"))[0]["outcome"] != "reset":
            await asyncio.sleep(0.02)


async def test_a_graceful_stop_hands_work_over_to_the_next_start(sim: Simulator, make_gateway: MakeGateway) -> None:
    gateway = await make_gateway(drain_s=1)
    async with gateway.client() as client:
        tasks = [await client.create(f"a long road, part {number} [sim:pace=5]") for number in range(4)]
        await submitted(sim, count=2)
    assert await gateway.stop() == 0
    assert not gateway.leftovers()
    await gateway.start()
    async with gateway.client() as client:
        for task_id in tasks:
            assert (await client.wait(task_id))["status"] == "completed"
    assert len(await sim.ledger(kind="submit_video")) == 4


@pytest.mark.slow
@pytest.mark.parametrize("count", [8, pytest.param(50, marks=pytest.mark.long)])
async def test_many_tasks_on_two_profiles(sim: Simulator, make_gateway: MakeGateway, count: int) -> None:
    gateway = await make_gateway(profiles=2)
    async with gateway.client() as client:
        tasks = await asyncio.gather(*(client.create(f"a bird, number {number}") for number in range(count)))
        done = await asyncio.gather(*(client.wait(task_id, within_s=240) for task_id in tasks))
    assert {task["status"] for task in done} == {"completed"}
    entries = await sim.ledger(kind="submit_video")
    assert len(entries) == count and len({entry["account"] for entry in entries}) == 2
