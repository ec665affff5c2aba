"""The task API of seed 004 over a real socket, engine and store included."""

import asyncio
import re

from gateway.errors import ContentModerated
from gateway.tasks.model import Preset, VideoMode
from tests.front.serving import CREATE
from tests.front.shape import assert_error_shape

TASKS = "/v1/video/tasks"


async def test_a_video_from_post_to_mp4(front, the_film):
    accepted = (await front.http.post(TASKS, json=CREATE)).json()
    assert accepted == {"status": "success", "task_id": accepted["task_id"], "message": "视频生成任务已提交"}
    assert re.fullmatch(r"task_[0-9a-f]{32}", accepted["task_id"])
    task = await front.until(accepted["task_id"], "completed")
    assert (task["progress"], task["prompt"], task["message"]) == (100, "a lighthouse", "视频生成完成")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", task["completed_at"])
    assert "canary-upstream" not in str(task)
    async with front.client(None) as anybody:
        video = await anybody.get(task["video_url"])
        assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
        assert video.content == the_film.read_bytes()
        thumbnail = await anybody.get(task["thumbnail_url"])
        assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/jpeg")


async def test_what_is_asked_for_is_what_the_site_is_asked(front):
    seen = []

    async def look(site, task, journal):
        seen.append(task.spec)
        return await site.deliver(task, journal)

    front.site.script = look
    task_id = await front.create(
        aspect_ratio="9:16", video_length="10", resolution="720p", preset="fun", seed=1, extra=None
    )
    await front.until(task_id, "completed")
    [spec] = seen
    assert (spec.seconds, spec.resolution, spec.aspect_ratio, spec.preset) == (10, "720p", "9:16", Preset.FUN)
    assert (spec.mode, spec.image_assets) == (VideoMode.TEXT, ())


async def test_tasks_wait_in_a_queue_and_know_their_place(front):
    front.site.slots = 0
    ids = [await front.create(f"number {n}") for n in range(3)]
    assert [(await front.get(i))["queue_position"] for i in ids] == [1, 2, 3]
    first = await front.get(ids[0])
    assert (first["status"], first["progress"], first["message"]) == ("pending", 0, "任务排队中...")
    assert "started_at" not in first and "video_url" not in first and "waiting" not in first
    front.site.slots = 1
    front.site.changed()
    for task_id in ids:
        await front.until(task_id, "completed")


async def test_a_task_that_waits_for_its_operator_says_so(front):
    from browser.clearance import Clearance

    front.site.stand(Clearance.LOGIN_REQUIRED)
    task = await front.get(await front.create())
    assert task["status"] == "pending"
    assert task["waiting"]["code"] == "no_profile_ready"
    assert "work" not in task["waiting"]["reason"].split(), "the profile's name is the operator's business"
    front.site.stand(Clearance.READY)
    await front.until(task["task_id"], "completed")


async def test_a_failed_task_says_why(front):
    async def refuse(site, task, journal):
        raise ContentModerated("The site refuses this content.")

    front.site.script = refuse
    task = await front.until(await front.create(), "failed")
    assert task["message"] == "The site refuses this content."
    assert task["error"] == {
        "code": "content_moderated",
        "message": "The site refuses this content.",
        "retryable": False,
    }
    assert "video_url" not in task


async def test_a_queued_task_is_cancelled_at_once(front):
    front.site.slots = 0
    task_id = await front.create()
    answer = await front.http.delete(f"{TASKS}/{task_id}")
    assert answer.json() == {"status": "success", "message": "任务已取消"}
    assert (await front.get(task_id))["status"] == "cancelled"
    assert front.site.cancelled == []


async def test_a_running_task_is_cancelled_at_the_site_too(front):
    task_id = await front.create("hold it")
    await front.until(task_id, lambda task: task["progress"] == 50)
    answer = await front.http.delete(f"{TASKS}/{task_id}")
    assert answer.json()["message"] == "任务已取消"
    assert (await front.get(task_id))["status"] == "cancelled", "whoever asks at once sees it"
    assert front.site.cancelled == [task_id]
    again = await front.http.delete(f"{TASKS}/{task_id}")
    assert again.json() == {"status": "success", "message": "任务已取消"}


async def test_cancelling_a_finished_task_keeps_it(front):
    task_id = await front.create()
    await front.until(task_id, "completed")
    answer = await front.http.delete(f"{TASKS}/{task_id}")
    assert answer.json() == {"status": "success", "message": "任务已结束，无需取消"}
    assert (await front.get(task_id))["status"] == "completed"


async def test_listing_and_filtering(front):
    done = [await front.create() for _ in range(2)]
    for task_id in done:
        await front.until(task_id, "completed")
    front.site.slots = 0
    waiting = await front.create("later")
    listed = (await front.http.get(TASKS)).json()
    assert [task["task_id"] for task in listed["tasks"]] == [waiting, *reversed(done)], "newest first"
    assert "next_cursor" not in listed
    completed = (await front.http.get(TASKS, params={"status": "completed"})).json()["tasks"]
    assert {task["task_id"] for task in completed} == set(done)
    assert (await front.http.get(TASKS, params={"status": "failed"})).json() == {"tasks": []}
    page = (await front.http.get(TASKS, params={"limit": 2})).json()
    rest = (await front.http.get(TASKS, params={"limit": 2, "cursor": page["next_cursor"]})).json()
    assert [task["task_id"] for task in page["tasks"] + rest["tasks"]] == [waiting, *reversed(done)]


async def test_deleting_some_with_a_body_on_delete(front):
    ids = [await front.create() for _ in range(3)]
    tasks = [await front.until(task_id, "completed") for task_id in ids]
    answer = await front.http.request("DELETE", TASKS, json={"task_ids": [*ids[:2], "task_unknown"]})
    assert answer.json() == {"status": "success", "count": 2, "message": "已删除 2 个任务"}
    for task in tasks[:2]:
        assert_error_shape(await front.http.get(f"{TASKS}/{task['task_id']}"), 404, "task_not_found")
        for url in (task["video_url"], task["thumbnail_url"]):
            assert_error_shape(await front.http.get(url), 404, "file_not_found")
    assert (await front.http.get(tasks[2]["video_url"])).status_code == 200


async def test_deleting_by_status(front):
    async def refuse(site, task, journal):
        raise ContentModerated("no")

    kept = await front.create()
    await front.until(kept, "completed")
    front.site.script = refuse
    for _ in range(2):
        await front.until(await front.create(), "failed")
    answer = await front.http.delete(f"{TASKS}/status/failed")
    assert answer.json() == {"status": "success", "count": 2, "message": "已删除 2 个 failed 任务"}
    assert [task["task_id"] for task in (await front.http.get(TASKS)).json()["tasks"]] == [kept]


async def test_deleting_all_cancels_what_runs(front, data_dir):
    done = await front.create()
    await front.until(done, "completed")
    running = await front.create("hold it")
    await front.until(running, lambda task: task["progress"] == 50)
    front.site.slots = 0
    await front.create("waits")
    answer = await front.http.delete(f"{TASKS}/all", headers={"content-type": "application/json"})
    assert answer.json() == {"status": "success", "count": 3, "message": "已清除所有 3 个任务"}
    assert (await front.http.get(TASKS)).json() == {"tasks": []}
    async with asyncio.timeout(60):
        while front.site.cancelled != [running]:
            await asyncio.sleep(0.02)
    assert [file.name for file in (data_dir / "media").rglob("*.mp4")] == []


async def test_a_task_made_through_another_api_is_not_swept_away_here(front):
    """C11: bulk deletion touches only what this API made."""
    task_id = await front.create()
    await front.until(task_id, "completed")
    from sqlalchemy import update

    from gateway.db.tables import tasks

    async with front.app.state.db.write() as connection:
        await connection.execute(update(tasks).values(dialect="openai"))
    assert (await front.http.delete(f"{TASKS}/all")).json()["count"] == 0
    assert (await front.http.get(TASKS)).json() == {"tasks": []}
    assert (await front.get(task_id))["status"] == "completed", "by its id it is there: one core, many dialects"


async def test_the_same_request_twice_is_one_task(front):
    headers = {"idempotency-key": "abc"}
    first = await front.http.post(TASKS, json=CREATE, headers=headers)
    again = await front.http.post(TASKS, json=dict(reversed(CREATE.items())), headers=headers)
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    other = await front.http.post(TASKS, json=CREATE | {"prompt": "another"}, headers=headers)
    assert_error_shape(other, 409, "idempotency_conflict")
    assert len((await front.http.get(TASKS)).json()["tasks"]) == 1
    too_long = await front.http.post(TASKS, json=CREATE, headers={"idempotency-key": "x" * 256})
    assert_error_shape(too_long, 400, "invalid_value", param="Idempotency-Key")


async def test_many_at_once(front):
    """Creates and polls of many clients at a time: all accepted, all finished."""
    ids = await asyncio.gather(*(front.create(f"n {n}") for n in range(20)))
    assert len(set(ids)) == 20
    async with asyncio.timeout(60):
        while len((await front.http.get(TASKS, params={"status": "completed"})).json()["tasks"]) < 20:
            await asyncio.sleep(0.1)
