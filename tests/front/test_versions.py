"""Tasks that a later version of the gateway made, asked for at a node of this one."""

import pytest
from sqlalchemy import update

from gateway.console.access import PLAIN_COOKIE
from gateway.db.tables import task_events, tasks

LATER = {"prompt": "p", "mode": "hologram", "preset": "noir", "depth": 3}


async def plant(front, task_id, **values):
    async with front.app.state.db.write() as connection:
        await connection.execute(update(tasks).where(tasks.c.id == task_id).values(**values))


@pytest.fixture
async def later(front):
    """One that is over, of a mode, preset, stage and dialect that nobody here knows, with an event of another kind."""
    task_id = await front.create()
    await front.until(task_id, "completed")
    await plant(front, task_id, spec=LATER, stage="colouring", dialect="hologram")
    async with front.app.state.db.write() as connection:
        first = (task_events.c.task_id == task_id, task_events.c.seq == 2)
        await connection.execute(update(task_events).where(*first).values(type="dreaming"))
    return task_id


async def test_every_api_shows_it(front, later):
    for path in (
        f"/v1/video/tasks/{later}", "/v1/video/tasks", f"/v1/videos/{later}", "/v1/videos", f"/v1/video/tasks/{later}/content",
    ):  # fmt: skip
        answer = await front.http.get(path)
        assert answer.status_code == 200, (path, answer.text)


async def test_it_is_followed(front, later):
    for headers in ({}, {"Last-Event-ID": "0"}):
        answer = await front.http.get(f"/v1/video/tasks/{later}/stream", headers=headers)
        assert answer.status_code == 200 and '"type":"completed"' in answer.text


async def test_the_console_shows_it_and_makes_none_like_it(front, later):
    await front.app.state.console.password.create("correct horse battery")
    _, secret = await front.app.state.console.sessions.begin(address="127.0.0.1", user_agent="tests")
    front.http.headers["cookie"] = f"{PLAIN_COOKIE}={secret}"
    for path in (
        "/console",
        "/console/tasks",
        f"/console/tasks/{later}",
        "/console/studio",
        f"/console/studio?from={later}",
    ):
        answer = await front.http.get(path)
        assert answer.status_code == 200, (path, answer.text[:500])
    again = await front.http.post(f"/console/tasks/{later}/retry", headers={"origin": front.url})
    assert again.status_code == 400 and "newer version" in again.text
