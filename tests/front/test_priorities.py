"""Classes of tasks: which key's are served first, and what a program may ask for."""

import asyncio

import pytest

from gateway.auth.callers import Priority
from tests.front.serving import CREATE
from tests.front.shape import assert_error_shape
from tests.front.videos import DUBRIFY, GENERATIONS, MODEL, NEWAPI, OPENAI, VIDEOS

TASKS = "/v1/video/tasks"


@pytest.fixture
def served(site):
    """What was begun at the site, in order; one at a time, from when *site* has a slot."""
    begun = []

    async def script(_, task, journal):
        begun.append(task.spec.prompt)
        return await site.deliver(task, journal)

    site.script, site.slots = script, 0
    return begun


async def all_served(site, served, count):
    site.slots = 1
    site.changed()
    async with asyncio.timeout(60):
        while len(served) < count:
            await asyncio.sleep(0.02)
    return served


async def test_a_higher_class_is_served_first_and_a_program_may_ask_for_a_lower_one(front, site, served):
    _, urgent = await front.keys.create("urgent", priority=Priority.HIGH)
    _, idle = await front.keys.create("idle", priority=Priority.LOW)
    asked = [(idle, "low", None), (front.key, "usual", None), (urgent, "asked low", "low"), (urgent, "high", None)]
    for key, prompt, priority in asked:
        async with front.client(key) as http:
            body = CREATE | {"prompt": prompt} | ({"priority": priority} if priority else {})
            assert (await http.post(TASKS, json=body)).status_code == 200
    place = {}
    for task in (await front.http.get(TASKS)).json()["tasks"]:
        place[task["prompt"]] = (await front.get(task["task_id"]))["queue_position"]
    assert place == {"usual": 2}, "before it is only the high one"
    assert await all_served(site, served, 4) == ["high", "usual", "low", "asked low"]


@pytest.mark.parametrize(
    ("path", "body"),
    [(TASKS, CREATE), (VIDEOS, DUBRIFY), (VIDEOS, OPENAI), (GENERATIONS, MODEL), (NEWAPI, MODEL)],
    ids=["tasks", "dubrify", "openai", "xai", "newapi"],
)
async def test_every_video_api_takes_it(front, site, served, path, body):
    assert (await front.http.post(path, json=body | {"prompt": "low", "priority": "low"})).status_code == 200
    answer = await front.http.post(path, json=body | {"prompt": "usual", "priority": "normal"})
    assert answer.status_code == 200, answer.text
    assert "priority" not in answer.headers.get("x-gateway-ignored", "")
    assert await all_served(site, served, 2) == ["usual", "low"]


async def test_no_program_can_push_in(front):
    answer = await front.http.post(TASKS, json=CREATE | {"priority": "high"})
    assert_error_shape(answer, 403, "permission_denied", param="priority")
    for wrong in ("urgent", 7, ["high"]):
        answer = await front.http.post(TASKS, json=CREATE | {"priority": wrong})
        assert_error_shape(answer, 400, "invalid_value", param="priority")
