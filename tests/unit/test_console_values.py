"""The console's plain values: filters in addresses, a task's history as stretches of time, calls as code."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from gateway.console import snippets
from gateway.console.snippets import Upload
from gateway.console.task_filters import TaskFilters, read_filters
from gateway.console.timeline import stretches
from gateway.tasks.model import TaskEvent
from gateway.tasks.states import State

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
#: A prompt that means something to every language it is written in.
NASTY = 'it\'s `x` "y" $HOME ${z} \\n; @file <a>\n第二行 true'


def test_filters_come_back_from_their_address():
    filters = TaskFilters(q="a b&c", status="active", key="k", day="2026-11-03")
    address = filters.address("/console/tasks", after="xyz")
    assert address.startswith("/console/tasks?") and "profile" not in address

    assert read_filters(dict(parse_qsl(address.partition("?")[2]))) == TaskFilters(
        q="a b&c", status="active", key="k", day="2026-11-03", after="xyz"
    )
    where = filters.to_filter()
    assert where.states == {State.QUEUED, State.RUNNING} and where.since == datetime(2026, 11, 3, tzinfo=UTC)
    assert where.until == datetime(2026, 11, 4, tzinfo=UTC)


@pytest.mark.parametrize("params", [{"status": "odd"}, {"day": "2026-13-40"}, {"day": "soon"}, {"unknown": "x"}])
def test_what_is_no_filter_is_none(params):
    assert not read_filters(params).chosen


def event(seconds: float, type_: str, **data: object) -> TaskEvent:
    return TaskEvent("t", 1, AT + timedelta(seconds=seconds), type_, data)


def test_a_history_is_stretches_of_time():
    told = stretches(
        [
            event(0, "accepted"), event(2, "claimed", profile="work"), event(3, "stage", stage="submit"),
            event(4, "waiting", message="signed out"), event(64, "claimed", profile="home"),
            event(65, "stage", stage="generate", progress=1), event(70, "progress", progress=40),
            event(75, "stage", stage="generate"), event(95, "stage", stage="download"), event(100, "succeeded"),
        ],
        AT,
    )  # fmt: skip
    assert [(one.name, one.seconds) for one in told] == [
        ("queued", 2), ("starting", 1), ("submit", 1), ("between", 60), ("starting", 1), ("generate", 30), ("download", 5),
    ]  # fmt: skip
    assert told[3].reason == "signed out" and told[4].profile == "home"
    assert sum(one.width for one in told) == pytest.approx(1000, abs=0.1)


def test_what_goes_on_reaches_until_now():
    [waits] = stretches([event(0, "accepted")], AT + timedelta(seconds=9))
    assert (waits.name, waits.seconds, waits.goes_on) == ("queued", 9, True)


def code(samples: list[tuple[str, str]]) -> dict[str, str]:
    return dict(samples)


@pytest.fixture
def run(tmp_path):
    """Run a sample in a shell whose ``curl`` only writes down what it was called with; returns the calls and what was printed.

    The video is done at the second look."""
    (tmp_path / "curl").write_text(
        "#!/bin/sh\n"
        f"printf '%s\\0' \"$@\" >> {tmp_path}/asked; printf '\\n' >> {tmp_path}/asked\n"
        f'case "$*" in *v1/videos/r-1*) [ -e {tmp_path}/looked ] && echo \'{{"status":"done"}}\' && exit\n'
        f'  touch {tmp_path}/looked; echo \'{{"status":"pending"}}\' ;;\n'
        '*) echo \'{"request_id":"r-1"}\' ;; esac\n'
    )
    (tmp_path / "curl").chmod(0o755)

    def run(text):
        told = subprocess.run(
            ["sh", "-c", text.replace("sleep 2", "true")], capture_output=True, text=True, check=True, timeout=20,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )  # fmt: skip
        calls = (tmp_path / "asked").read_text().split("\0\n")[:-1]
        return [call.split("\0") for call in calls], told.stdout

    return run


def test_curl_says_exactly_what_was_asked_and_waits_for_it(run):
    body = {"model": "m", "prompt": NASTY, "duration": 6}
    calls, printed = run(code(snippets.video("http://h:1", body))["curl"])
    assert json.loads(calls[0][-1]) == body
    assert [call[1] for call in calls] == ["http://h:1/v1/videos/generations", *["http://h:1/v1/videos/r-1"] * 2]
    assert json.loads(printed.splitlines()[-1]) == {"status": "done"}


def test_curl_sends_pictures_as_files(run):
    body = {"model": "m", "prompt": NASTY}
    calls, _ = run(code(snippets.video("http://h:1", body, [Upload("image", "a b.png")]))["curl"])
    words = calls[0]
    assert f"prompt={NASTY}" in words and words[words.index(f"prompt={NASTY}") - 1] == "--form-string"
    assert "image=@a b.png" in words


@pytest.mark.parametrize(
    "samples",
    [
        snippets.video("http://h:1", {"model": "m", "prompt": NASTY, "duration": 6}),
        snippets.video("http://h:1", {"model": "m", "prompt": NASTY}, [Upload("reference_images", 'q"uote.png')]),
        snippets.chat(
            "http://h:1", {"model": "m", "messages": [{"role": "user", "content": NASTY}], "stream": True, "x": None}
        ),
        snippets.image("http://h:1", {"model": "m", "prompt": NASTY, "n": 2, "aspect_ratio": "1:1"}),
        snippets.image("http://h:1", {"model": "m", "prompt": NASTY, "n": 2}, [Upload("image", "a.png")]),
    ],
)
def test_python_samples_are_python_and_say_what_was_asked(samples):
    tree = ast.parse(code(samples)["Python"])
    assert NASTY in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
