"""Where settings come from, and which of two places counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.settings import Settings


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, and beside it an empty data directory."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_nearer_place_counts(place: Path, monkeypatch: pytest.MonkeyPatch):
    (place / "data" / "gateway.toml").write_text("port = 1\nhost = 'toml'\n")
    assert Settings().port == 1
    (place / "number").write_text("2\n")
    dotenv = place / ".env"
    dotenv.write_text(f"GATEWAY_PORT_FILE={place / 'number'}\n")
    assert Settings().port == 2
    dotenv.write_text(f"GATEWAY_PORT_FILE={place / 'number'}\nGATEWAY_PORT=3\nOTHER=x\n")
    assert Settings().port == 3
    (place / "other").write_text("4")
    monkeypatch.setenv("GATEWAY_PORT_FILE", str(place / "other"))
    assert Settings().port == 4
    monkeypatch.setenv("GATEWAY_PORT", "5")
    assert Settings().port == 5
    assert Settings(port=6).port == 6
    assert Settings().host == "toml"


def test_the_data_directory_may_stand_in_the_dotenv(place: Path, monkeypatch: pytest.MonkeyPatch):
    (place / "data" / "gateway.toml").write_text("port = 7\n")
    monkeypatch.delenv("GATEWAY_DATA_DIR")
    (place / ".env").write_text("GATEWAY_DATA_DIR=data\n")
    found = Settings()
    assert (found.data_dir, found.port) == (place / "data", 7)


def test_an_empty_variable_is_no_value(place: Path, monkeypatch: pytest.MonkeyPatch):
    """As `docker run -e GATEWAY_PORT` and compose files with `${UNSET}` give it."""
    monkeypatch.setenv("GATEWAY_PORT", "")
    monkeypatch.setenv("GATEWAY_DATA_DIR", "")
    monkeypatch.setenv("GATEWAY_SECRET_KEY_FILE", "")
    found = Settings()
    assert found.port == 8080
    assert found.data_dir != place


def test_arguments_of_the_browser_must_be_quoted_well(place: Path):
    assert Settings(browser_args="--a 'b c'").extra_browser_args == ("--a", "b c")
    with pytest.raises(ValueError, match="cannot be split"):
        Settings(browser_args="--a 'b")


def test_words_are_read_however_they_are_spelled(place: Path, monkeypatch: pytest.MonkeyPatch):
    (place / "data" / "gateway.toml").write_text("headless = true\nlog_level = 'INFO'\n")
    assert (Settings().headless.value, Settings().log_level) == ("true", "info")
    monkeypatch.setenv("GATEWAY_HEADLESS", "False")
    assert Settings().headless.value == "false"
    for name in ("log_level", "log_format", "headless"):
        with pytest.raises(ValueError, match=name):
            Settings(**{name: "loud"})
