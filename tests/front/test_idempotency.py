"""An Idempotency-Key makes repeating a create safe, whichever API it is in: one task, or a conflict in that API's own words."""

import asyncio

import pytest

from tests.front.serving import CREATE
from tests.front.videos import DUBRIFY, GENERATIONS, MODEL, NEWAPI, OPENAI, PNG, SYNC, VIDEOS, made, over

TASKS, CHAT = "/v1/video/tasks", "/v1/chat/completions"
KEY = {"idempotency-key": "k"}
TALK = {"model": "grok-imagine-1.0-video", "messages": [{"role": "user", "content": "a lighthouse"}]}

#: Path, body, how the answer names the task, and what a conflict's body must have in that API.
CREATES = {
    "grok2api": (TASKS, CREATE, "task_id", lambda body: body["error"]["code"] == "idempotency_conflict"),
    "openai": (VIDEOS, OPENAI, "id", lambda body: body["error"]["type"] == "invalid_request_error"),
    "dubrify": (VIDEOS, DUBRIFY, "request_id", lambda body: body["error"]["code"] == "idempotency_conflict"),
    "ambiguous": (VIDEOS, MODEL, "request_id", lambda body: body["error"]["code"] == "idempotency_conflict"),
    "xai": (GENERATIONS, DUBRIFY, "request_id", lambda body: body["code"] == "already_exists"),
    "newapi": (NEWAPI, OPENAI, "task_id", lambda body: body["code"] == "idempotency_conflict" and body["data"] is None),
    "sync": (GENERATIONS, SYNC, "id", lambda body: "error" in body),
    "chat": (CHAT, TALK, None, lambda body: body["error"]["code"] == "idempotency_conflict"),
}


def another(body):
    if "messages" in body:
        return body | {"messages": [{"role": "user", "content": "a harbour"}]}
    return body | {"prompt": "a harbour"}


async def tasks(front):
    return (await front.services.store.find(_all(front), limit=50)).tasks


def _all(front):
    from gateway.tasks.store import Filter

    return Filter()


@pytest.mark.parametrize("dialect", CREATES)
async def test_many_at_once_make_one_task_and_another_body_is_a_conflict(front, dialect):
    path, body, named, tells = CREATES[dialect]
    answers = await asyncio.gather(*(front.http.post(path, json=body, headers=KEY) for _ in range(4)))
    assert [one.status_code for one in answers] == [200] * 4, answers[0].text
    if named:
        assert len({one.json()[named] for one in answers}) == 1
        assert sorted(one.headers.get("idempotent-replayed", "") for one in answers) == ["", "true", "true", "true"]
    assert len(await tasks(front)) == 1
    other = await front.http.post(path, json=another(body), headers=KEY)
    assert other.status_code == 409 and tells(other.json()), other.text
    assert len(await tasks(front)) == 1
    _, secret = await front.keys.create("somebody else")
    async with front.client(secret) as client:
        assert (await client.post(path, json=another(body), headers=KEY)).status_code == 200, "each key has its own"


@pytest.mark.parametrize("dialect", ["grok2api", "openai", "dubrify", "xai", "newapi", "sync"])
async def test_a_key_is_not_free_because_its_task_was_deleted(front, dialect):
    path, body, named, tells = CREATES[dialect]
    answer = await front.http.post(path, json=body, headers=KEY)
    await over(front, answer.json()[named])
    assert (await front.http.delete(f"{VIDEOS}/{answer.json()[named]}")).status_code == 200
    again = await front.http.post(path, json=body, headers=KEY)
    assert again.status_code == 409 and tells(again.json()), again.text
    assert "deleted" in again.text and await tasks(front) == []


async def test_remixes_and_extensions_are_told_apart_by_what_they_go_on_from(front):
    sources = []
    for prompt in ("one", "two"):
        task_id = await made(front, VIDEOS, OPENAI | {"prompt": prompt}, key="id")
        await over(front, task_id)
        sources.append(task_id)
    same = {"prompt": "at night"}
    first, again = [await front.http.post(f"{VIDEOS}/{sources[0]}/remix", json=same, headers=KEY) for _ in range(2)]
    assert first.json()["id"] == again.json()["id"] and again.headers["idempotent-replayed"] == "true"
    assert (await front.http.post(f"{VIDEOS}/{sources[1]}/remix", json=same, headers=KEY)).status_code == 409
    extend = {"prompt": "on", "video": {"id": sources[0]}}
    for _ in range(2):
        answer = await front.http.post(f"{VIDEOS}/extensions", json=extend, headers={"idempotency-key": "e"})
        assert answer.status_code == 200, answer.text
    other = extend | {"video": {"id": sources[1]}}
    answer = await front.http.post(f"{VIDEOS}/extensions", json=other, headers={"idempotency-key": "e"})
    assert answer.status_code == 409
    assert len(await tasks(front)) == 4


async def test_the_same_words_in_another_api_are_another_request(front):
    body = MODEL | {"prompt": "x"}
    assert (await front.http.post("/xai/v1/videos/generations", json=body, headers=KEY)).status_code == 200
    assert (await front.http.post("/openai/v1/videos", json=body, headers=KEY)).status_code == 409
    assert len(await tasks(front)) == 1


async def test_forms_and_their_files_count(front):
    for _ in range(2):
        answer = await front.http.post(
            VIDEOS, data=OPENAI, files={"input_reference": ("a.png", PNG, "image/png")}, headers=KEY
        )
        assert answer.status_code == 200, answer.text
    assert (await front.http.post(VIDEOS, data=OPENAI, headers=KEY)).status_code == 409
    assert len(await tasks(front)) == 1
