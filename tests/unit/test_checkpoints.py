"""Sealed copies of a profile's cookies and storage."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser.checkpoint import KEEP, CheckpointStore
from browser.errors import CheckpointUnreadable
from browser.restore import lost_cookies, only_domains

KEY = b"0123456789abcdef0123456789abcdef"
STATE = {"cookies": [{"name": "sso", "value": "very secret", "domain": "site.test", "path": "/"}], "origins": []}


def store(folder: Path, *, profile: str = "work", key: bytes = KEY) -> CheckpointStore:
    return CheckpointStore(folder / "checkpoints", profile=profile, key=key)


def test_what_was_saved_is_read_again_and_lies_sealed_on_disk(tmp_path: Path):
    saved = store(tmp_path).save(STATE)
    assert store(tmp_path).latest() == STATE
    assert b"secret" not in saved.path.read_bytes()
    assert saved.path.stat().st_mode & 0o777 == 0o600
    assert saved.path.parent.stat().st_mode & 0o777 == 0o700
    assert 0 <= saved.age_s < 5


def test_nothing_saved_is_nothing(tmp_path: Path):
    assert store(tmp_path).latest() is None
    assert store(tmp_path).list() == []


def test_the_newest_generations_are_kept(tmp_path: Path):
    kept = store(tmp_path)
    for number in range(KEEP + 3):
        kept.save({**STATE, "number": number})
    assert [kept.read(checkpoint)["number"] for checkpoint in kept.list()] == [7, 6, 5, 4, 3]
    assert [checkpoint.generation for checkpoint in kept.list()] == [8, 7, 6, 5, 4]


def test_an_unchanged_state_only_renews_the_copys_time(tmp_path: Path):
    kept = store(tmp_path)
    first = kept.save(STATE)
    os.utime(first.path, (time.time() - 500, time.time() - 500))
    assert kept.list()[0].age_s > 400
    again = kept.save(dict(reversed(STATE.items())))
    assert again.generation == first.generation
    assert again.age_s < 5


@pytest.mark.parametrize(
    ("opened_as", "said"),
    [
        ({"key": b"another key of thirty-two bytes.."}, "another secret key: give the key that made it"),
        ({"profile": "other"}, "belongs to another profile"),
    ],
)
def test_another_key_or_profile_does_not_open_a_copy(tmp_path: Path, opened_as: dict, said: str):
    store(tmp_path).save(STATE)
    with pytest.raises(CheckpointUnreadable, match=said):
        store(tmp_path, **opened_as).latest()


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_anywhere_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int):
    kept = store(tmp_path_factory.mktemp("bit"))
    saved = kept.save(STATE)
    sealed = bytearray(saved.path.read_bytes())
    sealed[place % len(sealed)] ^= 1 << bit
    saved.path.write_bytes(sealed)
    with pytest.raises(CheckpointUnreadable):
        kept.latest()


@given(st.binary(max_size=60))
def test_a_file_of_anything_is_an_error_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes):
    kept = store(tmp_path_factory.mktemp("any"))
    kept.save(STATE).path.write_bytes(content)
    with pytest.raises(CheckpointUnreadable):
        kept.latest()


def test_a_half_written_copy_is_not_taken_for_one(tmp_path: Path):
    kept = store(tmp_path)
    kept.save(STATE)
    (tmp_path / "checkpoints" / "00000002.part").write_bytes(b"half")
    assert [checkpoint.generation for checkpoint in kept.list()] == [1]
    assert kept.save({**STATE, "more": 1}).generation == 2


def test_an_import_waits_until_it_was_applied_and_survives_ordinary_copies(tmp_path: Path):
    kept = store(tmp_path)
    kept.save(STATE)
    kept.import_state({"cookies": [], "origins": ["first"]})
    second = kept.import_state({"cookies": [], "origins": ["second"]})
    for number in range(KEEP + 2):
        kept.save({**STATE, "number": number})
    pending = kept.pending_import()
    assert pending == second
    assert kept.read(pending)["origins"] == ["second"]
    assert kept.latest()["number"] == KEEP + 1  # not the import
    kept.adopt(pending)
    assert kept.pending_import() is None


def test_a_key_that_is_too_short_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        store(tmp_path, key=b"short")


def cookie(name: str, *, expires: float = -1, value: str = "v", domain: str = "site.test") -> dict:
    return {"name": name, "value": value, "domain": domain, "path": "/", "expires": expires}


def test_what_the_profile_lost_is_added_and_what_it_has_stays():
    now = 1000.0
    saved = [
        cookie("session lost"),
        cookie("session kept", value="old"),
        cookie("lasting lost", expires=2000),
        cookie("lasting renewed since", expires=2000),
        cookie("lasting rolled back", expires=3000),
        cookie("over", expires=999),
        cookie("elsewhere", domain="other.test"),
    ]
    current = [
        cookie("session kept", value="new"),
        cookie("lasting renewed since", expires=2500),
        cookie("lasting rolled back", expires=2000),
        cookie("elsewhere"),
    ]
    names = [lost["name"] for lost in lost_cookies(current, saved, now=now)]
    assert names == ["session lost", "lasting lost", "lasting rolled back", "elsewhere"]


def test_only_the_sites_own_domains_go_into_a_copy():
    state = {
        "cookies": [
            cookie("a", domain=".site.test"),
            cookie("b", domain="www.site.test"),
            cookie("c", domain="xsite.test"),
        ],
        "origins": [{"origin": "https://www.site.test:8443"}, {"origin": "https://ads.test"}],
    }
    kept = only_domains(state, ["site.test"])
    assert [c["name"] for c in kept["cookies"]] == ["a", "b"]
    assert [entry["origin"] for entry in kept["origins"]] == ["https://www.site.test:8443"]
    assert only_domains(state, []) == state
