"""Any framing, split anywhere, gives the same objects."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.framing import ObjectSplitter

FRAMINGS = {
    "ndjson": lambda objects: "".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects),
    "crlf": lambda objects: "".join(json.dumps(o) + "\r\n" for o in objects),
    "adjacent": lambda objects: "".join(json.dumps(o, ensure_ascii=False) for o in objects),
    "pretty": lambda objects: "\n".join(json.dumps(o, indent=2, ensure_ascii=False) for o in objects),
    "sse": lambda objects: "".join(f"data: {json.dumps(o)}\n\n" for o in objects) + "data: [DONE]\n\n",
    "sse tight": lambda objects: "".join(f"data:{json.dumps(o)}\r\n\r\n" for o in objects),
    "sse events": lambda objects: (
        ": open {\n\n"
        + "".join(f"event: message{{\nid: 7\nretry: 5\ndata: {json.dumps(o)}\n\n: beat }}\n" for o in objects)
    ),
    "sse lines": lambda objects: "".join(
        "".join(f"data: {line}\n" for line in json.dumps(o, indent=1).splitlines()) + "\n" for o in objects
    ),
    "array": lambda objects: json.dumps(objects, ensure_ascii=False),
    "bom": lambda objects: "\ufeff" + "".join(f"data: {json.dumps(o)}\n\n" for o in objects),
}

awkward = st.sampled_from(['"', "\\", "{", "}", "data: ", "\n", "[DONE]", "é", "😀", "\\u007b", ":", "<html>"])
words = st.lists(st.one_of(awkward, st.text(max_size=5)), max_size=6).map("".join)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)
objects = st.lists(st.dictionaries(words, values, max_size=4), max_size=5)


def split(text: str, cuts: list[int]) -> list[str]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


def feed_all(pieces: list[str]) -> list[Any]:
    splitter = ObjectSplitter()
    found = [value for piece in pieces for value in splitter.feed(piece)]
    assert not splitter.unfinished
    return found


@pytest.mark.parametrize("framing", FRAMINGS)
@settings(max_examples=25)
@given(given_objects=objects, cuts=st.lists(st.integers(0, 10_000), max_size=12))
def test_any_framing_and_split_gives_the_same_objects(
    framing: str, given_objects: list[dict[str, Any]], cuts: list[int]
) -> None:
    text = FRAMINGS[framing](given_objects)
    assert feed_all(split(text, cuts)) == given_objects


def test_character_by_character() -> None:
    text = FRAMINGS["adjacent"]([{"a": '}{"\\'}, {"b": {"c": [1, {"d": "{"}]}}])
    assert len(feed_all(list(text))) == 2


def test_an_object_cut_off_is_unfinished() -> None:
    splitter = ObjectSplitter()
    assert splitter.feed('{"a":1}{"b":') == [{"a": 1}]
    assert splitter.unfinished


def test_an_endless_object_is_drift() -> None:
    splitter = ObjectSplitter(limit_chars=1000)
    with pytest.raises(UpstreamDrifted) as caught:
        for _ in range(100):
            splitter.feed('{"a":"' + "x" * 100)
    assert caught.value.field == "frame"


def test_text_between_objects_is_skipped_and_bounded() -> None:
    splitter = ObjectSplitter(limit_chars=1000)
    assert splitter.feed("garbage " * 10_000 + '{"a":1}' + "more]]" + '{"b":2}') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("body", ["<!doctype html><style>a{b:c}</style>", "{not json}"])
def test_what_is_no_frame_is_drift(body: str) -> None:
    with pytest.raises(UpstreamDrifted):
        ObjectSplitter().feed(body)
