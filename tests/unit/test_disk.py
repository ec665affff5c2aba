import errno
import os
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.db.connect import Database
from gateway.errors import FileMissing, StartRefused, StorageFull
from gateway.media.assets import Asset, AssetKind, thumbnail_asset_id, video_asset_id
from gateway.media.disk import DiskMedia, media_directory

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PNG = {"kind": AssetKind.INPUT, "suffix": ".png", "media_type": "image/png"}


@pytest.fixture
async def db(tmp_path):
    async with Database.open(f"sqlite:///{tmp_path / 'gateway.db'}") as db:
        yield db


@pytest.fixture
def media(tmp_path, db):
    return DiskMedia(tmp_path / "media", db)


def files(media_root: Path) -> list[str]:
    return sorted(path.name for path in media_root.rglob("*") if path.is_file())


async def test_what_is_added_is_found_again(media):
    made = await media.add(b"hello", **PNG, key_id="k", file_name="a.png", width=2, height=3, expires_at=NOW)
    assert made.id.startswith("file_")
    assert (made.size_bytes, made.key_id, made.width, made.expires_at) == (5, "k", 2, NOW)
    assert await media.get(made.id) == made
    async with media.local(made) as path:
        assert path.read_bytes() == b"hello"


async def test_only_the_owner_of_the_process_may_look(media, tmp_path):
    made = await media.add(b"x", **PNG)
    async with media.local(made) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "media").stat().st_mode) == 0o700


async def test_a_downloaded_file_is_recorded_where_it_lies(media):
    target = media.target(video_asset_id("task_1"), ".mp4")
    target.write_bytes(b"movie")
    made = await media.record(
        Asset(video_asset_id("task_1"), AssetKind.VIDEO, "video/mp4", ".mp4", 5, "ab", task_id="task_1")
    )
    assert await media.get("task_1.v") == made
    assert made.created_at is not None


async def test_recording_twice_replaces(media):
    target = media.target("task_1.v", ".mp4")
    target.write_bytes(b"movie")
    await media.record(Asset("task_1.v", AssetKind.VIDEO, "video/mp4", ".mp4", 5, "old"))
    await media.record(Asset("task_1.v", AssetKind.VIDEO, "video/mp4", ".mp4", 5, "new"))
    assert (await media.get("task_1.v")).sha256 == "new"


async def test_what_is_not_there_cannot_be_recorded(media):
    with pytest.raises(FileMissing):
        await media.record(Asset("task_1.v", AssetKind.VIDEO, "video/mp4", ".mp4", 5, "ab"))


async def test_a_received_file_is_moved_in(media, tmp_path):
    draft = media.draft()
    draft.write_bytes(b"picture")
    made = await media.take(draft, **PNG, key_id="k")
    assert not draft.exists()
    assert (made.size_bytes, made.key_id) == (7, "k")
    assert files(tmp_path / "media") == [f"{made.id}.png"]


@pytest.mark.parametrize("bad", ["", "..", "../x", "a/b", ".hidden", "a\x00", "x" * 300])
async def test_what_cannot_be_an_id_touches_no_file(media, bad):
    with pytest.raises(FileMissing):
        media.target(bad, ".mp4")
    with pytest.raises(FileMissing):
        await media.get(bad)
    assert await media.remove([bad]) == 0


@pytest.mark.parametrize("bad", ["", "mp4", "./../x", ".MP4", ".toolongsuffix"])
def test_what_cannot_be_a_suffix_touches_no_file(media, bad):
    with pytest.raises(FileMissing):
        media.target("task_1.v", bad)


async def test_removing_frees_the_file_its_half_written_part_and_the_record(media, tmp_path):
    made = await media.add(b"12345", **PNG)
    target = media.target("task_1.v", ".mp4")
    target.with_name(f"{target.name}.part").write_bytes(b"123")
    other = await media.add(b"stays", **PNG)
    assert await media.remove([made.id, "task_1.v", "unknown"]) == 8
    assert files(tmp_path / "media") == [f"{other.id}.png"]
    with pytest.raises(FileMissing):
        await media.get(made.id)


async def test_removing_a_video_leaves_the_thumbnail_of_the_same_task(media, tmp_path):
    """Ids hold dots: task_1.v must not match as a prefix of something else."""
    for asset_id, suffix in (("task_1.v", ".mp4"), (thumbnail_asset_id("task_1"), ".jpg"), ("task_1.v.x", ".mp4")):
        media.target(asset_id, suffix).write_bytes(b"x")
    await media.remove(["task_1.v"])
    assert files(tmp_path / "media") == ["task_1.t.jpg", "task_1.v.x.mp4"]


async def test_a_file_that_is_gone_says_so(media):
    made = await media.add(b"x", **PNG)
    media.place(made.id, ".png").unlink()
    with pytest.raises(FileMissing):
        async with media.local(made):
            pass


async def test_orphans_are_swept_and_young_files_let_be(media, tmp_path):
    kept = await media.add(b"kept", **PNG)
    orphan, part, young = (media.target(name, ".mp4") for name in ("orphan.v", "part.v", "young.v"))
    part = part.with_name(f"{part.name}.part")
    draft = media.draft()
    for file in (orphan, part, young, draft):
        file.write_bytes(b"x")
    old = time.time() - 7200
    for file in (orphan, part, draft, media.place(kept.id, ".png")):
        os.utime(file, (old, old))
    assert await media.sweep() == 3
    assert files(tmp_path / "media") == sorted([f"{kept.id}.png", "young.v.mp4"])


async def test_inputs_go_when_their_time_is_over_and_videos_with_their_task(media):
    over = await media.add(b"1", **PNG, expires_at=NOW - timedelta(seconds=1))
    later = await media.add(b"2", **PNG, expires_at=NOW + timedelta(seconds=1))
    for_good = await media.add(b"3", **PNG)
    video = await media.add(
        b"4", kind=AssetKind.VIDEO, suffix=".mp4", media_type="video/mp4", expires_at=NOW - timedelta(days=1)
    )
    assert await media.remove_expired(NOW) == 1
    with pytest.raises(FileMissing):
        await media.get(over.id)
    for asset in (later, for_good, video):
        assert await media.get(asset.id)


async def test_a_picture_in_use_is_kept_for_longer_never_for_shorter(media):
    made = await media.add(b"1", **PNG, expires_at=NOW)
    await media.keep_until([made.id], NOW + timedelta(hours=1))
    assert (await media.get(made.id)).expires_at == NOW + timedelta(hours=1)
    await media.keep_until([made.id], NOW)
    assert (await media.get(made.id)).expires_at == NOW + timedelta(hours=1)


async def test_what_belongs_to_a_task_goes_with_it(media):
    mine = await media.add(b"1", **PNG, task_id="task_1")
    uploaded = await media.add(b"2", **PNG)
    await media.remove_of_task(["task_1", "task_2"])
    with pytest.raises(FileMissing):
        await media.get(mine.id)
    assert await media.get(uploaded.id)


async def test_a_full_disk_is_said_and_leaves_nothing_behind(media, tmp_path, monkeypatch):
    def full(self, *_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageFull):
        await media.add(b"x", **PNG)
    assert files(tmp_path / "media") == []


def test_the_media_url_names_a_directory():
    assert media_directory("file:///srv/media%20files") == Path("/srv/media files")


@pytest.mark.parametrize("url", ["s3://bucket", "file://host/x", "/srv/media", "file:relative", ""])
def test_other_media_urls_are_refused_with_what_to_do(url):
    with pytest.raises(StartRefused, match="file:///"):
        media_directory(url)
