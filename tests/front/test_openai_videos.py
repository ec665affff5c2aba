"""The parts of OpenAI's video API that are its alone: lists, deletion, remix, extension, refusals."""

import pytest

from gateway.tasks.model import VideoMode
from tests.front.serving import serving
from tests.front.videos import DATA_URL, DUBRIFY, OPENAI, VIDEOS, get, made, over, watched


@pytest.fixture
def seen(front):
    """The specs of what the site was asked for."""
    found = []
    front.site.script = lambda site, task, journal: watched(site, task, journal, found)
    return found


async def test_pages_are_stable_while_videos_come_in(front):
    ids = [await made(front, VIDEOS, OPENAI) for _ in range(5)]
    dubrify = await made(front, VIDEOS, DUBRIFY, key="request_id")
    first = await get(front, VIDEOS, params={"limit": 2})
    assert [video["id"] for video in first["data"]] == ids[:2:-1] and first["has_more"]
    assert (first["first_id"], first["last_id"]) == (ids[4], ids[3])
    await made(front, VIDEOS, OPENAI)
    second = await get(front, VIDEOS, params={"limit": 2, "after": first["last_id"]})
    assert [video["id"] for video in second["data"]] == [ids[2], ids[1]]
    last = await get(front, VIDEOS, params={"limit": 2, "after": second["last_id"]})
    assert [video["id"] for video in last["data"]] == [ids[0]] and not last["has_more"]
    empty = await get(front, VIDEOS, params={"after": ids[0]})
    assert (empty["data"], empty["first_id"], empty["last_id"], empty["has_more"]) == ([], None, None, False)
    oldest = await get(front, VIDEOS, params={"order": "asc", "limit": 1})
    assert oldest["data"][0]["id"] == ids[0]
    assert dubrify in [video["id"] for video in (await get(front, "/openai/v1/videos"))["data"]]
    for params in ({"limit": "0"}, {"limit": "many"}, {"order": "up"}):
        await get(front, VIDEOS, 400, params=params)
    await get(front, VIDEOS, 404, params={"after": "video_gone"})


async def test_deletion_with_a_json_type_and_no_body(front):
    video_id = await made(front, VIDEOS, OPENAI)
    await over(front, video_id)
    url = f"{front.url}/v1/videos/{video_id}"
    answer = await front.http.request("DELETE", url, headers={"content-type": "application/json"}, content=b"")
    assert answer.json() == {"id": video_id, "object": "video.deleted", "deleted": True}
    assert (await get(front, f"{VIDEOS}/{video_id}", 404))["error"]["code"] == "video_not_found"
    assert (await front.http.delete(f"{VIDEOS}/{video_id}")).status_code == 404


async def test_a_remix_keeps_the_settings(front, seen):
    video_id = await made(front, VIDEOS, OPENAI | {"input_reference": DATA_URL, "size": "720x1280", "seconds": 8})
    await over(front, video_id)
    remix = (await front.http.post(f"{VIDEOS}/{video_id}/remix", json={"prompt": "at night"})).json()
    assert (remix["remixed_from_video_id"], remix["prompt"], remix["seconds"]) == (video_id, "at night", "10")
    await over(front, remix["id"])
    assert seen[0].image_assets == seen[1].image_assets and seen[1].aspect_ratio == "9:16"
    assert (await front.http.post(f"{VIDEOS}/video_gone/remix", json={"prompt": "x"})).status_code == 404


async def test_extensions_go_on_from_our_own_videos(front, seen):
    video_id = await made(front, VIDEOS, OPENAI)
    task = await over(front, video_id)
    url = (await get(front, f"/xai/v1/videos/{video_id}"))["video"]["url"]
    by_id = await front.http.post(
        f"{VIDEOS}/extensions", json={"prompt": "on", "video": {"id": video_id}, "seconds": "6"}
    )
    assert by_id.json()["object"] == "video"
    by_form = await front.http.post(f"{VIDEOS}/extensions", data={"prompt": "on", "video[id]": video_id})
    assert by_form.json()["object"] == "video"
    by_url = await front.http.post(f"{VIDEOS}/extensions", json={"prompt": "on", "video": {"url": url}, "duration": 5})
    assert by_url.json().keys() == {"request_id"}
    for task_id in (by_id.json()["id"], by_form.json()["id"], by_url.json()["request_id"]):
        await over(front, task_id)
    for spec in seen[1:]:
        assert (spec.mode, spec.source_task_id, spec.start_s) == (VideoMode.EXTEND, video_id, task.result.duration_s)


async def test_extensions_of_anything_else_are_refused(front, seen):
    held = await made(front, VIDEOS, OPENAI | {"prompt": "hold"})
    for body, status, code in (
        ({"prompt": "x", "video": {"url": "https://example.com/a.mp4"}}, 400, "unsupported_parameter"),
        ({"prompt": "x", "video": {"id": "video_gone"}}, 404, "video_not_found"),
        ({"prompt": "x", "video": {"id": held}}, 400, "video_not_ready"),
        ({"prompt": "x"}, 400, "invalid_value"),
    ):
        answer = await front.http.post(f"{VIDEOS}/extensions", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
    file = await front.http.post(
        f"{VIDEOS}/extensions", data={"prompt": "x"}, files={"video": ("a.mp4", b"xx", "video/mp4")}
    )
    assert (file.status_code, file.json()["error"]["code"]) == (400, "unsupported_parameter")


async def test_extensions_need_the_protocol_that_has_them(data_dir, site):
    async with serving(data_dir, site, protocol="g2") as front:
        video_id = await made(front, VIDEOS, OPENAI)
        await over(front, video_id)
        answer = await front.http.post(f"{VIDEOS}/extensions", json={"prompt": "x", "video": {"id": video_id}})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter")


async def test_what_the_site_cannot_do_is_said(front):
    for body in ({"prompt": "x", "video": {"id": "video_1"}}, {"prompt": "x", "video": {"url": "https://x/y.mp4"}}):
        answer = await front.http.post(f"{VIDEOS}/edits", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter")
    for method, path in (("POST", "characters"), ("GET", "characters"), ("GET", "characters/char_1")):
        answer = await front.http.request(method, f"{VIDEOS}/{path}", json={} if method == "POST" else None)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
