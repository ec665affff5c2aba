"""Images under an Idempotency-Key: made once, however often and by however many they are asked for."""

import asyncio

import pytest
from sqlalchemy import update

from gateway.db.tables import kept_calls
from gateway.errors import RateLimited
from tests.front.material import picture
from tests.front.serving import serving
from tests.front.shape import assert_error_shape
from tests.front.sse_text import named
from tests.front.test_images import EDIT, MAKE, PNG
from tests.front.test_uploads import server

CHAT = "/v1/chat/completions"
KEY = {"idempotency-key": "k"}


async def post(front, path=MAKE, *, key="k", **fields):
    body = {"prompt": "a lighthouse"} | fields
    answer = await front.http.post(path, json=body, headers={"idempotency-key": key} if key else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def asset(item):
    return item["url"].split("/media/")[1].split("/")[0].split(".")[0]


@pytest.mark.parametrize("path", [MAKE, "/images/generations", "/xai/v1/images/generations"])
async def test_the_same_twice_is_made_once(front, path):
    first, again = await post(front, path, n=2), await post(front, path, n=2)
    assert len(front.site.calls.images_asked) == 1
    for one, other in zip(first["data"], again["data"], strict=True):
        got = [await front.http.get(item["url"]) for item in (one, other)]
        assert got[0].content == got[1].content
    await post(front, path, n=2, key="another")
    await post(front, path, n=2, key=None)
    assert len(front.site.calls.images_asked) == 3


async def test_another_body_is_a_conflict(front):
    await post(front)
    for path, body in ((MAKE, {"prompt": "something else"}), (MAKE, {"prompt": "a lighthouse", "n": 2}), (EDIT, {"prompt": "a lighthouse", "image": {"url": "https://x"}})):  # fmt: skip
        assert_error_shape(await front.http.post(path, json=body, headers=KEY), 409, "idempotency_conflict")
    _, other = await front.keys.create("other")
    async with front.client(other) as client:
        assert (await client.post(MAKE, json={"prompt": "mine"}, headers=KEY)).status_code == 200
    too_long = await front.http.post(MAKE, json={"prompt": "x"}, headers={"idempotency-key": "x" * 256})
    assert_error_shape(too_long, 400, "invalid_value", param="Idempotency-Key")
    assert len(front.site.calls.images_asked) == 2


async def test_edits_by_file_and_by_address(front):
    for data in (PNG, PNG):
        answer = await front.http.post(EDIT, data={"prompt": "blue"}, files={"image": data}, headers=KEY)
        assert answer.status_code == 200, answer.text
    other = await front.http.post(EDIT, data={"prompt": "blue"}, files={"image": picture("PNG", (90, 90))}, headers=KEY)
    assert other.status_code == 409 and len(front.site.calls.images_asked) == 1


async def test_many_at_once_share_one_making(front):
    calls = front.site.calls
    calls.image_script = [0.3, await calls.made("one")]
    answers = await asyncio.gather(*(post(front) for _ in range(5)))
    assert len(calls.images_asked) == 1
    assert len({len(answer["data"]) for answer in answers}) == 1


async def test_streams_and_wholes_tell_the_same(front):
    answer = await front.http.post(MAKE, json={"prompt": "x", "stream": True}, headers=KEY)
    again = await front.http.post(MAKE, json={"prompt": "x", "stream": True}, headers=KEY)
    done = [
        [data["b64_json"] for name, data in named(said.text) if name.endswith("completed")] for said in (answer, again)
    ]
    assert done[0] == done[1] != [] and len(front.site.calls.images_asked) == 1


async def test_who_leaves_and_repeats_finds_the_pictures(front):
    calls, go = front.site.calls, asyncio.Event()
    calls.image_script = [go.wait, await calls.made("slow")]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await post(front)
    go.set()
    assert len((await post(front))["data"]) == 1
    assert len(calls.images_asked) == 1


async def test_a_failure_is_told_and_may_be_tried_again(front):
    calls = front.site.calls
    calls.image_script = [RateLimited("slow down", retry_after_s=7)]
    answer = await front.http.post(MAKE, json={"prompt": "x"}, headers=KEY)
    assert answer.status_code == 429 and answer.headers["retry-after"] == "7"
    calls.image_script = None
    answer = await front.http.post(MAKE, json={"prompt": "x"}, headers=KEY)
    assert answer.status_code == 200 and len(calls.images_asked) == 2


async def test_pictures_in_a_chat_are_made_once(front):
    body = {"model": "grok-imagine-1.0", "messages": [{"role": "user", "content": "a lighthouse"}]}
    said = [await front.http.post(CHAT, json=body, headers=KEY) for _ in range(2)]
    assert [one.status_code for one in said] == [200, 200], said[0].text
    assert len(front.site.calls.images_asked) == 1


async def test_an_address_is_not_fetched_again(data_dir, site):
    there = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(PNG) + PNG
    async with server(there) as (port, asked), serving(data_dir, site, fetch_allow_private=True) as front:
        for _ in range(2):
            await post(front, EDIT, image={"url": f"http://127.0.0.1:{port}/a.png"})
        assert len(asked) == 1 and len(site.calls.images_asked) == 1


async def test_it_is_kept_over_a_restart_and_for_a_day(data_dir, site):
    async with serving(data_dir, site) as front:
        await post(front)
    async with serving(data_dir, site, key=front.key) as front:
        await post(front)
        assert len(site.calls.images_asked) == 1
        from datetime import UTC, datetime, timedelta

        async with front.app.state.db.write() as connection:
            await connection.execute(update(kept_calls).values(created_at=datetime.now(UTC) - timedelta(hours=25)))
        await post(front, prompt="something else")
        assert len(site.calls.images_asked) == 2


async def test_what_was_at_work_when_the_gateway_stopped_may_be_asked_for_again(data_dir, site):
    async with serving(data_dir, site) as front:
        site.calls.image_script = [asyncio.Event().wait]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await post(front)
    site.calls.image_script = None
    async with serving(data_dir, site, key=front.key) as front:
        async with asyncio.timeout(60):
            assert len((await post(front))["data"]) == 1
