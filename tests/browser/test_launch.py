"""How browsers are found and started: which one, with which arguments, on which display, by which driver."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
from pathlib import Path

import psutil
import pytest

from browser import chromium, processes
from browser.chromium import find_chromium
from browser.display import Display
from browser.driver import Driver
from browser.errors import LaunchFailed
from browser.launch import (
    PLAYWRIGHT_DISABLED_FEATURES,
    PLAYWRIGHT_ENABLED_FEATURES,
    ChromiumStarter,
    LaunchSettings,
    merge_arguments,
    proxy_settings,
)
from browser.launch_failures import explained
from browser.profiles import ProfileDir, ProfileSpec
from tests.browser.real_pool import QUIET, browsers_below, kill


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_browser_is_looked_for_in_the_agreed_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    revisions = tmp_path / "ms-playwright"
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(revisions))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(LaunchFailed, match="run scripts/install"):
        find_chromium()
    for name in reversed(chromium.INSTALLED):
        path = executable(tmp_path / "bin" / name)
        assert find_chromium().path == path
        assert find_chromium().found == f"{name} on PATH"
    executable(revisions / "chromium-1" / "chrome-linux64" / "chrome")  # of another version of Playwright
    assert find_chromium().found == f"{chromium.INSTALLED[0]} on PATH"
    own = executable(revisions / f"chromium-{chromium.own_revision()}" / "chrome-linux64" / "chrome")
    assert find_chromium() == chromium.Chromium(own, "Playwright's own Chromium")
    mine = executable(tmp_path / "mine")
    assert find_chromium(str(mine)).path == mine
    with pytest.raises(LaunchFailed, match="is not an executable: correct GATEWAY_BROWSER_EXECUTABLE"):
        find_chromium(str(tmp_path / "nothing"))


def test_an_operators_features_are_joined_to_playwrights():
    merged = merge_arguments(["--lang=de", "--disable-features=A,MediaRouter", "--disable-features=B"])
    assert merged == ["--lang=de", "--disable-features=" + ",".join([*PLAYWRIGHT_DISABLED_FEATURES, "A", "B"])]
    assert merge_arguments(["--enable-features=X"]) == [
        "--enable-features=" + ",".join([*PLAYWRIGHT_ENABLED_FEATURES, "X"])
    ]
    assert merge_arguments(["--lang=de"]) == ["--lang=de"]


def test_a_proxys_password_leaves_its_address():
    assert proxy_settings(None) is None
    assert proxy_settings("http://us%40er:p%3Aw@host:81") == {
        "server": "http://host:81",
        "username": "us@er",
        "password": "p:w",
    }
    assert proxy_settings("socks5://[::1]:9") == {"server": "socks5://[::1]:9"}


def test_the_sandbox_is_on_unless_we_are_root_or_it_was_switched_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert LaunchSettings().sandboxed
    assert not LaunchSettings(sandbox=False).sandboxed
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not LaunchSettings().sandboxed


NO_SANDBOX = (
    "profile work: this system gives chromium no sandbox: allow unprivileged user namespaces (on Ubuntu 23.10 and newer "
    "AppArmor forbids them; in a container use the seccomp profile that comes with it), or switch the sandbox off explicitly"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Target closed\nBrowser logs:\n[pid=1][err] [1:1:1/2.3:ERROR:a/b.cc:4] first\n"
            "[pid=1][err] [1:1:1/2.3:FATAL:a/process_posix.cc:315] Socket path too long: /x.\n",
            "profile work: chromium did not start: Socket path too long: /x.",
        ),
        ("Target closed\nmore", "profile work: chromium did not start: Target closed"),
        ("", "profile work: chromium did not start: Exception"),
        (
            "[pid=1][err] chromium: error while loading shared libraries: libnss3.so: cannot open shared object file",
            "profile work: chromium needs libnss3.so, which is not installed: run scripts/install",
        ),
        (
            "Target closed\n[pid=1][err] [1:1:1/2.3:FATAL:content/browser/zygote_host/zygote_host_impl_linux.cc:132] No "
            "usable sandbox! If you are running on Ubuntu 23.10+ or another Linux distro that has disabled\n",
            NO_SANDBOX,
        ),
        ("Chromium sandboxing failed!\n", NO_SANDBOX),
    ],
)
def test_a_failed_start_is_explained_by_what_the_browser_said(text: str, said: str):
    assert explained(Exception(text), profile="work", program="chromium") == said


@pytest.mark.browser
async def test_playwrights_own_feature_lists_are_as_we_repeat_them(tmp_path: Path):
    """Fails when a new Playwright brings other lists: update browser/launch.py then."""
    driver, display = Driver(), Display()
    directory = ProfileDir(tmp_path / "work")
    directory.lock()
    try:
        starter = ChromiumStarter(LaunchSettings(args=QUIET), driver=driver, display=display, at_once=1)
        context = await starter.start(ProfileSpec("work"), directory)
        # The oldest: its children have the argument, too, and one that was just forked has its whole command line.
        browser = min(processes.browsers_on(directory.user_data), key=lambda process: process.create_time())
        passed = [argument.partition("=") for argument in browser.cmdline()]
        features = {name: value.split(",") for name, _, value in passed if name.endswith("able-features")}
        await context.close()
        assert features == {
            "--disable-features": list(PLAYWRIGHT_DISABLED_FEATURES),
            "--enable-features": list(PLAYWRIGHT_ENABLED_FEATURES),
        }
    finally:
        directory.unlock()
        await driver.close()
        await display.close()


@pytest.mark.browser
async def test_a_long_temporary_folder_does_not_keep_the_browser_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    driver, display = Driver(), Display()
    directory = ProfileDir(tmp_path / "work")
    directory.lock()
    try:
        starter = ChromiumStarter(LaunchSettings(args=QUIET), driver=driver, display=display, at_once=1)
        await (await starter.start(ProfileSpec("work"), directory)).close()
    finally:
        directory.unlock()
        await driver.close()
        await display.close()


@pytest.mark.browser
async def test_a_browser_that_does_not_start_is_said_in_a_sentence_and_nothing_is_left(tmp_path: Path):
    driver, display = Driver(), Display()
    directory = ProfileDir(tmp_path / "work")
    directory.lock()
    try:
        settings = LaunchSettings(executable=shutil.which("false"), headless="true")
        with pytest.raises(LaunchFailed, match="profile work: false did not start"):
            await ChromiumStarter(settings, driver=driver, display=display, at_once=1).start(
                ProfileSpec("work"), directory
            )
        starter = ChromiumStarter(LaunchSettings(args=QUIET), driver=driver, display=display, at_once=1)
        with pytest.raises(TimeoutError):  # cancelled in the middle of a start
            async with asyncio.timeout(0.6):
                await starter.start(ProfileSpec("work"), directory)
                await asyncio.Event().wait()
        await driver.close()
        assert browsers_below(directory.user_data) == []
    finally:
        directory.unlock()
        await driver.close()
        await display.close()


@pytest.mark.browser
async def test_a_display_is_started_when_there_is_none_and_again_when_it_died(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    display = Display()
    try:
        first_way, second_way = await asyncio.gather(display.environment(), display.environment())
        assert first_way == second_way
        assert display.pid is not None
        first = psutil.Process(display.pid)
        first.kill()
        await processes.gone([first], timeout_s=2)
        assert display.pid is None
        await display.environment()
        assert display.pid not in (None, first.pid)
        second = psutil.Process(display.pid)
    finally:
        await display.close()
    assert not processes.is_running(second.pid)
    monkeypatch.setenv("DISPLAY", ":77")
    assert await display.environment() == {"DISPLAY": ":77"}
    assert display.pid is None


@pytest.mark.browser
async def test_our_display_lets_nobody_else_in(monkeypatch: pytest.MonkeyPatch):
    """An X server without an authority file is open to all users of the machine."""
    monkeypatch.delenv("DISPLAY", raising=False)
    display = Display()
    try:
        way = await display.environment()
        authority = Path(way["XAUTHORITY"])
        assert authority.parent.stat().st_mode & 0o777 == 0o700
        cookie = authority.read_bytes()[-16:]
        assert _greeted(way["DISPLAY"], cookie)
        assert not _greeted(way["DISPLAY"], b"")
        assert not _greeted(way["DISPLAY"], bytes(16))
    finally:
        await display.close()
    assert not authority.parent.exists()


def _greeted(display: str, cookie: bytes) -> bool:
    """Open a connection as X clients do; the server's first byte is 1 when it lets us in."""
    name = b"MIT-MAGIC-COOKIE-1" if cookie else b""
    padded = name + bytes(-len(name) % 4) + cookie + bytes(-len(cookie) % 4)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"/tmp/.X11-unix/X{display.removeprefix(':')}")
        client.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + padded)
        return client.recv(1) == b"\x01"


async def test_a_missing_xvfb_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchFailed, match="run scripts/install, or set GATEWAY_HEADLESS=true"):
        await Display().environment()
    executable(tmp_path / "Xvfb")
    with pytest.raises(LaunchFailed, match="Xvfb did not start"):
        await Display().environment()


@pytest.mark.browser
async def test_the_driver_starts_once_tells_its_death_and_starts_again():
    others = processes.children_with(None, "run-driver")  # a browser fixture's, when one is at work in this process
    driver = Driver()
    died = asyncio.Event()
    driver.when_it_dies(died.set)
    forgotten = driver.when_it_dies(lambda: pytest.fail("it had been taken back"))
    forgotten()
    try:
        first, second = await asyncio.gather(driver.chromium(), driver.chromium())
        assert first is second
        pid = driver.pid
        assert pid is not None
        kill(pid)
        async with asyncio.timeout(60):
            await died.wait()
        assert driver.pid is None
        await driver.chromium()
        assert driver.pid not in (None, pid)
    finally:
        await driver.close()
    assert processes.children_with(None, "run-driver") == others


def test_the_noise_of_a_machine_without_a_desktop_explains_nothing() -> None:
    text = (
        "BrowserType.launch_persistent_context: Target page, context or browser has been closed\nBrowser logs:\n"
        "[pid=1][err] [1:2:0101/000000.1:ERROR:dbus/bus.cc:406] Failed to connect to the bus: Failed to connect to socket\n"
    )
    assert "bus" not in explained(RuntimeError(text), profile="work", program="chromium")
    known = explained(
        RuntimeError(text + "[pid=1] Opening in existing browser session."), profile="work", program="chromium"
    )
    assert known == "profile work: another browser works in its directory: end it first"
