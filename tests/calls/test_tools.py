"""Tools by words: what the model is told, and what is taken for a call."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.tools import BEGIN, END, Offer, Tool, ToolCall, ToolReader, instructions, read_all, written

OFFER = Offer((Tool("weather", "Tells it.", {"type": "object"}), Tool("time")))
CALL = f'{BEGIN}\n{{"name": "weather", "arguments": {{"city": "Oslo"}}}}\n{END}'
READ = ToolCall("weather", '{"city": "Oslo"}')


@pytest.mark.parametrize(
    ("said", "text", "calls"),
    [
        (CALL, "", [READ]),
        (f"  {CALL}\n\n", "", [READ]),
        (f"I look it up.\n\n{CALL}\n", "I look it up.", [READ]),
        (f"{CALL}\n{CALL}", "", [READ, READ]),
        (f"{CALL}{CALL}", "", [READ, READ]),
        (f"{CALL}\nDone.", "Done.", [READ]),
        (f'{BEGIN}{{"name": "time"}}{END}', "", [ToolCall("time", "{}")]),
        ("no call at all \n", "no call at all \n", []),
        ("a < b\n<tool", "a < b\n<tool", []),
        (f"as in `{CALL}`", f"as in `{CALL}`", []),
        (f"{BEGIN} never closed", f"{BEGIN} never closed", []),
    ],
)  # fmt: skip
def test_what_is_a_call(said, text, calls):
    assert read_all(said, OFFER) == (text, calls)


@pytest.mark.parametrize(
    "inside",
    [
        "weather", "{}", "[]", '{"name": "weather"', '{"name": "unknown", "arguments": {}}', '{"name": "weather", "arguments": []}',
        '{"name": "weather", "arguments": "{}"}', '{"name": "weather", "arguments": {}, "more": 1}', '{"name": 5}',
        '{"name": "weather"} {"name": "time"}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_call_is_text(inside):
    said = f"{BEGIN}{inside}{END}"
    assert read_all(said, OFFER) == (said, [])


def test_one_call_where_one_is_wanted():
    assert read_all(f"{CALL}\n{CALL}", Offer(OFFER.tools, several=False)) == ("", [READ])


def test_repeating_what_the_model_is_told_is_no_call():
    told = instructions(OFFER)
    assert read_all(told, OFFER) == (told, [])
    assert json.loads(told.splitlines()[-2]) == {
        "name": "weather",
        "description": "Tells it.",
        "parameters": {"type": "object"},
    }
    assert "must call" in instructions(Offer(OFFER.tools, must=True))
    assert "tool weather" in instructions(Offer(OFFER.tools, must=True, only="weather"))


def test_earlier_calls_are_shown_in_the_form_they_are_asked_for():
    assert read_all(written("weather", '{"city": "Oslo"}'), OFFER) == ("", [READ])


pieces = st.lists(
    st.sampled_from(
        [
            "",
            " ",
            "\n",
            "a",
            "Look:\n",
            BEGIN,
            END,
            CALL,
            f'{BEGIN}{{"name": "time"}}',
            "<tool",
            "_call>",
            "{",
            "</tool",
        ]
    ),
    max_size=8,
)


@given(pieces, st.lists(st.integers(0, 200), max_size=12))
def test_however_it_is_cut_the_same_comes_of_it(parts, cuts):
    whole = "".join(parts)
    reader, shown, at = ToolReader(OFFER), "", 0
    for cut in sorted({min(cut, len(whole)) for cut in cuts}):
        shown += reader.feed(whole[at:cut])
        at = cut
    shown += reader.feed(whole[at:])
    shown += reader.finish()
    text, calls = read_all(whole, OFFER)
    assert reader.calls == calls
    assert shown == text
