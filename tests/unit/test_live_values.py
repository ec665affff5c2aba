"""The live view's small values: addresses, outboxes, keys, and its protocol."""

from __future__ import annotations

import asyncio
import json

import pytest

from browser.live.addresses import Addresses, AddressRefused
from browser.live.gestures import Commit, Compose, Copy, Key, Move, Paste, Press, Release, Text, Wheel
from browser.live.keys import playable
from browser.live.outbox import Frame, Outbox
from gateway.console.live.codec import HEADER, MalformedMessage, picture, read

OUT_THERE = Addresses(["https://grok.com/"], allow_private=False, behind_proxy=True)


@pytest.mark.parametrize(
    ("typed", "opened"),
    [
        ("grok.com", "https://grok.com/"),
        ("  https://x.ai/a?b=c#d ", "https://x.ai/a?b=c#d"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("example.com:8443", "https://example.com:8443/"),
        ("1.1.1.1", "https://1.1.1.1/"),
        ("[2606:4700:4700::1111]", "https://[2606:4700:4700::1111]/"),
    ],
)
async def test_web_pages_are_opened(typed: str, opened: str):
    assert await OUT_THERE.checked(typed) == opened


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("file:///etc/passwd", "scheme"), ("chrome://settings", "scheme"), ("javascript:alert(1)", "scheme"),
        ("view-source:https://x.ai", "scheme"), ("data:text/html,x", "scheme"),
        ("", "malformed"), ("two words", "malformed"), ("https://", "malformed"), ("https://bank.com@evil.com", "malformed"),
        ("https://x.ai:99999999", "malformed"),
        ("localhost", "private"), ("router", "private"), ("printer.local", "private"), ("a.internal", "private"),
        ("localhost.", "private"), ("127.0.0.1", "private"), ("127.1", "private"), ("2130706433", "private"),
        ("0x7f000001", "private"), ("0177.0.0.1", "private"), ("10.0.0.1", "private"), ("192.168.1.1", "private"),
        ("169.254.169.254", "private"), ("100.64.0.1", "private"), ("[::1]", "private"), ("[fd00::1]", "private"),
        ("[::ffff:127.0.0.1]", "private"), ("0.0.0.0", "private"),
    ],
)  # fmt: skip
async def test_everything_else_is_refused_with_its_reason(typed: str, code: str):
    with pytest.raises(AddressRefused) as refused:
        await OUT_THERE.checked(typed)
    assert refused.value.code == code


async def test_the_sites_own_origin_and_an_operators_choice_go_first():
    here = Addresses(["http://127.0.0.1:5/"], allow_private=False, behind_proxy=False)
    assert await here.checked("http://127.0.0.1:5/page") == "http://127.0.0.1:5/page"
    with pytest.raises(AddressRefused):
        await here.checked("http://127.0.0.1:6/page")
    anywhere = Addresses([], allow_private=True, behind_proxy=False)
    assert await anywhere.checked("http://10.0.0.1/") == "http://10.0.0.1/"


async def test_an_outbox_keeps_the_latest_of_everything():
    taken = 0

    def took() -> None:
        nonlocal taken
        taken += 1

    outbox = Outbox(taken=took)
    for number in range(1000):
        outbox.show(Frame(1, 10, 10, number, b"x"))
        outbox.say({"type": "tabs", "n": number})
        outbox.say({"type": "status", "n": number})
    assert await outbox.take() == {"type": "tabs", "n": 999}
    assert await outbox.take() == {"type": "status", "n": 999}
    frame = await outbox.take()
    assert isinstance(frame, Frame)
    assert (frame.at_ms, taken, outbox.full) == (999, 1, False)
    waiting = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.close()
    assert await waiting is None


async def test_an_outbox_gives_pictures_no_faster_than_is_wanted():
    outbox = Outbox()
    outbox.gap_s = 0.1
    outbox.show(Frame(1, 10, 10, 1, b"x"))
    begun = asyncio.get_running_loop().time()
    assert isinstance(await outbox.take(), Frame)
    outbox.show(Frame(1, 10, 10, 2, b"x"))
    asyncio.get_running_loop().call_later(0.03, outbox.show, Frame(1, 10, 10, 3, b"x"))
    asyncio.get_running_loop().call_later(0.03, outbox.say, {"type": "pong"})
    assert await outbox.take() == {"type": "pong"}, "words do not wait"
    frame = await outbox.take()
    assert isinstance(frame, Frame) and frame.at_ms == 3
    assert asyncio.get_running_loop().time() - begun >= 0.099


@pytest.mark.parametrize(
    ("key", "code", "played"),
    [
        ("Enter", "Enter", "Enter"), ("a", "KeyQ", "a"), ("ф", "KeyA", "KeyA"), ("Meta", "MetaLeft", "Control"),
        ("F5", "F5", "F5"), ("é", "Digit2", "Digit2"), ("Unidentified", "", None), ("MediaPlay", "MediaPlay", None),
    ],
)  # fmt: skip
def test_keys_go_by_what_they_write_and_else_by_their_place(key: str, code: str, played: str | None):
    assert playable(key, code) == played


@pytest.mark.parametrize(
    ("message", "gesture"),
    [
        ({"type": "mouse", "t": "move", "x": 1, "y": 2, "mods": ["Meta", "Shift"]}, Move(1, 2, frozenset({"Control", "Shift"}))),
        ({"type": "mouse", "t": "down", "x": 1, "y": 2, "b": "middle", "clicks": 2}, Press(1, 2, "middle", 2)),
        ({"type": "mouse", "t": "up", "x": 1, "y": 2}, Release(1, 2)),
        ({"type": "wheel", "x": 1, "y": 2, "dx": 0, "dy": -30}, Wheel(1, 2, 0, -30)),
        ({"type": "key", "t": "down", "key": "Tab", "code": "Tab", "mods": [], "repeat": True}, Key(True, "Tab", "Tab")),
        ({"type": "text", "s": "é"}, Text("é")),
        ({"type": "ime", "t": "update", "s": "に"}, Compose("に")),
        ({"type": "ime", "t": "commit", "s": "日"}, Commit("日")),
        ({"type": "paste", "s": "12", "typed": True}, Paste("12", as_typing=True)),
        ({"type": "copy"}, Copy()),
    ],
)  # fmt: skip
def test_messages_become_gestures(message: dict[str, object], gesture: object):
    assert read(json.dumps(message)).gesture() == gesture  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"type":"text"}', '{"type":"mouse","t":"move","x":"NaN","y":1}', '{"type":"nav","to":""}',
     '{"type":"mouse","t":"move","x":1e400,"y":1}', '{"type":"text","s":"' + "x" * 20_001 + '"}'],
)  # fmt: skip
def test_what_is_not_of_the_protocol_is_refused(text: str):
    with pytest.raises(MalformedMessage):
        read(text)


def test_no_value_shows_what_was_typed():
    secret = "Kanarienvogel"
    for value in (Text(secret), Paste(secret), Compose(secret), Commit(secret), Key(True, secret, secret)):
        assert secret not in repr(value)
    for message in ({"type": "text", "s": secret}, {"type": "paste", "s": secret}, {"type": "ime", "t": "commit", "s": secret},
                    {"type": "key", "t": "down", "key": secret}, {"type": "dialog", "id": 1, "ok": True, "text": secret},
                    {"type": "select", "answer": secret}):  # fmt: skip
        assert secret not in repr(read(json.dumps(message)))
    with pytest.raises(MalformedMessage) as refused:
        read(json.dumps({"type": "text", "s": [secret]}))
    assert secret not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_a_picture_carries_where_and_when_it_was():
    data = picture(Frame(7, 1280, 800, 1234.5, b"\xff\xd8jpeg"))
    assert HEADER.unpack(data[: HEADER.size]) == (1, 7, 1280, 800, 1234.5)
    assert HEADER.size == 17
    assert data[HEADER.size :] == b"\xff\xd8jpeg"
