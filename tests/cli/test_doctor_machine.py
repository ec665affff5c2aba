"""The doctor on machines unlike this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.doctor import machine
from gateway.doctor.finding import Level
from gateway.settings import Headless, Settings


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An ordinary user on a machine where everything is allowed."""
    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "_number", lambda _: None)
    monkeypatch.setattr(machine, "_succeeds", lambda *_: True)
    return monkeypatch


def settings(tmp_path: Path, **values: object) -> Settings:
    return Settings(data_dir=tmp_path, **values)  # type: ignore[arg-type]


def test_a_sandbox_that_works(user: pytest.MonkeyPatch, tmp_path: Path):
    assert machine.sandbox(settings(tmp_path)).level is Level.OK


@pytest.mark.parametrize(
    ("knob", "value", "cure"),
    [
        ("apparmor_restrict_unprivileged_userns", 1, "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("unprivileged_userns_clone", 0, "kernel.unprivileged_userns_clone=1"),
        ("max_user_namespaces", 0, "user.max_user_namespaces=28633"),
    ],
)
def test_a_kernel_without_user_namespaces(user: pytest.MonkeyPatch, tmp_path: Path, knob: str, value: int, cure: str):
    user.setattr(machine, "_number", lambda place: value if place.endswith(knob) else None)
    found = machine.sandbox(settings(tmp_path))
    assert found.level is Level.FAIL
    assert cure in found.fix
    assert "GATEWAY_BROWSER_SANDBOX=false" in found.fix


def test_a_container_without_user_namespaces(user: pytest.MonkeyPatch, tmp_path: Path):
    user.setattr(machine, "_succeeds", lambda *_: False)
    assert "seccomp" in machine.sandbox(settings(tmp_path)).fix


def test_a_sandbox_switched_off(user: pytest.MonkeyPatch, tmp_path: Path):
    assert machine.sandbox(settings(tmp_path, browser_sandbox=False)).level is Level.WARN


@pytest.mark.parametrize(
    ("display", "headless", "xvfb", "level"),
    [
        ("", Headless.AUTO, "/usr/bin/Xvfb", Level.OK),
        ("", Headless.AUTO, None, Level.FAIL),
        (":4711", Headless.AUTO, None, Level.FAIL),
        ("far.example:0", Headless.AUTO, None, Level.OK),
        ("", Headless.TRUE, None, Level.WARN),
    ],
)
def test_displays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, display: str, headless: Headless, xvfb: str | None, level: Level
):
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setattr(machine.shutil, "which", lambda _: xvfb)
    assert machine.display(settings(tmp_path, headless=headless)).level is level


@pytest.mark.parametrize(
    ("listed", "level"),
    [
        ({":": {"a"}, ":lang=zh": {"a"}, ":lang=ja": {"a"}, ":family=Noto Color Emoji": {"e"}}, Level.OK),
        ({":": {"a"}, ":lang=ja": {"a"}, ":family=Noto Color Emoji": {"e"}}, Level.WARN),
        ({}, Level.FAIL),
    ],
)
def test_fonts(monkeypatch: pytest.MonkeyPatch, listed: dict[str, set[str]], level: Level):
    monkeypatch.setattr(machine.shutil, "which", lambda _: "/usr/bin/fc-list")
    monkeypatch.setattr(machine, "_lines", lambda _, pattern, *rest: listed.get(pattern, set()))
    assert next(machine.fonts()).level is level
