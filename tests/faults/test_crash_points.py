"""``kill -9`` of the whole gateway at every boundary of a video's life: nothing is lost, nothing is submitted twice."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.faults.conftest import MakeFleet
from tests.faults.fleet import Fleet
from tests.faults.pictures import PNG
from tests.faults.rows import Rows, watching
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Point:
    """Where the process dies: once *row* is there (SQL over `task_steps`, or `tasks`), or the site has got *request*.

    play: what the site does to hold the task there.
    """

    name: str
    row: str = ""
    request: str = ""
    play: str = ""


def step(name: str, more: str = "") -> str:
    return f"SELECT 1 FROM task_steps WHERE name = '{name}' {more} AND task_id = "


POINTS = (
    Point("claimed", row="SELECT 1 FROM tasks WHERE state = 'running' AND id = "),
    Point("upload begun", row=step("upload")),
    Point("uploading", request="upload"),
    Point("upload done", row=step("upload", "AND done")),
    Point("post begun", row=step("create_post")),
    Point("post asked for", request="post_create"),
    Point("post done", row=step("create_post", "AND done")),
    Point("intent stored", row=step("submit")),
    Point("submitted, no answer yet", request="submit_video", play="[sim:slow-first-byte=4]"),
    Point("ids stored", row=step("submit", "AND CAST(external AS TEXT) <> '{}'"), play="[sim:pace=2]"),
    Point("generating", row="SELECT 1 FROM tasks WHERE progress >= 40 AND id = ", play="[sim:pace=3]"),
    Point("submit done", row=step("submit", "AND done")),
    Point("download begun", row=step("download")),
    Point("downloading", request="asset_get", play="[sim:asset-slow=100000]"),
    Point("download done", row=step("download", "AND done")),
)
SHORT = ("intent stored", "submitted, no answer yet", "downloading")


async def killed_at(point: Point, fleet: Fleet, sim: Simulator, rows: Rows) -> tuple[str, str, bool]:
    """Make a task, kill its gateway at *point* and start it again; returns the task, its prompt, and whether it died in doubt:
    with the intent to submit stored, and no word of the site."""
    (node,) = fleet.nodes
    prompt = f"a harbour, {point.name} {point.play}".strip()
    async with node.client() as client:
        seen = max((entry["n"] for entry in await sim.ledger()), default=0)
        task_id = await client.create(prompt, image_url=PNG)
        if point.request:
            await sim.wait(point.request, count=1, timeout_s=60, since=seen)
        else:
            await rows.until(f"{point.row}'{task_id}'")
    await node.kill()
    doubt = step("submit", "AND NOT done AND CAST(external AS TEXT) = '{}'") + f"'{task_id}'"
    doubtful = bool(await rows.all(doubt))  # on a busy machine it may have come further than the point
    await node.start()
    return task_id, prompt, doubtful


async def check(point: Point, task: dict[str, object], submits: int, *, doubtful: bool) -> None:
    if task["status"] == "completed":
        assert submits == 1, (point, submits)
        return
    assert doubtful, (point, task)
    assert task["error"]["code"] == "generation_outcome_unknown", (point, task)  # type: ignore[index]
    assert submits <= 1, (point, submits)


async def die_at_every(points: tuple[Point, ...], sim: Simulator, fleet: Fleet) -> None:
    node = await fleet.add()
    async with watching(fleet.database_url) as rows:
        for point in points:
            task_id, prompt, doubtful = await killed_at(point, fleet, sim, rows)
            async with node.client() as client:
                task = await client.wait(task_id)
            submits = [entry for entry in await sim.ledger(kind="submit_video") if entry["prompt"] == prompt]
            await check(point, task, len(submits), doubtful=doubtful)
        assert await rows.one("SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')") == 0


async def test_killed_where_it_matters_most(sqlite_url: str, sim: Simulator, make_fleet: MakeFleet) -> None:
    points = tuple(point for point in POINTS if point.name in SHORT)
    await die_at_every(points, sim, make_fleet(sqlite_url))


@pytest.mark.faults
@pytest.mark.parametrize("protocol", ["g1", "g2"])
async def test_killed_at_every_boundary(
    database_url: str, protocol: str, sim: Simulator, make_fleet: MakeFleet
) -> None:
    await sim.settings(generation=protocol)
    points = tuple(point for point in POINTS if protocol == "g1" or not point.name.startswith("post "))
    await die_at_every(points, sim, make_fleet(database_url, protocol=protocol))
