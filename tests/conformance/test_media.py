"""What every media store does, on a directory and on a bucket."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta

import httpx2
import obstore
import pytest
from starlette.datastructures import Headers

from gateway.db.connect import Database
from gateway.doctor.finding import Level
from gateway.doctor.media import media as examine_media
from gateway.errors import FileMissing, MediaUnavailable, StartRefused
from gateway.media.assets import Asset, AssetKind
from gateway.media.bucket import PIECE_BYTES, READ_BYTES, Bucket, bucket_of
from gateway.media.opening import open_media
from gateway.media.s3 import key_of
from gateway.settings import Settings
from gateway.web.files import FileAnswer, Served

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PNG = {"kind": AssetKind.INPUT, "suffix": ".png", "media_type": "image/png"}
BIG = os.urandom(1024 * 1024) * (PIECE_BYTES * 2 // (1024 * 1024)) + b"end"


@pytest.fixture
async def db(sqlite_url):
    async with Database.open(sqlite_url) as db:
        yield db


@pytest.fixture(params=["disk", "s3"])
def media(request, tmp_path, db):
    if request.param == "disk":
        return open_media(Settings(data_dir=tmp_path), db)
    s3 = request.getfixturevalue("s3")
    return open_media(s3.settings(tmp_path, s3.new_bucket()), db)


@pytest.fixture
def on_s3(s3, tmp_path, db):
    """(settings, a store of a second node on the same bucket, this node's)"""
    settings = s3.settings(tmp_path / "one", s3.new_bucket())
    other = settings.model_copy(update={"data_dir": tmp_path / "two"})
    return settings, open_media(settings, db), open_media(other, db)


async def content(media, asset, start=0, length=None):
    async with media.reading(asset) as reader:
        return b"".join([piece async for piece in reader.read(start, length or reader.size_bytes - start)])


def video(task_id="task_1", data=BIG):
    digest = hashlib.sha256(data).hexdigest()
    return Asset(f"{task_id}.v", AssetKind.VIDEO, "video/mp4", ".mp4", len(data), digest, task_id=task_id)


async def keys(media):
    return sorted([one.key async for page in media._bucket.pages() for one in page])


async def test_what_is_added_is_read_whole_in_ranges_and_as_a_local_file(media):
    made = await media.add(b"hello", **PNG, key_id="k", file_name="a.png", expires_at=NOW)
    assert await media.get(made.id) == made
    assert await content(media, made) == b"hello"
    assert await content(media, made, 1, 3) == b"ell"
    async with media.local(made) as path:
        assert path.read_bytes() == b"hello"


async def test_a_download_larger_than_one_piece_comes_back_the_same(media):
    target = media.target("task_1.v", ".mp4")
    target.write_bytes(BIG)
    made = await media.record(video())
    async with media.reading(made) as reader:
        assert reader.size_bytes == len(BIG)
    assert await content(media, made) == BIG
    assert await content(media, made, READ_BYTES - 3, 10) == BIG[READ_BYTES - 3 : READ_BYTES + 7]


async def test_recording_twice_replaces(media):
    for data in (b"old", b"newer"):
        media.target("task_1.v", ".mp4").write_bytes(data)
        made = await media.record(video(data=data))
    assert await content(media, await media.get(made.id)) == b"newer"


async def test_what_is_not_there_cannot_be_recorded(media):
    with pytest.raises(FileMissing):
        await media.record(video())
    with pytest.raises(FileMissing):
        await media.get("task_1.v")


async def test_a_received_file_is_moved_in(media):
    draft = media.draft()
    draft.write_bytes(b"picture")
    made = await media.take(draft, **PNG)
    assert not draft.exists()
    assert await content(media, made) == b"picture"


async def test_removing_frees_file_part_and_record(media):
    made = await media.add(b"12345", **PNG)
    other = await media.add(b"stays", **PNG)
    target = media.target("task_1.v", ".mp4")
    target.with_name(f"{target.name}.part").write_bytes(b"123")
    assert await media.remove([made.id, "task_1.v", "unknown", "../x"]) == 8
    for read in (media.get(made.id), content(media, made)):
        with pytest.raises(FileMissing):
            await read
    with pytest.raises(FileMissing):
        async with media.local(made):
            pass
    assert await content(media, other) == b"stays"


async def test_what_belongs_to_a_task_and_what_is_over_goes(media):
    mine = await media.add(b"1", **PNG, task_id="task_1")
    over = await media.add(b"2", **PNG, expires_at=NOW - timedelta(seconds=1))
    stays = await media.add(b"3", **PNG, expires_at=NOW + timedelta(seconds=1))
    await media.remove_of_task(["task_1"])
    assert await media.remove_expired(NOW) == 1
    for gone in (mine, over):
        with pytest.raises(FileMissing):
            await content(media, gone)
    assert await content(media, stays) == b"3"


async def test_http_serves_ranges_conditions_and_heads(media):
    made = await media.add(b"0123456789", **PNG)

    def served():
        return Served(lambda: media.reading(made), "image/png", made.sha256[:32], "a.png", made.created_at)

    async def app(scope, receive, send):
        await FileAnswer(served(), Headers(scope=scope))(scope, receive, send)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway") as client:
        whole = await client.get("/")
        part = await client.get("/", headers={"range": "bytes=-3"})
        head = await client.head("/")
        same = await client.get("/", headers={"if-none-match": whole.headers["etag"]})
        beyond = await client.get("/", headers={"range": "bytes=10-"})
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"789", "bytes 7-9/10")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    assert (same.status_code, beyond.status_code) == (304, 416)
    await media.remove([made.id])
    with pytest.raises(FileMissing):
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://gateway") as client:
            await client.get("/")


async def test_every_node_reads_what_one_wrote(on_s3):
    _, one, two = on_s3
    made = await one.add(b"hello", **PNG)
    assert await content(two, made) == b"hello"
    async with two.local(made) as path:
        assert path.read_bytes() == b"hello"
    assert not path.exists()


async def test_the_spool_is_emptied_of_what_the_bucket_has_and_of_nothing_else(on_s3, tmp_path):
    _, media, _ = on_s3
    made = await media.add(b"hello", **PNG)
    coming = media.target("task_1.v", ".mp4")
    coming.write_bytes(b"whole, and not yet recorded")
    assert await media.clear_spool() == 0  # young
    async with media.local(made) as held:
        assert await media.clear_spool(older_than_s=-1) == 1
        assert held.read_bytes() == b"hello"
    assert [path for path in (tmp_path / "one" / "spool").rglob("*") if path.is_file()] == [coming]
    assert await content(media, made) == b"hello"


async def test_objects_without_a_record_are_swept_and_strangers_let_be(on_s3):
    _, media, _ = on_s3
    made = await media.add(b"kept", **PNG)
    store = media._bucket._store
    for key in (key_of("file_lost", ".png"), "stranger.txt", "00/not-ours.png"):
        await obstore.put_async(store, key, b"x")
    assert await media.sweep() == 0  # young
    assert await media.sweep(older_than_s=-60) >= 1
    assert await keys(media) == sorted([key_of(made.id, ".png"), "stranger.txt", "00/not-ours.png"])


async def test_a_video_whose_record_was_never_written_is_removed_with_its_task(on_s3):
    _, media, _ = on_s3
    media.target("task_1.v", ".mp4").write_bytes(b"movie")
    await media.keep(video(data=b"movie"), media.place("task_1.v", ".mp4"))
    await media.remove(["task_1.v", "task_1.t"])
    assert await keys(media) == []


async def test_a_store_that_is_away_is_said_and_nothing_is_lost(on_s3, s3):
    settings, media, _ = on_s3
    made = await media.add(b"hello", **PNG)
    target = media.target("task_1.v", ".mp4")
    target.write_bytes(b"movie")
    s3.stop()
    try:
        began = time.monotonic()
        for failing in (media.record(video(data=b"movie")), content(media, made), media.remove([made.id])):
            with pytest.raises(MediaUnavailable):
                await failing
        assert time.monotonic() - began < 60
        assert (await examine_media(settings)).level is Level.FAIL
        assert target.exists()
        assert await media.get(made.id)
        with pytest.raises(FileMissing):
            await media.get("task_1.v")
    finally:
        s3.start()


async def test_the_doctor_tries_the_bucket_and_leaves_nothing(on_s3):
    settings, media, _ = on_s3
    found = await examine_media(settings)
    assert (found.level, settings.media_url in found.message) == (Level.OK, True)
    assert await keys(media) == []
    missing = settings.model_copy(update={"media_url": "s3://no-such-bucket"})
    assert (await examine_media(missing)).level is Level.FAIL


def test_the_url_names_bucket_and_prefix():
    assert bucket_of("s3://media") == ("media", "")
    assert bucket_of("s3://media/a/b/") == ("media", "a/b")


@pytest.mark.parametrize("url", ["s3://", "s3:///x", "s3://user:secret@media", "s3://media/a/../b", "s3://media?x=1"])
def test_other_urls_are_refused_without_repeating_them(url):
    with pytest.raises(StartRefused, match=r"s3://BUCKET") as refused:
        bucket_of(url)
    assert "secret@" not in refused.value.message


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
async def test_the_usual_variables_name_store_and_credentials(name, s3, tmp_path, monkeypatch):
    monkeypatch.setenv(name, s3.endpoint + "/")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests")
    bucket = Bucket.open(Settings(data_dir=tmp_path, media_url=f"s3://{s3.new_bucket()}"))
    (tmp_path / "file").write_bytes(b"film")
    await bucket.put("aa/film", tmp_path / "file", media_type="video/mp4")
    assert await bucket.size("aa/film") == 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"s3_endpoint": "minio:9000"}, "in GATEWAY_S3_ENDPOINT is none: give http"),
        ({"s3_endpoint": "127.0.0.1:9000"}, "in GATEWAY_S3_ENDPOINT is none: give http"),
        ({"s3_access_key_id": "me"}, "belong together"),
        ({"s3_secret_access_key": "hunter2"}, "belong together"),
    ],
)
def test_settings_of_the_store_that_cannot_work_are_told_at_the_start(settings, words, tmp_path):
    with pytest.raises(StartRefused, match=words) as refused:
        Bucket.open(Settings(data_dir=tmp_path, media_url="s3://media", **settings))
    assert "hunter2" not in refused.value.message
