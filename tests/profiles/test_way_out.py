"""Which way a profile goes out, and the warning when it is not the one it signed in through."""

import pytest

from gateway.profiles.way_out import address_in, signed_in_now, warning_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7\n", "203.0.113.7"),
        ('{"ip": "2001:DB8::1", "country": "NL"}', "2001:db8::1"),
        ("Your address is 198.51.100.20.", "198.51.100.20"),
        ("12:30 no address here", None),
        ("", None),
    ],
)
def test_an_address_is_found_in_whatever_page(text, address):
    assert address_in(text) == address


def test_nothing_is_warned_of_before_a_sign_in_or_while_nothing_changed():
    assert warning_of({}, None) is None
    signed_in = signed_in_now("http://proxy:1")
    assert warning_of({"signed_in": signed_in, "seen": {"address": "203.0.113.7"}}, "http://proxy:1") is None


def test_another_proxy_and_another_address_are_told_apart():
    signed_in = {**signed_in_now(None), "address": "203.0.113.7"}
    proxied = warning_of({"signed_in": signed_in}, "http://proxy:1")
    assert proxied is not None and proxied.code == "proxy_changed" and "http://proxy:1" in proxied.message
    moved = warning_of({"signed_in": signed_in, "seen": {"address": "198.51.100.20"}}, None)
    assert moved is not None and moved.code == "address_changed"
    assert "203.0.113.7" in moved.message and "198.51.100.20" in moved.message
