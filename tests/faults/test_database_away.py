"""The database crashed, cut off, silent, full, or without notifications, under whole gateways."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.gateway_process import Client
from tests.faults.conftest import MakeFleet
from tests.faults.fleet import Fleet, submits_by_prompt
from tests.faults.line import Line, line_to
from tests.faults.rows import watching
from tests.postgresql import Cluster
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(loop_scope="session")
async def line(cluster: Cluster) -> AsyncIterator[Line]:
    async with line_to(cluster.port) as carrying:
        yield carrying


def over(line: Line, url: str, cluster: Cluster) -> str:
    return url.replace(f":{cluster.port}/", f":{line.port}/")


async def generating(client: Client, task_id: str) -> None:
    async for event in client.events(task_id):
        if event["progress"]:
            return


async def test_a_server_that_crashes_in_mid_run_is_waited_for(
    postgresql_url: str, cluster: Cluster, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """Stopped immediately while videos run and event streams are open, and started again: nothing ends, nothing repeats."""
    fleet = make_fleet(postgresql_url, lease_s=12)
    node = await fleet.add()
    prompts = [f"an ember, number {number} [sim:pace=4]" for number in range(2)]
    async with node.client() as client:
        tasks = [await client.create(prompt) for prompt in prompts]
        seen: list[str] = []

        async def follow(task_id: str, is_open: asyncio.Event) -> None:
            async for event in client.events(task_id):
                is_open.set()
                seen.append(event["type"])

        async with asyncio.timeout(90), asyncio.TaskGroup() as group:
            for task_id in tasks:
                await generating(client, task_id)
                is_open = asyncio.Event()
                group.create_task(follow(task_id, is_open))
                await is_open.wait()
            cluster.crash()
            try:
                refused = await client.http.get(f"/v1/video/tasks/{tasks[0]}")
                alive = await client.http.get("/livez")
            finally:
                cluster.start()
            assert refused.status_code == 503 and refused.headers["retry-after"], refused.text
            assert alive.status_code == 200
        assert seen.count("completed") == 2  # the streams lived through it
        assert [(await client.get(task_id))["status"] for task_id in tasks] == ["completed"] * 2
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == dict.fromkeys(prompts, 1)


async def test_a_listener_that_is_killed_listens_again(
    postgresql_url: str, cluster: Cluster, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """Subscribers go on without a gap, and a cancellation from the other node arrives by notification once more."""
    fleet = make_fleet(postgresql_url, lease_s=30)
    worker = await fleet.add()
    front = await fleet.add(start=False)
    await front.start(ready=False)
    database = postgresql_url.rpartition("/")[2]
    listening = f"datname = '{database}' AND query LIKE 'LISTEN%'"
    async with front.client() as client, asyncio.timeout(90), asyncio.TaskGroup() as group:
        task_id = await client.create("an owl [sim:pace=60]")
        events: list[str] = []

        async def follow() -> None:
            async for event in client.events(task_id):
                events.append(event["type"])

        group.create_task(follow())
        await generating(client, task_id)
        ours = f"datname = '{database}' AND application_name = 'grok-gateway'"
        cluster.psql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
        while int(cluster.psql("postgres", f"SELECT count(*) FROM pg_stat_activity WHERE {listening}")) < 2:
            await asyncio.sleep(0.1)  # polled on purpose: only the server knows
        count = len(events)
        while len(events) == count:  # progress of the worker node still arrives at the front node
            await asyncio.sleep(0.05)
        asked_at = time.monotonic()
        await client.http.delete(f"/v1/video/tasks/{task_id}")
        await sim.wait("submit_video", count=1, timeout_s=10, outcome="reset")
        assert (
            time.monotonic() - asked_at < 1.5
        )  # a heartbeat alone is up to two seconds away, and it is rarely that near
    assert events[-1] == "cancelled"
    assert worker.process is not None and worker.process.returncode is None


@pytest.mark.faults
async def test_without_notifications_everything_still_comes(
    postgresql_url: str, cluster: Cluster, line: Line, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """What the server says on listening connections never arrives: polling finds tasks, cancellations and events."""
    line.swallow_answers_to(b"LISTEN")
    fleet = make_fleet(over(line, postgresql_url, cluster))
    await fleet.add()
    front = await fleet.add(start=False)
    await front.start(ready=False)
    async with front.client() as client:
        task = await client.wait(await client.create("a whisper"), within_s=60)
        assert task["status"] == "completed"
        stuck = await client.create("a long whisper [sim:pace=40]")
        await generating(client, stuck)
        await client.http.delete(f"/v1/video/tasks/{stuck}")
        assert (await client.wait(stuck, within_s=60))["status"] == "cancelled"
    assert line.swallowed > 0


@pytest.mark.faults
async def test_a_node_cut_off_from_the_database_lets_go_before_another_takes_over(
    postgresql_url: str, cluster: Cluster, line: Line, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """The line to the database goes silent, nothing is reset. The node says so, stops its work at the site, and another
    one, signed in to the same account, brings it to its end; back on the line, the first one is well."""
    fleet = make_fleet(postgresql_url)
    cut = await fleet.add("both@example.com", database_url=over(line, postgresql_url, cluster))
    other = await fleet.add("both@example.com", start=False)
    await other.cli("profile", "disable", "n1p0")
    await other.start(ready=False)  # it looks after lost claims; what it could go on with itself comes later
    async with watching(postgresql_url) as rows, cut.client() as client:
        prompt = "an island [sim:pace=20]"
        task_id = await client.create(prompt)
        await generating(client, task_id)
        line.silence()
        (left,) = await sim.wait("submit_video", count=1, timeout_s=30, outcome="reset")
        left_at = datetime.fromtimestamp(time.time() - (time.monotonic() - left["reset_at"]), UTC)
        began = time.monotonic()
        answer = await client.http.get(f"/v1/video/tasks/{task_id}", timeout=40)
        assert answer.status_code == 503, answer.text
        assert time.monotonic() - began < 60
        await other.cli("profile", "enable", "n1p0")
        async with other.client() as elsewhere:
            assert (await elsewhere.wait(task_id, within_s=90))["status"] == "completed"
        taken = f"SELECT at FROM task_events WHERE type = 'rescued' AND task_id = '{task_id}'"
        assert left_at < await rows.one(taken)
        line.speak()
        await cut.wait_http("/readyz", within_s=60)
        assert (await client.wait(task_id))["status"] == "completed"
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == {prompt: 1}


@pytest.mark.faults
async def test_a_stop_does_not_wait_for_a_database_that_is_silent(
    postgresql_url: str, cluster: Cluster, line: Line, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """A service manager loses its patience and kills: what then is not closed in order would be its own fault."""
    fleet = make_fleet(postgresql_url)
    node = await fleet.add(database_url=over(line, postgresql_url, cluster))
    async with node.client() as client:
        await generating(client, await client.create("a door that sticks [sim:pace=60]"))
    line.silence()
    began = time.monotonic()
    assert await node.stop(within_s=90) == 0
    assert time.monotonic() - began < 40  # some ten on a machine with nothing else to do; it took more than forty there


def clock_of(cluster: Cluster, url: str) -> Callable[[float], None]:
    """A server's clock that can be set, by so many seconds against the true one. Call before anybody uses the database."""
    name = url.rpartition("/")[2]
    cluster.psql(
        name,
        "CREATE TABLE clock (ahead float8 NOT NULL); INSERT INTO clock VALUES (0);"
        "CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS "
        "'SELECT pg_catalog.statement_timestamp() + make_interval(secs => ahead) FROM public.clock';"
        f"ALTER DATABASE {name} SET search_path = public, pg_catalog",
    )

    def set_by(ahead_s: float) -> None:
        cluster.psql(name, f"UPDATE clock SET ahead = {ahead_s}")

    return set_by


@pytest.mark.faults
async def test_a_clock_that_jumps_takes_nothing_from_the_living(
    postgresql_url: str, cluster: Cluster, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """The server's clock is set an hour forward while videos run on two nodes, and back again while others wait."""
    set_clock_by = clock_of(cluster, postgresql_url)
    fleet = make_fleet(postgresql_url, lease_s=9, video_slots=2)
    first, _ = await fleet.add("both@example.com"), await fleet.add("both@example.com")
    prompts = [f"a pendulum, number {number} [sim:pace=25]" for number in range(4)]
    later = [f"an hourglass, number {number} [sim:pace=1]" for number in range(2)]
    async with watching(postgresql_url) as rows, first.client() as client:
        tasks = [await client.create(prompt) for prompt in prompts]
        await rows.until("SELECT count(*) FROM tasks WHERE progress > 0 HAVING count(*) = 4")
        set_clock_by(3600)
        await asyncio.sleep(9)  # more than two sweeps of each node
        tasks += [await client.create(prompt) for prompt in later]  # in the queue from an hour ahead
        set_clock_by(0)
        done = await asyncio.gather(*(client.wait(task_id, within_s=120) for task_id in tasks))
        assert [task["status"] for task in done] == ["completed"] * 6
        assert await rows.one("SELECT count(*) FROM task_attempts WHERE outcome = 'rescued'") == 0
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == dict.fromkeys(prompts + later, 1)


@pytest.fixture
def tiny_server(cluster: Cluster, postgresql_template: str) -> Iterator[tuple[str, Path]]:
    """A database on a file system of its own, and where that is; the server's log of changes is elsewhere."""
    place = cluster.data.parent / "tiny"
    place.mkdir()
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place], check=False).returncode:
            pytest.skip("mounting a small file system needs root")
        shutil.chown(place, cluster.as_user["user"], cluster.as_user["group"])
        cluster.psql("postgres", f"CREATE TABLESPACE tiny LOCATION '{place}'")
        url = cluster.new_database(like=postgresql_template, tablespace="tiny")
        yield url, place
        cluster.psql("postgres", f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")
        cluster.psql("postgres", "DROP TABLESPACE tiny")
    finally:
        subprocess.run(["umount", "-l", place], check=False)
        place.rmdir()


@pytest.mark.faults
async def test_a_full_disk_of_the_server_refuses_new_tasks_and_keeps_the_old(
    tiny_server: tuple[str, Path], sim: Simulator, make_fleet: MakeFleet
) -> None:
    url, place = tiny_server
    await survives_a_full_disk(make_fleet(url), place, sim)


async def test_a_full_database_disk_refuses_new_tasks_and_keeps_the_old(
    tiny_disk: Path, sim: Simulator, make_fleet: MakeFleet
) -> None:
    await survives_a_full_disk(make_fleet(f"sqlite:///{tiny_disk}/gateway.db"), tiny_disk, sim)


async def survives_a_full_disk(fleet: Fleet, place: Path, sim: Simulator) -> None:
    node = await fleet.add()
    prompt = "a full cup [sim:pace=3]"
    async with node.client() as client:
        task_id = await client.create(prompt)
        await generating(client, task_id)
        ballast = place / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    break
        async with asyncio.timeout(60):
            while True:  # what is left of allocated pages is used up first
                answer = await client.http.post(
                    "/v1/video/tasks", json={"model": "grok-imagine-1.0-video", "prompt": "x" * 4000}
                )
                if answer.status_code != 200:
                    break
        assert answer.status_code in {503, 507} and answer.json()["error"]["code"] == "storage_full", answer.text
        await sim.wait("submit_video", count=1, timeout_s=20, outcome="finished")
        ballast.unlink()
        task = await client.wait(task_id, within_s=90)
        assert task["status"] == "completed", task
    assert submits_by_prompt(await sim.ledger(kind="submit_video"))[prompt] == 1
