"""The console's plain values: filters in addresses, a task's history as stretches of time, calls as code."""

from __future__ import annotations

import ast
import json
import shlex
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


def test_curl_says_exactly_what_was_asked():
    body = {"model": "m", "prompt": NASTY, "duration": 6}
    plain = code(snippets.video("http://h:1", body))["curl"].partition("\n#")[0]
    assert json.loads(shlex.split(plain.replace("\\\n", " "))[-1]) == body
    form = code(snippets.video("http://h:1", body, [Upload("image", "a b.png")]))["curl"].partition("\n# {")[0]
    words = shlex.split(form.replace("\\\n", " "))
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
