"""Sealed bundles: what goes in comes out, and nothing else opens them."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.profiles import bundle as bundles
from gateway.profiles.bundle import MAGIC, Bundle, seal, unseal
from gateway.profiles.errors import BundleUnreadable, WeakPassphrase

PASSPHRASE = "correct horse battery"
STATE = {
    "cookies": [
        {"name": "sso", "value": "s3cret-cookie", "domain": ".grok.com", "path": "/", "expires": -1},
        {"name": "x-userid", "value": "u1", "domain": ".grok.com", "path": "/", "expires": 2_000_000_000.5},
    ],
    "origins": [
        {
            "origin": "https://grok.com",
            "localStorage": [{"name": "theme", "value": "dark é 🙂"}],
            "indexedDB": [{"name": "drafts", "version": 3, "stores": []}],
        }
    ],
}
BUNDLE = Bundle(
    profile="work",
    state=STATE,
    taken_at=datetime(2026, 11, 21, 4, 5, tzinfo=UTC),
    account={"id": "u1", "name": "t…@example.com", "tier": "SuperGrok"},
    proxy="http://me:s3cret@proxy.example:3128",
    protocol="g2",
    egress={"proxy": "http://proxy.example:3128"},
)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same key making at less cost; the file says which."""
    monkeypatch.setattr(bundles, "MEMORY_KIB", 64)
    monkeypatch.setattr(bundles, "PASSES", 1)


def test_everything_comes_out_as_it_went_in():
    assert unseal(seal(BUNDLE, PASSPHRASE), PASSPHRASE) == BUNDLE


def test_the_defaults_cost_a_guesser_something(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    sealed = seal(BUNDLE, PASSPHRASE)
    assert header_of(sealed)["kdf"]["memory_kib"] >= 64 * 1024
    assert unseal(sealed, PASSPHRASE) == BUNDLE


def test_nothing_of_it_can_be_read_in_the_file():
    sealed = seal(BUNDLE, PASSPHRASE)
    for secret in (b"s3cret", b"sso", b"grok.com", b"example.com", b'u1"'):
        assert secret not in sealed
    assert "s3cret" not in repr(BUNDLE)


def test_two_bundles_of_the_same_are_different_files():
    assert seal(BUNDLE, PASSPHRASE) != seal(BUNDLE, PASSPHRASE)


def test_a_short_passphrase_is_refused():
    with pytest.raises(WeakPassphrase, match="shorter than 10"):
        seal(BUNDLE, "secret")


def header_of(sealed: bytes) -> dict[str, object]:
    start = len(MAGIC) + 4
    (length,) = struct.unpack(">I", sealed[len(MAGIC) : start])
    return dict(json.loads(sealed[start : start + length]))


def with_header(sealed: bytes, **changes: object) -> bytes:
    start = len(MAGIC) + 4
    (length,) = struct.unpack(">I", sealed[len(MAGIC) : start])
    header = json.dumps(header_of(sealed) | changes).encode()
    return MAGIC + struct.pack(">I", len(header)) + header + sealed[start + length :]


def refused(raw: bytes, passphrase: str = PASSPHRASE) -> BundleUnreadable:
    with pytest.raises(BundleUnreadable) as caught:
        unseal(raw, passphrase)
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_a_wrong_passphrase_is_told_from_a_damaged_file():
    sealed = seal(BUNDLE, PASSPHRASE)
    wrong = refused(sealed, "correct horse batterz")
    assert (wrong.code, str(wrong)) == ("wrong_passphrase", "the passphrase is wrong")
    damaged = refused(sealed[:-9] + b"x" + sealed[-8:])
    assert damaged.code == "bad_bundle"
    assert "damaged" in str(damaged)


@pytest.mark.parametrize("foreign", [b"", b"{}", b'[{"name": "sso"}]', b"age-encryption.org/v1\n", b"\x00" * 50])
def test_a_foreign_file_is_called_so(foreign: bytes):
    error = refused(foreign)
    assert error.code == "no_bundle"
    assert "--storage-state" in str(error)


def test_a_header_that_was_changed_does_not_open():
    sealed = seal(BUNDLE, PASSPHRASE)
    assert "damaged" in str(refused(with_header(sealed, note="changed")))
    assert "newer version" in str(refused(with_header(sealed, version=2)))
    costly = {**header_of(sealed)["kdf"], "memory_kib": 64 * 1024 * 1024}  # type: ignore[dict-item]
    assert "more work" in str(refused(with_header(sealed, kdf=costly)))
    assert "appended" in str(refused(sealed + b"x"))


@settings(max_examples=60)
@given(st.data())
def test_no_cut_and_no_flipped_bit_opens_it(data: st.DataObject):
    sealed = seal(BUNDLE, PASSPHRASE)
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(1, len(sealed) - 1))
        assert "cut short" in str(refused(sealed[:cut]))
    else:
        at, bit = data.draw(st.integers(0, len(sealed) - 1)), data.draw(st.integers(0, 7))
        changed = bytearray(sealed)
        changed[at] ^= 1 << bit
        refused(bytes(changed))
