import asyncio
import os

import pytest

from gateway.errors import FileMissing
from gateway.media import tail
from gateway.media.tail import TransferBroken, follow, open_growing


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(tail, "POLL_S", 0.005)
    monkeypatch.setattr(tail, "ASK_S", 0.02)


async def yes():
    return True


async def no():
    return False


async def everything(fd, path, still_coming=yes):
    return b"".join([chunk async for chunk in follow(fd, path, still_coming)])


@pytest.fixture
def growing(tmp_path):
    path = tmp_path / "a.mp4"
    part = tmp_path / "a.mp4.part"
    part.write_bytes(b"one")
    fd = open_growing(path)
    yield path, part, fd
    os.close(fd)


async def test_bytes_come_as_they_are_written_until_the_file_is_renamed(growing):
    path, part, fd = growing
    got = []

    async def read():
        async for chunk in follow(fd, path, yes):
            got.append(chunk)

    reader = asyncio.ensure_future(read())
    while not got:
        await asyncio.sleep(0)
    assert got == [b"one"]
    with part.open("ab") as file:
        file.write(b"two")
    while len(got) < 2:
        await asyncio.sleep(0.001)
    with part.open("ab") as file:
        file.write(b"three")
    part.replace(path)
    await asyncio.wait_for(reader, 2)
    assert b"".join(got) == b"onetwothree"


async def test_a_finished_file_is_sent_whole(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"all")
    fd = open_growing(path)
    assert await everything(fd, path) == b"all"
    os.close(fd)


async def test_a_download_whose_task_is_over_is_cut(growing):
    path, _, fd = growing
    with pytest.raises(TransferBroken):
        await everything(fd, path, no)


async def test_a_removed_part_is_cut(growing):
    path, part, fd = growing
    part.unlink()
    with pytest.raises(TransferBroken):
        await everything(fd, path)


async def test_a_part_written_anew_is_cut(growing):
    path, part, fd = growing
    chunks = follow(fd, path, yes)
    assert await anext(chunks) == b"one"
    os.truncate(part, 0)
    with pytest.raises(TransferBroken, match="anew"):
        await anext(chunks)


async def test_a_download_that_finishes_in_the_moment_of_asking_is_whole(growing):
    path, part, fd = growing

    async def finishes_now():
        part.replace(path)
        return False

    assert await everything(fd, path, finishes_now) == b"one"


def test_what_is_not_there_cannot_be_followed(tmp_path):
    with pytest.raises(FileMissing):
        open_growing(tmp_path / "none.mp4")
