"""Files over HTTP: ranges, conditions, expiry, and a download that is followed while it runs."""

import asyncio
import contextlib

import httpx2
import pytest
import pytest_asyncio

from gateway.errors import ContentModerated
from gateway.media.assets import video_asset_id
from gateway.media.links import Links
from gateway.tasks.states import Stage
from tests.front.serving import serving
from tests.front.shape import assert_error_shape

TASKS = "/v1/video/tasks"


async def done(front):
    return await front.until(await front.create(), "completed")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def video(calm):
    """A finished task's video: its link, and its bytes."""
    return (await done(calm))["video_url"], calm.site.film.read_bytes()


class TestLinks:
    pytestmark = pytest.mark.asyncio(loop_scope="module")

    async def test_a_file_says_all_a_player_asks(self, calm, video):
        url, data = video
        answer = await calm.http.get(url)
        assert answer.content == data
        headers = answer.headers
        assert headers["content-type"] == "video/mp4"
        assert headers["content-length"] == str(len(data))
        assert headers["accept-ranges"] == "bytes"
        assert headers["content-disposition"].startswith('inline; filename="task_')
        assert headers["content-disposition"].endswith('.mp4"')
        assert headers["cache-control"].startswith("private, max-age=") and "immutable" in headers["cache-control"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["etag"].startswith('"') and "last-modified" in headers

    async def test_head_says_the_same_without_the_bytes(self, calm, video):
        url, _ = video
        head, get = await calm.http.head(url), await calm.http.get(url)
        assert head.content == b""
        same = ("content-type", "content-length", "etag", "accept-ranges", "last-modified")
        assert [head.headers[name] for name in same] == [get.headers[name] for name in same]

    @pytest.mark.parametrize(
        ("asked", "status", "start", "end"),
        [("bytes=0-99", 206, 0, 100), ("bytes=100-", 206, 100, None), ("bytes=-100", 206, -100, None), ("bytes=0-0", 206, 0, 1),
         ("bytes=0-99999999", 206, 0, None), ("bytes=0-9,20-29", 200, 0, None), ("junk", 200, 0, None)],
    )  # fmt: skip
    async def test_ranges(self, calm, video, asked, status, start, end):
        url, data = video
        answer = await calm.http.get(url, headers={"range": asked})
        assert (answer.status_code, answer.content) == (status, data[start:end])
        assert answer.headers["content-length"] == str(len(data[start:end]))
        if status == 206:
            first = start % len(data)
            assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(data)}"
        head = await calm.http.head(url, headers={"range": asked})
        assert (head.status_code, head.content) == (status, b"")

    async def test_a_range_beyond_the_end(self, calm, video):
        url, data = video
        answer = await calm.http.get(url, headers={"range": f"bytes={len(data)}-"})
        assert (answer.status_code, answer.content) == (416, b"")
        assert answer.headers["content-range"] == f"bytes */{len(data)}"

    async def test_who_has_it_is_not_sent_it_again(self, calm, video):
        url, _ = video
        first = await calm.http.get(url)
        for condition in (
            {"if-none-match": first.headers["etag"]},
            {"if-modified-since": first.headers["last-modified"]},
        ):
            again = await calm.http.get(url, headers=condition)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
        assert (await calm.http.get(url, headers={"if-none-match": '"other"'})).status_code == 200

    async def test_a_resumed_download_never_mixes_versions(self, calm, video):
        url, data = video
        etag = (await calm.http.head(url)).headers["etag"]
        same = await calm.http.get(url, headers={"range": "bytes=50-", "if-range": etag})
        assert (same.status_code, same.content) == (206, data[50:])
        other = await calm.http.get(url, headers={"range": "bytes=50-", "if-range": '"other"'})
        assert (other.status_code, other.content) == (200, data)

    async def test_a_page_elsewhere_may_play_it(self, calm, video):
        answer = await calm.http.get(video[0], headers={"origin": "https://app.example", "range": "bytes=0-9"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "content-range" in answer.headers["access-control-expose-headers"]

    @pytest.mark.parametrize("change", ["name", "end", "signature", "suffix", "cut"])
    async def test_a_changed_link_leads_nowhere(self, calm, video, change):
        url, _ = video
        end, _, signature = url.split("/")[-2].partition(".")
        changed = {
            "name": url.replace("task_", "task_0"),
            "end": url.replace(end, f"{int(end, 16) + 3600:x}"),
            "signature": url.replace(signature, signature[::-1]),
            "suffix": url.replace(".mp4", ".jpg"),
            "cut": url[:-1],
        }[change]
        assert_error_shape(await calm.http.get(changed), 404, "file_not_found", type_="not_found_error")

    async def test_an_old_link_says_that_it_is_old(self, calm, video):
        expired = Links(calm.services.links._key, ttl_s=10).path("task_x.v", ".mp4", now=1_700_000_000)
        error = assert_error_shape(await calm.http.get(expired), 403, "permission_denied")
        assert "expired" in error["message"]

    async def test_links_start_where_the_client_reached_us(self, calm):
        task_id = (await done(calm))["task_id"]
        for headers, base in [
            ({}, calm.url),
            ({"host": "gw.example"}, "http://gw.example"),
            ({"x-forwarded-proto": "https", "x-forwarded-host": "gw.example"}, "https://gw.example"),
            ({"x-forwarded-proto": "https, http", "x-forwarded-host": "a.example, b"}, "https://a.example"),
            ({"x-forwarded-proto": "javascript", "host": "gw.example"}, "http://gw.example"),
            (
                {"x-forwarded-proto": "https", "host": "gw.example", "x-forwarded-prefix": "/grok/"},
                "https://gw.example/grok",
            ),
        ]:
            task = (await calm.http.get(f"{TASKS}/{task_id}", headers=headers)).json()
            assert task["video_url"].startswith(f"{base}/media/")

    async def test_content_by_task_id_wants_the_key(self, calm):
        task = await done(calm)
        path = f"{TASKS}/{task['task_id']}/content"
        answer = await calm.http.get(path, headers={"range": "bytes=0-9", "accept": "application/binary"})
        assert (answer.status_code, answer.content) == (206, calm.site.film.read_bytes()[:10])
        assert (await calm.http.head(path)).headers["content-type"] == "video/mp4"
        picture = await calm.http.get(path, params={"variant": "thumbnail"})
        assert picture.headers["content-type"] == "image/jpeg"
        assert_error_shape(
            await calm.http.get(path, params={"variant": "spritesheet"}), 400, "invalid_value", param="variant"
        )
        async with calm.client(None) as nobody:
            assert_error_shape(await nobody.get(path), 401, "invalid_api_key")


async def test_the_configured_address_wins(data_dir, site):
    async with serving(data_dir, site, public_url="https://gw.example/base/") as front:
        task = await done(front)
        assert task["video_url"].startswith("https://gw.example/base/media/")
        path = task["video_url"].removeprefix("https://gw.example/base")
        assert (await front.http.get(path)).status_code == 200


async def test_content_before_there_is_any(front):
    front.site.slots = 0
    task_id = await front.create()
    error = assert_error_shape(await front.http.get(f"{TASKS}/{task_id}/content"), 400, "video_not_ready")
    assert "not ready" in error["message"]
    await front.http.delete(f"{TASKS}/{task_id}")
    error = assert_error_shape(await front.http.get(f"{TASKS}/{task_id}/content"), 400, "video_not_ready")
    assert "cancelled" in error["message"]


async def test_a_result_whose_time_is_over_says_so(front):
    task = await done(front)
    await front.services.media.remove([video_asset_id(task["task_id"])])
    await front.services.store.drop_media(task["task_id"])
    assert_error_shape(await front.http.get(f"{TASKS}/{task['task_id']}/content"), 410, "result_expired")
    assert_error_shape(await front.http.get(task["video_url"]), 404, "file_not_found")
    later = await front.get(task["task_id"])
    assert later["status"] == "completed" and "video_url" not in later and "过期" in later["message"]


class Arriving:
    """A script whose download arrives piece by piece, at the test's word."""

    def __init__(self, pieces=4, *, fails=False):
        self.more = asyncio.Semaphore(0)
        self.pieces = pieces
        self.fails = fails

    async def __call__(self, site, task, journal):
        await journal.stage(Stage.DOWNLOAD, 99)
        data = site.film.read_bytes()
        target = site.media.target(video_asset_id(task.id), ".mp4")
        part = target.with_name(f"{target.name}.part")
        size = -(-len(data) // self.pieces)
        try:
            with part.open("wb") as file:
                for start in range(0, len(data), size):
                    await self.more.acquire()
                    file.write(data[start : start + size])
                    file.flush()
            if not self.fails:
                part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        if self.fails:
            raise ContentModerated("The site took it back.")
        return await site.record(task, data)


async def test_bytes_reach_the_client_while_the_download_still_runs(front, the_film):
    script = front.site.script = Arriving()
    task_id = await front.create()
    data = the_film.read_bytes()
    await front.until(task_id, lambda task: task.get("stage") == "download")
    script.more.release()
    async with front.http.stream("GET", f"{TASKS}/{task_id}/content") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        assert "content-length" not in answer.headers
        got = b""
        async for chunk in answer.aiter_raw():
            got += chunk
            assert got == data[: len(got)]
            if len(got) < len(data):
                assert (await front.get(task_id))["status"] == "running"
            script.more.release()
    assert got == data
    await front.until(task_id, "completed")


async def test_a_download_that_is_about_to_begin_is_waited_for(front, the_film):
    """The stage is announced before the first byte; whoever asks in between gets the bytes, not a refusal."""
    begin = asyncio.Event()

    async def later(site, task, journal):
        await journal.stage(Stage.DOWNLOAD, 99)
        await begin.wait()
        return await site.deliver(task, journal)

    front.site.script = later
    task_id = await front.create()
    await front.until(task_id, lambda task: task.get("stage") == "download")
    asking = asyncio.ensure_future(front.http.get(f"{TASKS}/{task_id}/content"))
    await asyncio.sleep(0.3)
    assert not asking.done()
    begin.set()
    assert (await asking).content == the_film.read_bytes()


async def test_a_download_that_fails_midway_is_cut_not_ended(front):
    """The client must be able to tell half a video from a whole one."""
    script = front.site.script = Arriving(fails=True)
    task_id = await front.create()
    await front.until(task_id, lambda task: task.get("stage") == "download")
    script.more.release()
    with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
        async with front.http.stream("GET", f"{TASKS}/{task_id}/content") as answer:
            assert answer.status_code == 200
            async for _ in answer.aiter_raw():
                for _ in range(4):
                    script.more.release()


async def test_a_client_that_leaves_a_running_download_changes_nothing(front, the_film):
    script = front.site.script = Arriving()
    task_id = await front.create()
    await front.until(task_id, lambda task: task.get("stage") == "download")
    script.more.release()
    with contextlib.suppress(httpx2.StreamError):
        async with front.http.stream("GET", f"{TASKS}/{task_id}/content") as answer:
            async for _ in answer.aiter_raw():
                break
    for _ in range(4):
        script.more.release()
    task = await front.until(task_id, "completed")
    assert (await front.http.get(task["video_url"])).content == the_film.read_bytes()
