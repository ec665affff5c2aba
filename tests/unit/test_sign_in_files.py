"""Sign-ins brought from elsewhere: every known format comes out as one storage state."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from browser.errors import SignInUnreadable
from browser.sign_in_files import parse_sign_in

NOW = 1_800_000_000.0

PLAYWRIGHT = {
    "name": "sso",
    "value": "v",
    "domain": ".site.test",
    "path": "/",
    "expires": -1,
    "httpOnly": True,
    "secure": True,
    "sameSite": "None",
}


def test_a_storage_state_comes_out_as_it_went_in():
    state = {
        "cookies": [PLAYWRIGHT, {**PLAYWRIGHT, "name": "lasting", "expires": NOW + 60, "sameSite": "Strict"}],
        "origins": [{"origin": "https://site.test", "localStorage": [{"name": "a", "value": "1"}], "indexedDB": []}],
    }
    assert parse_sign_in(json.dumps(state), now=NOW) == state


def test_a_browser_extensions_list_is_understood():
    exported = [
        {"name": "sso", "value": "v", "domain": ".site.test", "hostOnly": False, "path": "/", "secure": True,
         "httpOnly": True, "sameSite": "no_restriction", "session": True, "storeId": "0", "id": 1},
        {"name": "id", "value": "w", "domain": "site.test", "hostOnly": True, "path": "/a", "secure": False,
         "httpOnly": False, "sameSite": "unspecified", "session": False, "expirationDate": NOW + 12.5},
        {"name": "null", "value": "x", "domain": "www.site.test", "hostOnly": False, "path": "/", "sameSite": None,
         "session": False, "expirationDate": NOW + 1},
    ]  # fmt: skip
    cookies = parse_sign_in(json.dumps(exported), now=NOW)["cookies"]
    assert cookies[0] == PLAYWRIGHT
    assert cookies[1] == {
        "name": "id", "value": "w", "domain": "site.test", "path": "/a", "expires": NOW + 12.5,
        "httpOnly": False, "secure": False, "sameSite": "Lax",
    }  # fmt: skip
    assert cookies[2]["domain"] == ".www.site.test"


def test_netscapes_cookies_txt_is_understood():
    text = (
        "# Netscape HTTP Cookie File\n\n"
        f"#HttpOnly_.site.test\tTRUE\t/\tTRUE\t{int(NOW) + 60}\tsso\tv\n"
        "site.test\tFALSE\t/a\tFALSE\t0\tsession\tw=x\r\n"
        "site.test\tFALSE\t/\tFALSE\t0\tempty\n"
    )
    assert parse_sign_in(text, now=NOW) == {
        "cookies": [
            {"name": "sso", "value": "v", "domain": ".site.test", "path": "/", "expires": NOW + 60,
             "httpOnly": True, "secure": True, "sameSite": "Lax"},
            {"name": "session", "value": "w=x", "domain": "site.test", "path": "/a", "expires": -1,
             "httpOnly": False, "secure": False, "sameSite": "Lax"},
            {"name": "empty", "value": "", "domain": "site.test", "path": "/", "expires": -1,
             "httpOnly": False, "secure": False, "sameSite": "Lax"},
        ],
        "origins": [],
    }  # fmt: skip


def test_expired_cookies_are_left_out_and_milliseconds_understood():
    cookies = [
        {"name": "over", "value": "1", "domain": "site.test", "expirationDate": NOW - 1},
        {"name": "good", "value": "1", "domain": "site.test", "expirationDate": (NOW + 5) * 1000},
    ]
    assert [(c["name"], c["expires"]) for c in parse_sign_in(json.dumps(cookies), now=NOW)["cookies"]] == [
        ("good", NOW + 5)
    ]


@pytest.mark.parametrize(
    ("field", "written", "read"),
    [
        ("expires", "Mon, 12 Jul 2027 09:00:00 GMT", 1_815_382_800),
        ("expires", "2027-07-12T09:00:00.000Z", 1_815_382_800),
        ("expirationDate", "1815382800", 1_815_382_800),
        ("expiry", 1_815_382_800, 1_815_382_800),
        ("expires", "Session", -1),
    ],
)
def test_an_expiry_is_read_however_it_is_written(field: str, written: object, read: float):
    cookie = {"name": "sso", "value": "v", "domain": "site.test", field: written}
    assert parse_sign_in(json.dumps([cookie]), now=NOW)["cookies"][0]["expires"] == read


def test_a_cookie_with_an_address_belongs_to_its_host():
    cookie = {"name": "sso", "value": "v", "url": "https://site.test/imagine"}
    assert parse_sign_in(json.dumps([cookie]), now=NOW)["cookies"][0]["domain"] == "site.test"


def test_none_without_secure_is_relaxed_since_the_browser_would_refuse_all_cookies_with_it():
    cookie = {**PLAYWRIGHT, "secure": False}
    assert parse_sign_in(json.dumps([cookie]), now=NOW)["cookies"][0]["sameSite"] == "Lax"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("{nonsense", "looks like JSON but is not"),
        ('{"name": "sso"}', 'no list "cookies"'),
        ('[{"value": "secret"}]', "cookie 1 has no name"),
        ('[{"name": "sso", "value": "secret"}]', r"cookie 1 \(sso\) has no domain"),
        (
            '[{"name": "sso", "domain": "a", "value": "secret", "expires": "soon"}]',
            "an expiry that is neither a number nor a date",
        ),
        ('[{"name": "sso", "domain": "a", "value": "secret", "expires": 5}]', "no cookie that is still valid"),
        ('{"cookies": [], "origins": [{"origin": "https://a", "localStorage": {}}]}', "the local storage of https://a"),
        ('{"cookies": [], "origins": {}}', '"origins" of the storage state is not a list'),
        ("<html>secret</html>", "line 1 has 1 fields, not 7"),
        ("# Netscape\nsite.test\tsecret", "line 2 has 2 fields, not 7"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_without_a_value(text: str, said: str):
    with pytest.raises(SignInUnreadable, match=said) as caught:
        parse_sign_in(text, now=NOW)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=";,"), max_size=12)
NAMES = st.text(st.sampled_from("abcXYZ019-_."), min_size=1, max_size=12).filter(lambda name: name[0] not in "-_.")
COOKIES = st.builds(
    lambda name, value, host, dot, path, expires, http_only, secure, same_site: {
        "name": name,
        "value": value,
        "domain": ("." if dot else "") + host + ".test",
        "path": "/" + path,
        "expires": expires,
        "httpOnly": http_only,
        "secure": secure,
        "sameSite": same_site if secure or same_site != "None" else "Lax",
    },
    NAMES,
    TEXT,
    st.text(st.sampled_from("abc"), min_size=1, max_size=5),
    st.booleans(),
    st.text(st.sampled_from("abc/"), max_size=5),
    st.just(-1.0) | st.integers(int(NOW) + 1, int(NOW) + 10**8).map(float),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["Lax", "None", "Strict"]),
)


@given(st.lists(COOKIES, min_size=1, max_size=5))
def test_playwrights_own_form_round_trips(cookies):
    assert parse_sign_in(json.dumps({"cookies": cookies}), now=NOW)["cookies"] == cookies


@given(st.lists(COOKIES, min_size=1, max_size=5))
def test_cookies_txt_round_trips_all_that_the_format_can_carry(cookies):
    lines = [
        "\t".join([
            ("#HttpOnly_" if c["httpOnly"] else "") + c["domain"],
            "TRUE" if c["domain"].startswith(".") else "FALSE",
            c["path"],
            "TRUE" if c["secure"] else "FALSE",
            "0" if c["expires"] == -1 else str(int(c["expires"])),
            c["name"],
            c["value"],
        ])
        for c in cookies
    ]  # fmt: skip
    expected = [{**c, "sameSite": "Lax"} for c in cookies]
    assert parse_sign_in("\n".join(lines), now=NOW)["cookies"] == expected


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_it_stumble(text):
    try:
        state = parse_sign_in(text, now=NOW)
    except SignInUnreadable:
        return
    assert state["cookies"] or state["origins"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["cookies", "origins", "name", "value", "domain", "expires", "expirationDate", "origin", "localStorage", "path"]
    ), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(JSON_VALUES)
def test_no_json_makes_it_stumble(value):
    with suppress(SignInUnreadable):
        parse_sign_in(json.dumps(value), now=NOW)
