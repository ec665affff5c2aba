"""scripts/install where things go wrong: no rights, no network, a moved clone, a browser that does not start."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from scripts.installer import __main__ as installer
from scripts.installer import chromium, environment
from scripts.installer.commands import ROOT, CommandFailed, Failed, run
from scripts.installer.system import PACKAGES, System

MAY_NOT = System("apt-get", None)


def program(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# --- running programs


def test_a_flaky_command_is_run_again(tmp_path):
    flaky = program(
        tmp_path, "flaky", f'echo try >> "{tmp_path}/tries"; [ $(wc -l < "{tmp_path}/tries") -ge 3 ] && echo ok'
    )
    assert run([flaky], what="Fetching", tries=3, wait_s=0.01) == "ok\n"


def test_a_failure_shows_what_the_program_said(tmp_path):
    failing = program(tmp_path, "failing", "echo first; echo the reason >&2; exit 4")
    with pytest.raises(CommandFailed, match=r"(?s)Fetching failed:.*the reason"):
        run([failing], what="Fetching", tries=2, wait_s=0.01)


def test_a_missing_program_is_a_failure_too():
    with pytest.raises(CommandFailed, match="No such file"):
        run(["/nowhere/at/all"], what="Fetching")


def test_what_takes_too_long_is_ended_with_its_children(tmp_path):
    slow = program(tmp_path, "slow", "sleep 60 & echo $!; wait")
    with pytest.raises(CommandFailed, match="gave up after") as failed:
        run([slow], what="Downloading", timeout_s=0.5)
    child = int(failed.value.output.split()[0])
    give_up_at = time.monotonic() + 5  # it was signalled; the system takes a moment to end it
    while is_running(child) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- packages of the system


def test_without_rights_the_command_to_type_is_said():
    with pytest.raises(Failed, match=r"apt-get install -y xvfb$"):
        MAY_NOT.install(["xvfb"])


def test_an_unknown_package_manager_is_no_reason_to_stop():
    unknown = System(None, None)
    assert unknown.missing(PACKAGES) == []
    with pytest.raises(Failed, match="not one of apt-get, dnf and pacman"):
        unknown.install(["xvfb"])


def test_stale_package_lists_are_fetched_and_the_install_tried_again(tmp_path, monkeypatch):
    log = tmp_path / "log"
    program(
        tmp_path,
        "apt-get",
        f'echo "$*" >> "{log}"; case "$*" in *update*) touch "{tmp_path}/fresh";; *) [ -e "{tmp_path}/fresh" ];; esac',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr("scripts.installer.system._apt_has_lists", lambda: True)
    System("apt-get", ("env",)).install(["xvfb"])
    asked = ["update" if "update" in line else "install" for line in log.read_text().splitlines()]
    assert asked == ["install", "update", "install"]


def test_everything_missing_is_named_at_once(monkeypatch):
    """Somebody without rights passes on one command, not one after the other."""
    monkeypatch.setattr(System, "_installed", lambda *_: False)
    monkeypatch.setattr(installer, "_needs_xvfb", lambda: True)
    monkeypatch.setattr(installer, "_has_library", lambda _: False)
    monkeypatch.setattr(installer, "seems_installed", lambda: False)
    monkeypatch.setattr("scripts.installer.system._is_ubuntu", lambda: False)
    with pytest.raises(Failed, match=r"install -y libatomic1 xvfb chromium chromium-sandbox fonts-liberation"):
        installer.install_system(MAY_NOT, installer.arguments([]))


def test_a_machine_with_neither_display_nor_xvfb_learns_its_choices(monkeypatch):
    monkeypatch.setattr(installer, "_needs_xvfb", lambda: True)
    with pytest.raises(Failed, match="GATEWAY_HEADLESS=true"):
        installer.install_system(System(None, None), installer.arguments(["--minimal"]))


def test_fonts_are_not_worth_failing_for(monkeypatch, capsys):
    monkeypatch.setattr(installer, "_needs_xvfb", lambda: False)
    monkeypatch.setattr(System, "missing", lambda _, needs: ["fonts-noto-cjk"] if "fonts" in set(needs) else [])
    monkeypatch.setattr(System, "install", refuse)
    installer.install_system(System("apt-get", ("env",)), installer.arguments([]))
    assert "Going on without" in capsys.readouterr().err


def refuse(*_: object) -> None:
    raise Failed("the network is down")


# --- the browser


@pytest.fixture
def browsers(monkeypatch):
    """What is found at each look, in order; a path that starts with `broken` does not start."""
    found: list[tuple[str, str] | None] = []
    monkeypatch.setattr(chromium, "_find", lambda: found.pop(0) if len(found) > 1 else found[0])
    monkeypatch.setattr(
        chromium,
        "_started",
        lambda seen: None if seen[0].startswith("broken") else chromium.Browser(*seen, version="Chromium 1"),
    )
    monkeypatch.delenv("GATEWAY_BROWSER_EXECUTABLE", raising=False)
    return found


def test_a_browser_that_is_there_is_taken(browsers, monkeypatch):
    browsers[:] = [("chrome", "on PATH")]
    monkeypatch.setattr(chromium, "_playwrights", refuse)
    assert chromium.install_browser(MAY_NOT).path == "chrome"


def test_the_distributions_browser_stands_in_for_a_blocked_download(browsers, monkeypatch):
    browsers[:] = [None, ("chromium", "on PATH")]
    monkeypatch.setattr(chromium, "_playwrights", refuse)
    monkeypatch.setattr(chromium, "_distributions", lambda _: None)
    assert chromium.install_browser(MAY_NOT).path == "chromium"


def test_a_stub_that_does_not_start_is_not_a_browser(browsers, monkeypatch):
    browsers[:] = [("broken-snap-stub", "on PATH"), ("own", "Playwright's own Chromium")]
    monkeypatch.setattr(chromium, "_playwrights", lambda _: None)
    assert chromium.install_browser(MAY_NOT).path == "own"


def test_without_any_browser_every_reason_is_told(browsers, monkeypatch):
    browsers[:] = [None]
    monkeypatch.setattr(chromium, "_playwrights", refuse)
    monkeypatch.setattr(System, "missing", lambda *_: ["chromium"])
    monkeypatch.setattr(System, "packages", lambda *_: ("chromium",))
    with pytest.raises(Failed, match=r"(?s)network is down.*install -y chromium.*GATEWAY_BROWSER_EXECUTABLE="):
        chromium.install_browser(MAY_NOT)


def test_a_wrong_setting_is_named_and_nothing_installed(browsers, monkeypatch):
    browsers[:] = [None]
    monkeypatch.setenv("GATEWAY_BROWSER_EXECUTABLE", "/nowhere/chrome")
    monkeypatch.setattr(chromium, "_playwrights", lambda _: pytest.fail("installed"))
    with pytest.raises(Failed, match="GATEWAY_BROWSER_EXECUTABLE names /nowhere/chrome"):
        chromium.install_browser(MAY_NOT)


# --- the environment


@pytest.mark.parametrize(("made_in", "usable"), [("{venv}", True), ("/elsewhere/.venv", False)])
def test_an_environment_of_a_moved_clone_is_made_anew(tmp_path, monkeypatch, made_in, usable):
    venv = tmp_path / "a clone" / ".venv"
    (venv / "bin").mkdir(parents=True)
    program(venv / "bin", "python", "exit 0")
    (venv / "pyvenv.cfg").write_text(f"version = 3.11\ncommand = python3 -m venv {made_in.format(venv=venv)}\n")
    monkeypatch.setattr(environment, "VENV", venv)
    monkeypatch.setattr(environment, "PYTHON", venv / "bin" / "python")
    assert environment._usable() is usable


def test_a_second_run_only_looks():
    start = time.monotonic()
    done = subprocess.run([ROOT / "scripts" / "install", "--no-system"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "browser  " in done.stdout
    assert "Installing" not in done.stdout
    assert time.monotonic() - start < 20


def test_a_wrong_argument_is_told(tmp_path):
    done = subprocess.run(
        [ROOT / "scripts" / "install", "--fast"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "--fast" in done.stderr
