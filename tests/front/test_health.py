"""Alive, ready, measured, logged."""

import asyncio
import base64
import json

from prometheus_client.parser import text_string_to_metric_families

from browser.clearance import Clearance
from tests.front.material import picture
from tests.front.serving import CREATE, serving

TASKS = "/v1/video/tasks"


async def test_ready_means_that_work_can_be_taken_and_done(front):
    answer = await front.http.get("/readyz")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["ready"], said["reasons"]) == (True, [])
    assert said["checks"]["database"] == {"ok": True, "schema": said["checks"]["database"]["schema"]}
    assert said["checks"]["profiles"]["by_state"] == {"ready": 1}
    assert said["checks"]["engine"]["running"] == 0


async def test_not_ready_says_what_to_do(front):
    front.site.stand(Clearance.LOGIN_REQUIRED)
    answer = await front.http.get("/readyz")
    assert answer.status_code == 503
    assert "sign in again" in answer.json()["reasons"][0]
    assert (await front.http.get("/livez")).status_code == 200
    balanced = await front.http.get("/readyz", params={"exclude": "profiles"})
    assert balanced.status_code == 200, "it serves: a balancer must not turn away from every node"
    assert balanced.json()["checks"]["profiles"]["ok"] is False
    assert (await front.http.get("/readyz", params={"exclude": "nonsense"})).status_code == 503
    assert (await front.http.post(TASKS, json=CREATE)).status_code == 200, "accepted, to be done later"


async def test_a_database_that_is_away_is_said(front, monkeypatch):
    from gateway.errors import DatabaseUnavailable

    async def away(*_args):
        raise DatabaseUnavailable("The database cannot be used now: connection refused.")

    monkeypatch.setattr("gateway.vitals.serves", away)
    answer = await front.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["The database cannot be used now: connection refused."]
    assert (await front.http.get("/livez")).status_code == 200


async def measured(front):
    answer = await front.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_metrics(front):
    await front.until(await front.create(), "completed")
    await front.http.get(f"{TASKS}/task_unknown")
    front.site.slots = 0
    await front.create()
    found = await measured(front)
    assert found["gateway_tasks", ("state", "succeeded")] == 1
    assert found["gateway_tasks", ("state", "queued")] == 1
    assert found["gateway_profiles", ("clearance", "ready")] == 1
    assert found["gateway_profiles", ("clearance", "challenged")] == 0
    assert found["gateway_slots", ("kind", "video"), ("state", "used")] == 0
    assert found["gateway_oldest_queued_task_seconds",] >= 0
    assert found["gateway_ready",] == 1
    route = ("route", "/v1/video/tasks/{task_id}")
    assert found["gateway_http_requests_total", ("method", "GET"), route, ("status", "404")] == 1
    assert found["gateway_http_request_seconds_count", ("method", "POST"), ("route", TASKS)] == 2
    assert found["gateway_tasks_at_work",] == 0
    names = {name for name, *_ in found}
    assert any(name.startswith("process_") for name in names)


async def test_routes_are_counted_by_their_pattern(front):
    """An id in a label would make a new series for every task."""
    for path in (f"{TASKS}/task_canary", "/nothing/canary", f"//{TASKS}/task_canary/stream/"):
        await front.http.get(front.url + path)
    await front.http.request("CANARY", TASKS)
    assert "canary" not in (await front.http.get("/metrics")).text.lower()


async def test_open_streams_are_counted_while_they_are_open(front):
    task_id = await front.create("hold it")
    async with front.http.stream("GET", f"{TASKS}/{task_id}/stream") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        assert (await measured(front))["gateway_http_streams",] == 1
    async with asyncio.timeout(60):
        while (await measured(front))["gateway_http_streams",]:
            await asyncio.sleep(0.02)


async def test_a_request_can_be_found_in_the_log(logs, front):
    answer = await front.http.post(TASKS, json=CREATE, headers={"x-request-id": "look-for-me"})
    assert answer.status_code == 200
    await front.http.get("/livez")
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    [line] = [line for line in lines if line.get("request") == "look-for-me"]
    assert (line["event"], line["level"], line["method"], line["path"], line["status"]) == (
        "request answered", "info", "POST", TASKS, 200,
    )  # fmt: skip
    assert line["key"].startswith("key_")
    [health] = [line for line in lines if line.get("path") == "/livez"]
    assert health["level"] == "debug"


async def test_no_secret_is_ever_logged(logs, data_dir, site):
    """Everything a request can carry, through everything that can go wrong, at the most talkative level."""
    canary = "canary0123456789canary0123456789"
    image = base64.b64encode(picture("PNG", (200, 200))).decode()

    async def leaky(site, task, journal):
        await journal.begin("submit", {"cookie": f"sso={canary}"})
        raise RuntimeError(
            f"Cookie: sso={canary}; cf_clearance={canary} Authorization: Bearer {canary} http://user:{canary}@proxy"
        )

    async with serving(data_dir, site, secret_key=f"{canary}{canary}", max_attempts=1) as front:
        task = await front.until(await front.create(image_url=f"data:image/png;base64,{image}"), "completed")
        await front.http.get(task["video_url"])
        await front.http.get(f"{TASKS}?key={canary}")
        await front.http.get(
            TASKS, headers={"authorization": f"Bearer gw_{canary}{canary}"[:53], "cookie": f"session={canary}"}
        )
        await front.http.post(TASKS, json=CREATE | {"image_url": f"http://user:{canary}@127.0.0.1/x"})
        site.script = leaky
        failed = await front.until(await front.create(), "failed")
        assert canary not in str(failed)
        said = logs.getvalue()
        token = task["video_url"].split("/media/")[1].split("/")[0]
        for secret in (front.key, canary, token, image[:80]):
            assert secret not in said, next(line for line in said.splitlines() if secret in line)


async def test_the_documentation_is_complete_and_pleasant(front):
    document = (await front.http.get("/openapi.json")).json()
    assert (await front.http.get("/docs")).status_code == 200
    ids = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"] and operation["tags"], (method, path)
            ids.append(operation["operationId"])
            if path.startswith("/v1/"):
                assert {"400", "401", "404", "429", "503"} <= set(operation["responses"]), (method, path)
                assert "422" not in operation["responses"], "we never answer that"
                assert operation["security"], "the Authorize button is offered"
    assert len(ids) == len(set(ids))
    create = document["paths"][TASKS]["post"]["requestBody"]["content"]["application/json"]
    assert create["examples"] and create["schema"]["properties"]["prompt"]["description"]
    upload = document["paths"]["/v1/video/upload"]["post"]["requestBody"]["content"]
    assert "multipart/form-data" in upload
