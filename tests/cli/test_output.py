"""What commands say: readable for people, one JSON value for programs."""

from __future__ import annotations

import asyncio
import errno
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.failures import explain
from gateway.cli.output import ago, did_you_mean, table
from tests.cli.command import COMMAND, Commands, Here

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "now"), (5, "5 s ago"), (61, "1 min ago"), (7300, "2 h ago"), (90000, "1 d ago"), (-130, "in 2 min")],
)
def test_times_are_told_as_people_do(seconds: int, said: str):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_what_never_was_is_said_so():
    assert ago(None) == "never"


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = table(["NAME", "NOTE"], [["work", "x" * 200], ["a-longer-name", "short"]]).splitlines()
    assert [len(line) <= columns for line in shown] == [True] * 3
    assert shown[1].endswith("…")
    assert [line.index(word) for line, word in zip(shown, ("NOTE", "xxx", "short"), strict=True)] == [15] * 3


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("wrok", ["work", "play"], "did you mean work?"),
        ("zzz", ["work", "play"], "there are: play, work"),
        ("zzz", [], ""),
    ],
)
def test_near_words(word: str, known: list[str], hint: str):
    assert did_you_mean(word, known) == hint


def test_every_command_answers_with_one_json_value(here: Here, cookies: Path):
    """`told` fails on anything else on standard output; standard error stays empty, too."""
    for command in (
        ["version"],
        ["profile", "add", "work"],
        ["profile", "import", "work", "--storage-state", str(cookies)],
        ["profile", "list"],
        ["profile", "show", "work"],
        ["profile", "proxy", "work", "http://proxy.example:3128"],
        ["profile", "disable", "work"],
        ["profile", "enable", "work"],
        ["profile", "remove", "work", "--yes"],
        ["key", "create", "laptop"],
        ["key", "list"],
        ["key", "revoke", "laptop"],
    ):
        ran = here.ok(*command, "--json")
        assert isinstance(ran.json, dict | list), command
        assert ran.err == "", command


async def test_a_reader_that_has_seen_enough_is_no_fault(gateway: Commands):
    await gateway.ok("profile", "add", "work")
    process = await asyncio.create_subprocess_shell(
        f"'{COMMAND}' profile show work | true", env=gateway.environment, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_a_read_only_file_system_is_told_with_the_way_out():
    told = explain(OSError(errno.EROFS, "Read-only file system", "/data/.secret.key"))
    assert told.code == "permission_denied"
    assert told.message == "/data/.secret.key is on a read-only file system: choose another --data-dir"
