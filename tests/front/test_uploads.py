"""Pictures as input: uploaded, by URL, as data, and our own given back to us."""

import asyncio
import base64
from contextlib import asynccontextmanager

import pytest

from gateway.media.inspect import inspect_image
from gateway.tasks.model import VideoMode
from gateway.web import forms
from tests.front.material import picture
from tests.front.serving import CREATE, serving
from tests.front.shape import assert_error_shape
from tests.unit.test_fetch import server

TASKS = "/v1/video/tasks"
UPLOAD = "/v1/video/upload"


@asynccontextmanager
async def specs_of(front):
    """Collects what the site is asked for, with the bytes of its pictures."""
    seen = []

    async def look(site, task, journal):
        pictures = []
        for asset_id in task.spec.image_assets:
            asset = await site.media.get(asset_id)
            async with site.media.local(asset) as path:
                pictures.append((asset, path.read_bytes()))
        seen.append((task.spec, pictures))
        return await site.deliver(task, journal)

    front.site.script = look
    yield seen


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
async def test_an_upload_is_kept_and_can_be_looked_at(front, kind, suffix):
    data = picture(kind)
    answer = await front.http.post(UPLOAD, files={"file": (f"my cat{suffix}", data, "application/octet-stream")})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {"file_id", "file_uri", "image_url"}
    assert found["file_uri"] == f"uploads/{found['file_id']}/my_cat{suffix}"
    assert found["image_url"].startswith(front.url) and found["image_url"].endswith(suffix)
    async with front.client(None) as anybody:
        assert (await anybody.get(found["image_url"])).content == data


@pytest.mark.parametrize("field", ["file_id", "file_uri", "image_url"])
async def test_what_an_upload_answers_is_taken_as_image_url(front, field):
    data = picture("PNG")
    uploaded = (await front.http.post(UPLOAD, files={"file": ("a.png", data)})).json()
    async with specs_of(front) as seen:
        task_id = await front.create(image_url=uploaded[field])
        await front.until(task_id, "completed")
    [(spec, [(asset, sent)])] = seen
    assert (spec.mode, asset.id, sent) == (VideoMode.IMAGE, uploaded["file_id"], data)


async def test_our_own_link_is_ours_under_any_name(front):
    """Behind a proxy the same gateway has another name; its links are known by their signature."""
    data = picture("PNG")
    uploaded = (await front.http.post(UPLOAD, files={"file": ("a.png", data)})).json()
    elsewhere = uploaded["image_url"].replace(front.url, "https://gw.example")
    async with specs_of(front) as seen:
        await front.until(await front.create(image_url=elsewhere), "completed")
    assert seen[0][1][0][1] == data


async def test_a_thumbnail_of_ours_is_a_picture_and_a_video_is_not(front):
    task = await front.until(await front.create(), "completed")
    await front.until(await front.create(image_url=task["thumbnail_url"]), "completed")
    answer = await front.http.post(TASKS, json=CREATE | {"image_url": task["video_url"]})
    assert "video" in assert_error_shape(answer, 400, "invalid_image", param="image_url")["message"]


async def test_an_upload_belongs_to_its_key_but_its_link_to_whoever_has_it(front):
    uploaded = (await front.http.post(UPLOAD, files={"file": ("a.png", picture())})).json()
    _, other = await front.keys.create("other")
    async with front.client(other) as http:
        answer = await http.post(TASKS, json=CREATE | {"image_url": uploaded["file_id"]})
        assert_error_shape(answer, 400, "image_fetch_failed", param="image_url")
        assert (await http.post(TASKS, json=CREATE | {"image_url": uploaded["image_url"]})).status_code == 200


async def test_a_data_url_is_taken(front):
    data = picture("JPEG")
    encoded = base64.b64encode(data).decode()
    async with specs_of(front) as seen:
        for url in (
            f"data:image/jpeg;base64,{encoded}",
            f"data:image/png;base64,{encoded.rstrip('=')}",
            f"DATA:image/jpeg;charset=x;BASE64,{encoded[:40]}\n {encoded[40:]}",
            f"data:;base64,{encoded}",
        ):
            await front.until(await front.create(image_url=url), "completed")
    assert [pictures[0][1] for _, pictures in seen] == [data] * 4
    assert {pictures[0][0].media_type for _, pictures in seen} == {"image/jpeg"}, "the bytes tell"


async def test_a_picture_behind_a_url_is_fetched_before_anything_is_stored(data_dir, site):
    data = picture("WEBP")
    reply = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data)
    async with server(reply) as (port, asked), serving(data_dir, site, fetch_allow_private=True) as front:
        async with specs_of(front) as seen:
            task_id = await front.create(image_url=f"http://127.0.0.1:{port}/cat")
            assert len(asked) == 1
            await front.until(task_id, "completed")
        asset, sent = seen[0][1][0]
        assert (sent, asset.media_type, asset.task_id) == (data, "image/webp", task_id)
        await front.http.request("DELETE", TASKS, json={"task_ids": [task_id]})
        assert list((data_dir / "media").rglob("*.webp")) == [], "goes with its task"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/x.png", "http://localhost:{port}/x.png", "http://[::ffff:127.0.0.1]:{port}/x"]
)
async def test_our_own_network_is_not_fetched_from(front, url):
    async with server() as (port, asked):
        answer = await front.http.post(TASKS, json=CREATE | {"image_url": url.format(port=port)})
        error = assert_error_shape(answer, 400, "image_fetch_failed", param="image_url")
        assert error["message"].startswith("Image URL could not be fetched: ")
        assert asked == []


async def test_a_refused_picture_leaves_nothing_behind(front, data_dir):
    for bad in ("data:image/png;base64,aGVsbG8=", "http://127.0.0.1:1/"):
        await front.http.post(TASKS, json=CREATE | {"image_url": bad})
    await front.http.post(UPLOAD, files={"file": ("a.png", b"no picture")})
    assert [path for path in (data_dir / "media").rglob("*") if path.is_file() and path.name != ".store"] == []


async def test_a_bad_field_beside_a_picture_is_noticed_before_it_is_fetched(data_dir, site):
    async with server() as (port, asked), serving(data_dir, site, fetch_allow_private=True) as front:
        for change in ({"preset": "spicy"}, {"video_length": 7}, {"prompt": ""}, {"model": "x"}):
            answer = await front.http.post(TASKS, json=CREATE | {"image_url": f"http://127.0.0.1:{port}/"} | change)
            assert answer.status_code == 400
        assert asked == []


async def test_a_picture_of_a_replayed_request_is_not_kept_twice(front, data_dir):
    url = "data:image/png;base64," + base64.b64encode(picture()).decode()
    for _ in range(3):
        answer = await front.http.post(TASKS, json=CREATE | {"image_url": url}, headers={"idempotency-key": "k"})
        assert answer.status_code == 200
    assert len(list((data_dir / "media").rglob("*.png"))) == 1


async def test_uploads_that_are_not_pictures(front):
    for data in (b"", b"hello", picture("ICO"), picture("PNG")[:-40]):
        answer = await front.http.post(UPLOAD, files={"file": ("a.png", data)})
        assert_error_shape(answer, 400, "invalid_image", param="file")
    assert_error_shape(await front.http.post(UPLOAD), 400, "invalid_value", param="file")
    assert_error_shape(await front.http.post(UPLOAD, data={"file": "text"}), 400, "invalid_value", param="file")
    assert_error_shape(await front.http.post(UPLOAD, json={"file": "x"}), 400, "invalid_value", param="file")


async def test_the_limit_is_the_limit(data_dir, site):
    data = picture("PNG", (400, 300))
    async with serving(data_dir, site, max_image_bytes=len(data)) as front:
        assert (await front.http.post(UPLOAD, files={"file": ("a.png", data)})).status_code == 200
        for upload in (data + b"x", data + b"x" * 3_000_000):
            answer = await front.http.post(UPLOAD, files={"file": ("a.png", upload)})
            assert_error_shape(answer, 400, "image_too_large", param="file")
        url = "data:image/png;base64," + base64.b64encode(data + b"x" * 100).decode()
        assert_error_shape(
            await front.http.post(TASKS, json=CREATE | {"image_url": url}), 400, "image_too_large", param="image_url"
        )
        url = "data:image/png;base64," + base64.b64encode(data + b"x" * 3_000_000).decode()
        answer = await front.http.post(TASKS, json=CREATE | {"image_url": url})
        assert answer.json()["error"]["code"] == "image_too_large"


async def test_fifty_megabytes_are_taken(front):
    """As large as the documentation says, from a text part and from a file part."""
    small = picture("PNG")
    large = small + bytes(50 * 1024 * 1024 - len(small))  # what follows a PNG's end is ignored by every reader
    answer = await front.http.post(UPLOAD, files={"file": ("a.png", large)})
    assert answer.status_code == 200, answer.text
    assert inspect_image(large).size_bytes == 50 * 1024 * 1024


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b\\c.png", "фото.png", "x" * 300, "..", "a b\"c'.png", "\u202egnp.exe"]
)
async def test_any_file_name_is_safe(front, name):
    found = (await front.http.post(UPLOAD, files={"file": (name, picture())})).json()
    tail = found["file_uri"].removeprefix(f"uploads/{found['file_id']}/")
    assert "/" not in tail and ".." not in tail and len(tail) <= 110 and tail
    assert (await front.http.get(found["image_url"])).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
async def test_who_sends_too_much_hears_of_it_instead_of_a_broken_connection(front, declared):
    """A client that sends its body in one go, as most do, reads the answer only afterwards."""
    limit = front.services.settings.max_image_bytes + forms.SMALL_BYTES
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * (limit + 20_000_000)
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    parts = [f"Content-Length: {len(body)}\r\n\r\n".encode(), body]
    if not declared:
        parts = [b"Transfer-Encoding: chunked\r\n\r\n", f"{len(body):x}\r\n".encode(), body, b"\r\n0\r\n\r\n"]
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.writelines([head.encode(), *parts])
    await writer.drain()
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 30)
    writer.close()
    assert b" 400 " in answer.splitlines()[0] and b"image_too_large" in answer


async def test_what_is_absurdly_large_is_not_read_at_all(front):
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {front.key}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    writer.write(f"{head}Content-Length: 99999999999\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"}}"), 10)
    writer.close()
    assert b"image_too_large" in answer
