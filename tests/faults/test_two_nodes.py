"""Two nodes on one PostgreSQL: one dies or freezes, and the other goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.balancer import balancing
from tests.faults.conftest import MakeFleet
from tests.faults.fleet import Fleet, freeze, submits_by_prompt, thaw
from tests.faults.rows import watching
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


async def completed(fleet: Fleet, asked: int, tasks: list[str], *, within_s: float) -> None:
    """Every one of *tasks* completes, asked for at the node with that number."""
    async with fleet.nodes[asked].client() as client:
        done = await asyncio.gather(*(client.wait(task_id, within_s=within_s) for task_id in tasks))
    assert [task for task in done if task["status"] != "completed"] == []


async def dies_under(count: int, fleet: Fleet, sim: Simulator, *, pace: float) -> None:
    """*count* videos at work on two nodes of one account, of which one is killed for good; the other finishes them all."""
    first = await fleet.add("both@example.com", video_slots=count)
    await fleet.add("both@example.com", video_slots=count)
    async with first.client() as client:
        prompts = [f"a swallow, number {number} [sim:pace={pace}]" for number in range(count)]
        tasks = list(await asyncio.gather(*(client.create(prompt) for prompt in prompts)))
    async with watching(fleet.database_url) as rows:
        shown = "SELECT count(*) FROM task_steps WHERE name = 'submit' AND CAST(external AS TEXT) <> '{}'"
        await rows.until(f"{shown} HAVING count(*) = {count}", within_s=90)
        theirs = (
            "SELECT split_part(owner, '/', 1), count(*) FROM tasks WHERE state = 'running' GROUP BY 1 ORDER BY 2 DESC"
        )
        (busiest, its), *_ = await rows.all(theirs)
        nodes = [await rows.one(f"SELECT node_id FROM profiles WHERE name = 'n{number}p0'") for number in (0, 1)]
        await fleet.nodes[nodes.index(busiest)].kill()
        await completed(fleet, 1 - nodes.index(busiest), tasks, within_s=150)
        assert await rows.one("SELECT count(*) FROM task_attempts WHERE outcome = 'rescued'") >= its > 0
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == dict.fromkeys(prompts, 1)


async def test_a_node_that_dies_is_taken_over(postgresql_url: str, sim: Simulator, make_fleet: MakeFleet) -> None:
    await dies_under(4, make_fleet(postgresql_url), sim, pace=8)


@pytest.mark.faults
async def test_a_node_that_dies_under_forty_running_tasks(
    postgresql_url: str, sim: Simulator, make_fleet: MakeFleet
) -> None:
    # more streams at once than one profile's slots would give it in ordinary life: twenty on each of two nodes
    fleet = make_fleet(postgresql_url, video_slots=20, lease_s=10)
    first, second = await fleet.add("north@example.com"), await fleet.add("south@example.com")
    async with first.client() as client:
        prompts = [f"a starling, number {number} [sim:pace=40]" for number in range(40)]
        tasks = list(await asyncio.gather(*(client.create(prompt) for prompt in prompts)))
    async with watching(fleet.database_url) as rows:
        shown = "SELECT count(*) FROM task_steps WHERE name = 'submit' AND CAST(external AS TEXT) <> '{}'"
        await rows.until(f"{shown} HAVING count(*) = 40", within_s=120)
        owners = await rows.one("SELECT count(DISTINCT owner) FROM tasks WHERE state = 'running'")
        assert owners == 2
        await first.kill()
        # somebody signs the dead node's account in on the one that is left
        await second.import_profile("heir", (await fleet.signed_in("north@example.com")))
        await completed(fleet, 1, tasks, within_s=240)
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == dict.fromkeys(prompts, 1)


@pytest.mark.faults
async def test_a_node_that_freezes_and_wakes_up_writes_nothing_more(
    postgresql_url: str, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """SIGSTOP for longer than the lease, takeover by the other node, SIGCONT: one submit, one result, no false success."""
    fleet = make_fleet(postgresql_url)
    zombie = await fleet.add("both@example.com")
    other = await fleet.add("both@example.com")
    async with watching(fleet.database_url) as rows:
        prompt = "a sleepwalker [sim:pace=8]"
        async with zombie.client() as client:
            task_id = await client.create(prompt)
        await rows.until(f"SELECT 1 FROM tasks WHERE progress > 0 AND id = '{task_id}'")
        owner = await rows.one(f"SELECT owner FROM tasks WHERE id = '{task_id}'")
        on = {await rows.one(f"SELECT node_id FROM profiles WHERE name = 'n{n}p0'"): n for n in (0, 1)}
        frozen = fleet.nodes[on[owner.partition("/")[0]]]
        freeze(frozen)
        taken = f"SELECT 1 FROM tasks WHERE claims > 1 AND state = 'running' AND id = '{task_id}'"
        await rows.until(taken, within_s=60)
        thaw(frozen)
        awake = other if frozen is zombie else zombie
        async with awake.client() as client:
            assert (await client.wait(task_id))["status"] == "completed"
        events = [
            row[0] for row in await rows.all(f"SELECT type FROM task_events WHERE task_id = '{task_id}' ORDER BY seq")
        ]
        assert events.count("succeeded") == 1 and events[-1] == "succeeded"
        assert events.count("claimed") == 2, events
        await frozen.wait_http("/readyz")  # it is well again, and works
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == {prompt: 1}


async def rolls(fleet: Fleet, sim: Simulator, *, count: int, rounds: int) -> None:
    """Both nodes are restarted in turn while a client makes videos and polls them through a balancer."""
    for number in range(2):
        await fleet.add(f"roll{number}@example.com")
    polls: list[int] = []
    prompts = [f"a wheel, number {number} [sim:pace=1.5]" for number in range(count)]
    done: dict[str, str] = {}
    async with balancing(fleet.nodes) as balancer, fleet.nodes[0].client() as client:
        client.http.base_url = balancer.url  # type: ignore[assignment]
        client.http.timeout = 90  # type: ignore[assignment]  # the balancer gives a node 30 s: a busy machine fails nobody

        async def one(prompt: str, wait_s: float) -> None:
            await asyncio.sleep(wait_s)  # the load: a new video every so often
            answer = await client.http.post(
                "/v1/video/tasks", json={"model": "grok-imagine-1.0-video", "prompt": prompt}
            )
            assert answer.status_code == 200, answer.text
            while done.get(prompt) not in {"completed", "failed", "cancelled"}:
                polled = await client.http.get(f"/v1/video/tasks/{answer.json()['task_id']}")
                polls.append(polled.status_code)
                assert polled.status_code == 200, (polled.status_code, polled.text)
                done[prompt] = polled.json()["status"]
                await asyncio.sleep(0.5)  # as a client polls

        async with asyncio.TaskGroup() as group:
            for number, prompt in enumerate(prompts):
                group.create_task(one(prompt, number * 0.7))
            for _ in range(rounds):
                for node in fleet.nodes:
                    assert await node.stop() == 0
                    await node.start()
    assert set(done.values()) == {"completed"} and len(done) == count
    assert set(polls) == {200}
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == dict.fromkeys(prompts, 1)


@pytest.mark.faults
async def test_a_rolling_restart_under_load(postgresql_url: str, sim: Simulator, make_fleet: MakeFleet) -> None:
    # a lease that a machine with too much to do does not lose: what is handed over does not wait for it
    await rolls(make_fleet(postgresql_url, drain_s=1, lease_s=20), sim, count=60, rounds=3)
