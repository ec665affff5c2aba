"""A client names an address with its task and is told there when the task is over."""

import asyncio
import time

import pytest

from tests.front.serving import serving
from tests.front.shape import assert_error_shape
from tests.front.videos import DUBRIFY, GENERATIONS, MODEL, NEWAPI, OPENAI, PNG, SYNC, VIDEOS, watched
from tests.webhooks.receiver import receiving, says

TASKS = "/v1/video/tasks"
NATIVE = {"model": "grok-imagine-1.0-video", "prompt": "a lighthouse"}


async def deliveries(front, task_id):
    answer = await front.http.get(f"{TASKS}/{task_id}/deliveries")
    assert answer.status_code == 200, answer.text
    return answer.json()["deliveries"]


async def until(front, task_id, state, within_s=60):
    async with asyncio.timeout(within_s):
        while (found := (await deliveries(front, task_id))[0])["state"] != state:
            await asyncio.sleep(0.02)
    return found


async def secret_of(front, name="tests"):
    return (await front.services.signing.show(name)).secret


CREATES = {
    "grok2api": (TASKS, NATIVE, "task_id", "task_id", "video.task.completed", "completed"),
    "openai": (VIDEOS, OPENAI, "id", "id", "video.completed", "completed"),
    "dubrify": (VIDEOS, DUBRIFY, "request_id", "request_id", "video.task.completed", None),
    "xai": (GENERATIONS, DUBRIFY, "request_id", "request_id", "video.task.completed", "done"),
    "newapi": (NEWAPI, OPENAI, "task_id", "task_id", "video.task.completed", "SUCCESS"),
    "sync": (GENERATIONS, SYNC, "id", "id", "video.task.completed", "completed"),
}


@pytest.mark.parametrize("field", ["callback_url", "webhook_url", "webhook", "notify_hook"])
@pytest.mark.parametrize("dialect", CREATES)
async def test_the_end_is_told_in_the_dialects_own_words(front, receiver, dialect, field):
    path, body, key, id_there, event, status = CREATES[dialect]
    answer = await front.http.post(path, json=body | {field: receiver.url(f"/{dialect}")})
    assert answer.status_code == 200, answer.text
    task_id = answer.json()[key]
    got = await receiver.wait()
    message = got.verified(await secret_of(front))
    assert (got.path, message["type"], message["id"]) == (f"/{dialect}", event, got.id)
    assert abs(message["created_at"] - time.time()) < 60 and message["timestamp"].endswith("Z")
    data = message["data"]
    assert data[id_there] == task_id and data.get("status") == status
    assert got.headers["content-type"] == "application/json" and got.headers["user-agent"].startswith("grok-gateway/")
    if "url" in str(data):
        url = data.get("video_url") or data.get("result_url") or data.get("video", {}).get("url")
        if url:
            assert url.startswith(front.url) and (await front.http.get(url)).status_code == 200
    assert (await until(front, task_id, "delivered"))["type"] == event


@pytest.mark.parametrize("path", [VIDEOS, NEWAPI])
async def test_forms_may_name_it_too(front, receiver, path):
    fields = {"model": "grok-imagine-video", "prompt": "x", "callback_url": receiver.url()}
    answer = await front.http.post(path, data=fields, files={"input_reference": ("a.png", PNG, "image/png")})
    assert answer.status_code == 200, answer.text
    assert (await receiver.wait()).verified(await secret_of(front))["data"]


async def test_new_apis_metadata_and_an_object_are_read(front, receiver):
    for body in (MODEL | {"metadata": {"callback_url": receiver.url()}}, MODEL | {"webhook": {"url": receiver.url()}}):
        assert (await front.http.post(NEWAPI, json=body)).status_code == 200
    await receiver.wait(2)


async def test_failures_and_cancellations_are_told(front, receiver):
    front.services.settings.max_attempts = 1
    front.site.script = lambda site, task, journal: watched(site, task, journal, [])
    task_id = await front.create("fail at this", callback_url=receiver.url())
    message = (await receiver.wait()).json
    front.site.script = None
    assert (message["type"], message["data"]["task_id"]) == ("video.task.failed", task_id)
    assert message["data"]["error"]["message"]
    task_id = await front.create("hold on", callback_url=receiver.url())
    await front.until(task_id, "running")
    await front.http.delete(f"{TASKS}/{task_id}")
    assert (await receiver.wait(2)).json["type"] == "video.task.cancelled"
    assert len(receiver.got) == 2


async def test_it_is_tried_again_until_it_arrives(front, monkeypatch):
    monkeypatch.setattr("gateway.webhooks.model.FIRST_PAUSE_S", 0.05)
    async with receiving(says(500, body="oh no"), says(302, "Location: /elsewhere"), b"nonsense\r\n\r\n") as receiver:
        task_id = await front.create(callback_url=receiver.url())
        await receiver.wait(4)
        found = await until(front, task_id, "delivered")
        assert [one["status"] for one in found["attempts"]] == [500, 302, None, 200]
        assert found["attempts"][0]["answer"] == "oh no"
        assert "redirects are not followed" in found["attempts"][1]["error"]
        assert [got.path for got in receiver.got] == ["/hook"] * 4, "nobody went where the redirect pointed"
        assert len({got.id for got in receiver.got}) == 1 and len({got.body for got in receiver.got[:1]}) == 1
        for got in receiver.got:
            got.verified(await secret_of(front))
    text = (await front.http.get("/metrics")).text
    assert 'gateway_webhook_attempts_total{channel="task",outcome="again"} 3.0' in text
    assert 'gateway_webhook_attempts_total{channel="task",outcome="delivered"} 1.0' in text


async def test_a_receiver_that_was_down_is_told_when_it_is_up(front, monkeypatch):
    monkeypatch.setattr("gateway.webhooks.model.FIRST_PAUSE_S", 0.2)
    monkeypatch.setattr("gateway.webhooks.model.GROWTH", 1.0)
    async with receiving() as gone:
        port = gone.port
    task_id = await front.create(callback_url=f"http://127.0.0.1:{port}/hook")
    async with asyncio.timeout(60):
        while len((await deliveries(front, task_id))[0]["attempts"]) < 2:
            await asyncio.sleep(0.02)
    async with receiving(port=port) as receiver:
        await receiver.wait()
        found = await until(front, task_id, "delivered")
    assert found["attempts"][0]["error"] == "the server cannot be reached"


async def test_410_ends_it_and_it_can_be_sent_again(front):
    async with receiving(says(410)) as receiver:
        task_id = await front.create(callback_url=receiver.url())
        found = await until(front, task_id, "gone")
        assert len(receiver.got) == 1 and found["next_attempt_at"] is None
        answer = await front.http.post(f"{TASKS}/{task_id}/deliveries/{found['id']}/redeliver")
        assert answer.json()["state"] == "pending"
        assert (await receiver.wait(2)).id == found["id"]
        assert [one["status"] for one in (await until(front, task_id, "delivered"))["attempts"]] == [410, 200]


async def test_the_receivers_retry_after_is_kept(front):
    async with receiving(says(503, "Retry-After: 3600")) as receiver:
        task_id = await front.create(callback_url=receiver.url())
        await receiver.wait()
        async with asyncio.timeout(60):
            while (found := (await deliveries(front, task_id))[0])["attempts"][0]["status"] is None:
                await asyncio.sleep(0.02)
    from datetime import UTC, datetime

    due = datetime.fromisoformat(found["next_attempt_at"])
    assert 3500 < (due - datetime.now(UTC)).total_seconds() <= 3600


async def test_a_long_answer_is_not_read_to_its_end(front):
    async def endless(got):
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"

    async with receiving(endless) as receiver:
        task_id = await front.create(callback_url=receiver.url())
        found = await until(front, task_id, "delivered")
        assert len(found["attempts"][0]["answer"]) == 1000


async def test_only_the_own_key_sees_and_redelivers(front, receiver):
    task_id = await front.create(callback_url=receiver.url())
    found = await until(front, task_id, "delivered")
    _, other = await front.keys.create("other")
    path = f"{TASKS}/{task_id}/deliveries"
    async with front.client(other) as client:
        assert (await client.get(path)).status_code == 404
        assert (await client.post(f"{path}/{found['id']}/redeliver")).status_code == 404
    mine = await front.create()
    assert await deliveries(front, mine) == []
    wrong = await front.http.post(f"{TASKS}/{mine}/deliveries/{found['id']}/redeliver")
    assert wrong.status_code == 404, "a delivery of another task"
    assert len(receiver.got) == 1


async def test_each_key_has_its_own_secret_and_a_new_one_comes_beside_the_old(front, receiver):
    await front.keys.create("other")
    before = await secret_of(front)
    assert before != await secret_of(front, "other") and before.startswith("whsec_")
    after = (await front.services.signing.replace("tests")).secret
    assert after != before
    await front.create(callback_url=receiver.url())
    got = await receiver.wait()
    assert got.verified(after) == got.verified(before)
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    with pytest.raises(Exception, match="No matching signature"):
        got.verified(await secret_of(front, "other"))


async def test_it_is_part_of_what_an_idempotency_key_stands_for(front, receiver):
    body, headers = NATIVE | {"callback_url": receiver.url()}, {"idempotency-key": "k"}
    first, again = [await front.http.post(TASKS, json=body, headers=headers) for _ in range(2)]
    assert first.json()["task_id"] == again.json()["task_id"]
    other = await front.http.post(TASKS, json=body | {"callback_url": receiver.url("/else")}, headers=headers)
    assert_error_shape(other, 409, "idempotency_conflict")
    assert len(await deliveries(front, first.json()["task_id"])) == 1
    await receiver.wait()


async def test_a_deleted_task_is_told_nothing_of(front, receiver):
    task_id = await front.create("hold on", callback_url=receiver.url())
    await front.until(task_id, "running")
    await front.http.request("DELETE", TASKS, json={"task_ids": [task_id]})
    front.site.go.set()
    later = await front.create(callback_url=receiver.url())
    assert (await receiver.wait()).json["data"]["task_id"] == later


# --- what may be named, judged before anything is spent
BAD = [
    ("https://127.0.0.1/x", "not on the public internet"),
    ("https://localhost/x", "not on the public internet"),
    ("https://2130706433/x", "not on the public internet"),
    ("https://0x7f.1/x", "not on the public internet"),
    ("https://[::ffff:10.0.0.1]/x", "not on the public internet"),
    ("https://[::1]/x", "not on the public internet"),
    ("https://169.254.169.254/latest", "not on the public internet"),
    ("https://100.64.1.1/", "not on the public internet"),
    ("https://192.168.1.1/", "not on the public internet"),
    ("http://8.8.8.8/", "only https://"),
    ("ftp://8.8.8.8/", "only https://"),
    ("https://user:pw@8.8.8.8/", "user name or password"),
    ("https://" + "a" * 3000, "too long"),
    ("not an address", "only https://"),
    (7, "https:// address"),
]


@pytest.mark.parametrize(("url", "why"), BAD)
async def test_addresses_that_are_refused_spend_nothing(data_dir, site, url, why):
    async with serving(data_dir, site) as front:
        for path, body in ((TASKS, NATIVE), (VIDEOS, OPENAI), (VIDEOS, DUBRIFY), (NEWAPI, OPENAI)):
            answer = await front.http.post(path, json=body | {"webhook": url})
            assert answer.status_code == 400 and why in answer.text, answer.text
            assert answer.json()["error"]["param"] == "webhook"
        assert (await front.http.get(TASKS)).json()["tasks"] == []


async def test_two_different_addresses_are_one_too_many(front, receiver):
    answer = await front.http.post(TASKS, json=NATIVE | {"callback_url": receiver.url(), "webhook": receiver.url("/b")})
    assert_error_shape(answer, 400, "invalid_value", param="webhook")
    same = NATIVE | {"callback_url": receiver.url(), "webhook": receiver.url()}
    assert (await front.http.post(TASKS, json=same)).status_code == 200


async def test_who_is_being_told_when_the_gateway_stops_is_told_once(data_dir, site):
    """A graceful stop waits a moment for receivers; what they answer is written down."""
    heard = asyncio.Event()

    async def slow(_):
        heard.set()
        await asyncio.sleep(0.5)
        return says(200)

    async with receiving(slow) as receiver:
        async with serving(data_dir, site, fetch_allow_private=True) as front:
            task_id = await front.create(callback_url=receiver.url())
            await heard.wait()
        async with serving(data_dir, site, fetch_allow_private=True, key=front.key) as front:
            assert (await deliveries(front, task_id))[0]["state"] == "delivered"
        assert len(receiver.got) == 1


async def test_a_task_that_ends_while_the_gateway_drains_is_told(data_dir, site, receiver):
    async with serving(data_dir, site, fetch_allow_private=True, drain_s=5) as front:
        task_id = await front.create("hold on", callback_url=receiver.url())
        await front.until(task_id, "running")
        asyncio.get_running_loop().call_later(0.5, site.go.set)
    assert (await receiver.wait()).json["data"]["task_id"] == task_id
