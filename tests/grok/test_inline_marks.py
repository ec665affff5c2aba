from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.grok.chat.inline import InlineMarks, Mark, without_marks

CITE = '<grok:render card_id="c1" card_type="citation_card" type="render_inline_citation">'
FULL = f'{CITE}<argument name="citation_id">1 < 2</argument></grok:render>'
SELF = '<grok:render card_id="c2" type="render_file" />'
TOOL = "<xai:tool_usage_card><xai:tool_name>web</xai:tool_name></xai:tool_usage_card>"


def run(pieces: list[str]) -> list[str | Mark]:
    marks = InlineMarks()
    found = [part for piece in pieces for part in marks.feed(piece)]
    return found + marks.flush()


def text(parts: list[str | Mark]) -> str:
    return "".join(part for part in parts if isinstance(part, str))


@pytest.mark.parametrize(
    ("given", "left", "cards"),
    [
        (f"a{CITE}b", "ab", ["c1"]),
        (f"a {CITE} b", "a  b", ["c1"]),
        (f"a{FULL}b", "ab", ["c1"]),
        (f"a{SELF}b", "ab", ["c2"]),
        (f"a{CITE}\n</grok:render>b", "ab", ["c1"]),
        (f"a{FULL}{FULL}{SELF}", "a", ["c1", "c1", "c2"]),
        (f"a{TOOL}b", "ab", []),
        (f"a{CITE}", "a", ["c1"]),
        ('a<grok:render card_id="x>y" type="t">b', "ab", ["x>y"]),
        ('a<grok:render card_id="c', "a", []),
        ("1 < 2 and <b>bold</b> <grok", "1 < 2 and <b>bold</b> <grok", []),
        ("<grok:renderer>x", "<grok:renderer>x", []),
        ("a</grok:render>b", "ab", []),
        ("<", "<", []),
    ],
)
def test_marks_go_and_text_stays(given, left, cards):
    for pieces in ([given], list(given)):
        found = run(pieces)
        assert text(found) == left
        assert [part.card_id for part in found if isinstance(part, Mark)] == cards
    assert without_marks(given) == left


def test_text_is_not_held_back_without_need():
    assert InlineMarks().feed("hello <b>x</b>") == ["hello <b>x</b>"]
    marks = InlineMarks()
    assert marks.feed("a <gr") == ["a "]
    assert text(marks.feed("ey> b")) == "<grey> b"


PARTS = st.sampled_from([CITE, FULL, SELF, TOOL, "a", " b\n", "<", "<<", "</", "<grok", "<g", "é𝄞", ">", '"'])


@given(st.lists(PARTS, max_size=12), st.data())
def test_where_the_pieces_are_cut_makes_no_difference(parts, data):
    given = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(given)), max_size=8)))
    pieces = [given[start:end] for start, end in zip([0, *cuts], [*cuts, len(given)], strict=True)]
    once, cut = run([given]), run(pieces)
    assert text(cut) == text(once)
    assert [part for part in cut if isinstance(part, Mark)] == [part for part in once if isinstance(part, Mark)]


@given(st.text(alphabet="ab <>/:grokend\n"))
def test_text_without_marks_is_left_alone(given):
    if not any(name in given for name in ("<grok:render", "</grok:render>", "<xai:")):
        assert without_marks(given) == given
