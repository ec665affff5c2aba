"""A profile's directory: its lock, what a dead browser leaves in it, and the names it may have."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from browser import processes, profiles
from browser.errors import BrowserError, ProfileBusy
from browser.profiles import ProfileDir, ProfileSpec, check_name


def test_what_lies_in_a_profile_is_its_owners_only(tmp_path: Path):
    directory = ProfileDir(tmp_path / "profiles" / "work")
    directory.lock()
    places = [directory.root, directory.user_data, directory.downloads, directory.checkpoints]
    assert {place.stat().st_mode & 0o777 for place in places} == {0o700}
    assert (directory.root / "lock").stat().st_mode & 0o777 == 0o600
    assert (directory.root / "lock").read_text() == f"{os.getpid()}\n"


def test_a_directory_has_one_owner_at_a_time(tmp_path: Path):
    first, second = ProfileDir(tmp_path / "work"), ProfileDir(tmp_path / "work")
    first.lock()
    first.lock()  # its own is no obstacle
    with pytest.raises(ProfileBusy, match=rf"profile work is in use by another process \(pid {os.getpid()}\)"):
        second.lock()
    first.unlock()
    second.lock()
    assert second.locked


HOLDER = """
import subprocess, sys
from pathlib import Path
from browser.profiles import ProfileDir
ProfileDir(Path(sys.argv[1])).lock()
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, close_fds=False)
print(child.pid, flush=True)
input()
"""


def test_the_lock_ends_with_its_process_even_when_a_child_lives_on(tmp_path: Path):
    """Neither the driver nor Chromium may hold the directory of a gateway that died."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "work")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    child = psutil.Process(int(holder.stdout.readline()))
    try:
        with pytest.raises(ProfileBusy, match=f"pid {holder.pid}"):
            ProfileDir(tmp_path / "work").lock()
        holder.kill()
        holder.communicate()
        assert child.is_running()
        ProfileDir(tmp_path / "work").lock()
    finally:
        child.kill()


async def test_remains_are_removed_only_under_the_lock(tmp_path: Path):
    directory = ProfileDir(tmp_path / "work")
    directory.create()
    for name in ("SingletonLock", "SingletonCookie"):
        (directory.user_data / name).symlink_to("another-host-77")
    sockets, not_chromiums = tmp_path / "org.chromium.Chromium.a1B2c3", tmp_path / "important"
    for folder in (sockets, not_chromiums):
        folder.mkdir()
    (directory.user_data / "SingletonSocket").symlink_to(sockets / "SingletonSocket")
    (directory.downloads / "half.crdownload").write_bytes(b"half")
    (directory.user_data / "Local State").write_text("{}")
    with pytest.raises(BrowserError, match="must be locked"):
        await directory.clear_remains()
    directory.lock()
    await directory.clear_remains()
    assert [entry.name for entry in directory.user_data.iterdir()] == ["Local State"]
    assert list(directory.downloads.iterdir()) == []
    assert not directory.is_fresh
    assert not sockets.exists()
    (directory.user_data / "SingletonSocket").symlink_to(not_chromiums / "SingletonSocket")
    await directory.clear_remains()
    assert not_chromiums.is_dir()


async def test_an_old_browser_is_given_time_and_then_ended_and_others_are_left_alone(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(profiles, "OLD_BROWSER_S", 0.2)
    directory = ProfileDir(tmp_path / "work")
    directory.lock()
    here = f"--user-data-dir={directory.user_data}"
    longer = f"--user-data-dir={directory.user_data}-2"
    old, other = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)", argument)
        for argument in (here, longer)
    ]
    try:
        assert [process.pid for process in processes.browsers_on(directory.user_data)] == [old.pid]
        await directory.clear_remains()
        assert not processes.is_running(old.pid)
        assert processes.is_running(other.pid)
    finally:
        for process in (old, other):
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_a_deleted_profile_is_gone_unless_somebody_works_in_it(tmp_path: Path):
    directory = ProfileDir(tmp_path / "work")
    directory.lock()
    with pytest.raises(ProfileBusy):
        await ProfileDir(tmp_path / "work").delete()
    assert directory.user_data.is_dir()
    directory.unlock()
    await ProfileDir(tmp_path / "work").delete()
    assert list(tmp_path.iterdir()) == []


async def test_the_end_of_a_process_is_told_even_when_it_is_no_child_of_ours():
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL); print(p.pid, flush=True)"
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    grandchild = psutil.Process(int(await parent.stdout.readline()))
    await parent.wait()
    ended = asyncio.Event()
    processes.ExitWatch(grandchild.pid, ended.set)
    cancelled = processes.ExitWatch(grandchild.pid, lambda: pytest.fail("it was told although nobody listens"))
    cancelled.cancel()
    assert not ended.is_set()
    grandchild.kill()
    async with asyncio.timeout(60):
        await ended.wait()
    late = asyncio.Event()
    processes.ExitWatch(grandchild.pid, late.set)  # one that ended before
    async with asyncio.timeout(60):
        await late.wait()


@pytest.mark.parametrize("name", ["work", "a", "a.b-c_d", "0", "x" * 63])
def test_names_that_are_fine(name: str):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "-a", "a-", "a..b", "x" * 64, "a b", "ü", "a\n", "../a"])
def test_names_that_could_leave_the_folder_or_confuse_are_refused(name: str):
    with pytest.raises(ValueError, match="cannot be a profile name"):
        ProfileSpec(name)


@pytest.mark.parametrize("proxy", ["http://h:1", "https://u:p%40@h:8080", "socks5://127.0.0.1:9", "http://[::1]:80"])
def test_proxies_that_chromium_can_use(proxy: str):
    assert ProfileSpec("work", proxy=proxy).proxy == proxy


@pytest.mark.parametrize("proxy", ["h:1", "http://h", "ftp://h:1", "http://:1", "http://h:x", "socks5://u:secret@h:1"])
def test_proxies_that_it_cannot_are_refused_without_showing_a_password(proxy: str):
    with pytest.raises(ValueError) as caught:
        ProfileSpec("work", proxy=proxy)
    assert "secret" not in str(caught.value)
