from datetime import UTC, datetime

import pytest

from gateway.media.ranges import Part, Unchanged, Unsatisfiable, decide

AT = datetime(2026, 2, 6, 12, 0, 0, 500, tzinfo=UTC)
SAME = "Fri, 06 Feb 2026 12:00:00 GMT"
OLDER = "Fri, 06 Feb 2026 11:59:59 GMT"
WHOLE = Part(200, 0, 99)


def ask(size=100, **headers):
    return decide({k.replace("_", "-"): v for k, v in headers.items()}, size_bytes=size, etag='"e"', modified_at=AT)


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("bytes=0-9", Part(206, 0, 9)),
        ("bytes=10-", Part(206, 10, 99)),
        ("bytes=90-500", Part(206, 90, 99)),
        ("bytes=99-99", Part(206, 99, 99)),
        ("bytes=-10", Part(206, 90, 99)),
        ("bytes=-500", Part(206, 0, 99)),
        ("BYTES = 0-9", Part(206, 0, 9)),
        ("bytes=100-", Unsatisfiable()),
        ("bytes=500-600", Unsatisfiable()),
        ("bytes=-0", Unsatisfiable()),
        ("bytes=0-9,20-29", WHOLE),
        ("bytes=9-0", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=a-b", WHOLE),
        ("items=0-9", WHOLE),
        ("", WHOLE),
    ],
)
def test_ranges(asked, answer):
    assert ask(range=asked) == answer


def test_without_a_range_all_of_it():
    assert ask() == WHOLE
    assert WHOLE.length == 100


def test_an_empty_file_has_no_range():
    assert ask(size=0, range="bytes=0-") == Unsatisfiable()
    assert ask(size=0, range="bytes=-5") == Unsatisfiable()
    assert ask(size=0).length == 0


@pytest.mark.parametrize("known", ['"e"', 'W/"e"', '"x", "e"', "*"])
def test_who_has_it_already_is_told_so(known):
    assert ask(if_none_match=known) == Unchanged()
    assert ask(if_none_match=known, range="bytes=0-1") == Unchanged()


def test_another_version_is_sent():
    assert ask(if_none_match='"x"') == WHOLE
    assert ask(if_none_match='"x"', if_modified_since=SAME) == WHOLE, "the tag decides, not the date"


def test_dates_count_in_seconds():
    assert ask(if_modified_since=SAME) == Unchanged()
    assert ask(if_modified_since=OLDER) == WHOLE
    assert ask(if_modified_since="yesterday") == WHOLE


@pytest.mark.parametrize(
    ("condition", "counts"),
    [('"e"', True), ('"x"', False), ('W/"e"', False), (SAME, True), (OLDER, False), ("junk", False)],
)
def test_a_range_of_another_version_is_not_mixed_in(condition, counts):
    assert ask(range="bytes=0-9", if_range=condition) == (Part(206, 0, 9) if counts else WHOLE)
