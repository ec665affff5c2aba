"""The task API of seed 004 over a real socket, engine and store included."""

import pytest

from tests.front.serving import CREATE, events


async def test_a_video_from_post_to_mp4(front, the_film):
    accepted = (await front.http.post("/v1/video/tasks", json=CREATE)).json()
    assert accepted == {"status": "success", "task_id": accepted["task_id"], "message": "视频生成任务已提交"}
    task = await front.until(accepted["task_id"], "completed")
    assert (task["progress"], task["prompt"], task["message"]) == (100, "a lighthouse", "视频生成完成")
    async with front.client(None) as anybody:
        video = await anybody.get(task["video_url"])
        assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
        assert video.content == the_film.read_bytes()
        thumbnail = await anybody.get(task["thumbnail_url"])
        assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/jpeg")


async def test_a_stream_shows_a_snapshot_progress_and_the_end(front):
    task_id = await front.create("hold it")
    async with front.http.stream("GET", f"/v1/video/tasks/{task_id}/stream") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["x-accel-buffering"] == "no"
        seen = []
        async for _, event in events(stream):
            seen.append(event)
            if event.get("progress") == 50:
                front.site.go.set()
    assert seen[0]["type"] == "snapshot"
    assert {event["type"] for event in seen[1:-1]} == {"progress"}
    end = seen[-1]
    assert (end["type"], end["status"], end["progress"]) == ("completed", "completed", 100)
    assert end["video_url"].endswith(".mp4")
