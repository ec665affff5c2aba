"""Directories that end with their process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from browser.scratch import Scratch, clear_stale

MAKER = (
    "import sys; from browser.scratch import Scratch; print(Scratch('of-a-test-').path, flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def old(directory: Path) -> Path:
    os.utime(directory, (1, 1))
    return directory


def test_what_a_killed_process_left_is_removed_and_nobody_elses(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        its = old(Path(other.stdout.readline().strip()))
        clear_stale("of-a-test-")
        assert its.is_dir(), "its maker lives"
        other.kill()
    never_locked, fresh = old_empty(tmp_path / "of-a-test-never"), tmp_path / "of-a-test-fresh"
    fresh.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "of-a-test-link").symlink_to(elsewhere)
    old(its)
    mine = Scratch("of-a-test-")
    assert not its.exists() and not never_locked.exists()
    assert fresh.is_dir() and elsewhere.is_dir() and mine.path.is_dir()
    assert mine.path.stat().st_mode & 0o777 == 0o700
    old(mine.path)
    clear_stale("of-a-test-")
    assert mine.path.is_dir(), "our own is not stale"
    mine.close()
    assert not mine.path.exists()


def old_empty(directory: Path) -> Path:
    directory.mkdir()
    return old(directory)
