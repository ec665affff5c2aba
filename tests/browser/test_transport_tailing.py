"""Following a download's file through everything the browser does to it, without a browser."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from browser.errors import TransportFailed
from browser.tailing import Seen, Tail

DATA = os.urandom(3_000_000)


@pytest.fixture(name="folder")
def a_folder(tmp_path: Path) -> Path:
    (tmp_path / "downloads").mkdir()
    return tmp_path


def a_tail(folder: Path, limit_bytes: int = 10_000_000) -> tuple[Tail, Path, Path]:
    downloads = folder / "downloads"
    tail = Tail(downloads, "guid", folder / "video.mp4", limit_bytes=limit_bytes)
    return tail, downloads / "guid.crdownload", downloads / "guid"


def place(folder: Path, name: Path, data: bytes) -> None:
    """As the browser does: an empty file first, then the real one renamed over it."""
    name.touch()
    real = folder / "real"
    real.write_bytes(data)
    real.replace(name)


def test_placeholders_are_not_mistaken_for_the_file(folder: Path) -> None:
    tail, growing, finished = a_tail(folder)
    assert tail.look() is Seen.NOTHING
    growing.touch()
    assert tail.look() is Seen.NOTHING
    place(folder, growing, DATA[:1000])
    assert tail.look() is Seen.GROWING
    tail.absorb()
    with growing.open("ab") as file:
        file.write(DATA[1000:])
    finished.touch()
    assert tail.look() is Seen.GROWING
    growing.replace(finished)
    assert tail.look() is Seen.FINISHED
    assert tail.has_more()
    tail.absorb()
    assert tail.seal() == hashlib.sha256(DATA).hexdigest()
    tail.discard()
    tail.close()
    assert (folder / "video.mp4").read_bytes() == DATA
    assert not tail.part.exists()


def test_a_small_file_may_be_finished_at_the_first_look(folder: Path) -> None:
    tail, growing, finished = a_tail(folder)
    growing.touch()
    finished.touch()
    assert tail.look() is Seen.NOTHING
    growing.unlink()
    assert tail.look() is Seen.FINISHED
    tail.absorb()
    assert tail.seal() == hashlib.sha256().hexdigest()
    assert (folder / "video.mp4").read_bytes() == b""


def test_a_file_the_browser_removed_is_gone(folder: Path) -> None:
    tail, growing, _ = a_tail(folder)
    growing.write_bytes(DATA)
    assert tail.look() is Seen.GROWING
    growing.unlink()
    assert tail.look() is Seen.GONE
    assert tail.part.read_bytes() == DATA
    tail.discard()
    tail.close()
    assert not tail.part.exists()


def test_absorbing_stops_over_the_limit(folder: Path) -> None:
    tail, growing, _ = a_tail(folder, limit_bytes=10)
    growing.write_bytes(DATA)
    tail.look()
    tail.absorb()
    assert tail.over_limit
    assert tail.size_bytes < len(DATA)
    tail.discard()
    tail.close()


def test_bytes_are_copied_where_links_are_not_possible(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tail, growing, finished = a_tail(folder)
    growing.write_bytes(DATA[:2_000_000])
    assert tail.look() is Seen.GROWING
    tail.absorb()
    assert tail.part.read_bytes() == DATA[:2_000_000]
    with growing.open("ab") as file:
        file.write(DATA[2_000_000:])
    growing.replace(finished)
    assert tail.look() is Seen.FINISHED
    tail.absorb()
    assert tail.seal() == hashlib.sha256(DATA).hexdigest()
    finished.unlink()
    assert (folder / "video.mp4").read_bytes() == DATA


def test_leftovers_of_an_earlier_try_are_replaced(folder: Path) -> None:
    tail, growing, _ = a_tail(folder)
    tail.part.write_bytes(b"old")
    growing.write_bytes(DATA)
    tail.look()
    assert tail.part.read_bytes() == DATA
    tail.discard()
    tail.close()


def test_a_target_without_a_folder_is_a_failure(folder: Path) -> None:
    (folder / "downloads" / "guid.crdownload").write_bytes(DATA)
    tail = Tail(folder / "downloads", "guid", folder / "none" / "f", limit_bytes=10)
    with pytest.raises(TransportFailed, match="could not be written"):
        tail.look()
    tail.discard()
    tail.close()
