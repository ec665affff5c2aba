"""Whatever is done wrong is answered by one sentence with the next step: never a traceback, never exit code 0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Commands, Here, Ran

MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "unknown command": (["servee"], {}, "did you mean 'serve'"),
    "unknown option": (["serve", "--prot", "1"], {}, "--help"),
    "missing name": (["profile", "add"], {}, "gateway profile add --help"),
    "missing file option": (["profile", "import", "work"], {}, "--storage-state"),
    "port that is no number": (["serve", "--port", "many"], {}, "--port"),
    "port out of range": (["serve", "--port", "70000"], {}, "--port"),
    "bad name": (["profile", "add", "My Profile"], {}, "a-z"),
    "bad proxy": (["profile", "add", "work", "--proxy", "ftp://u:hunter2@host:1"], {}, "socks5://"),
    "socks with password": (["profile", "add", "work", "--proxy", "socks5://u:hunter2@host:1"], {}, "HTTP proxy"),
    "unknown profile": (["profile", "show", "work"], {}, "gateway profile add work"),
    "check of unknown": (["profile", "check", "work"], {}, "gateway profile add work"),
    "removal of unknown": (["profile", "remove", "work", "--yes"], {}, "no profile 'work'"),
    "unknown key": (["key", "revoke", "nobody"], {}, "no usable API key"),
    "file not there": (["profile", "import", "work", "--storage-state", "none.json"], {}, "none.json cannot be read"),
    "file is a folder": (["profile", "import", "work", "--storage-state", "."], {}, "cannot be read"),
    "no auth for others": (["serve", "--no-auth", "--host", "0.0.0.0"], {}, "gateway key create"),
    "no admin for others": (["serve", "--host", "0.0.0.0", "--port", "0"], {}, "gateway admin password"),
    "address not ours": (["serve", "--host", "no-such-host.invalid"], {}, "--host"),
    "bad setting": (["profile", "list"], {"GATEWAY_PORT": "many"}, "GATEWAY_PORT"),
    "bad quoting": (["profile", "list"], {"GATEWAY_BROWSER_ARGS": "--a 'b"}, "GATEWAY_BROWSER_ARGS has a bad value"),
    "bad choice": (["profile", "list"], {"GATEWAY_PROTOCOL": "g7"}, "GATEWAY_PROTOCOL"),
    "secret file missing": (["profile", "list"], {"GATEWAY_SECRET_KEY_FILE": "/none/key"}, "no directory /none"),
    "short secret": (["key", "list"], {"GATEWAY_SECRET_KEY": "hunter2"}, "openssl rand"),
    "no such database": (["key", "list"], {"GATEWAY_DATABASE_URL": "mysql://u:hunter2@h/x"}, "postgresql://"),
    "database away": (
        ["key", "list"],
        {"GATEWAY_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
        "GATEWAY_DATABASE_URL",
    ),
    "data dir cannot be": (["key", "list", "--data-dir", "/dev/null/x"], {}, "--data-dir"),
    "data dir is a file": (["key", "list", "--data-dir", "/dev/null"], {}, "--data-dir"),
    "no display": (["login", "work"], {"DISPLAY": ""}, "gateway profile import work"),
}


def is_one_sentence(ran: Ran) -> bool:
    lines = ran.err.strip().splitlines()
    return len(lines) == 1 and lines[0].startswith("gateway: ") and "Traceback" not in ran.err


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_in_a_sentence(here: Here, case: str):
    args, env, hint = MISTAKES[case]
    ran = here.run(*args, **env)
    assert ran.code != 0
    assert is_one_sentence(ran), ran
    assert hint in ran.err
    assert ran.out == ""
    assert "hunter2" not in ran.err + ran.out
    assert "a bug" not in ran.err


@pytest.mark.parametrize("case", ["unknown command", "bad name", "bad setting", "unknown profile", "database away"])
def test_programs_get_the_error_as_json(here: Here, case: str):
    args, env, hint = MISTAKES[case]
    ran = here.run(*args, "--json", **env)
    assert ran.code != 0
    assert ran.err == ""
    assert ran.json["error"]["code"]
    assert hint in ran.json["error"]["message"]


FILES = {
    "gateway.toml is no TOML": ("data/gateway.toml", b"port = [", "gateway.toml is not valid TOML"),
    "gateway.toml has a bad value": ("data/gateway.toml", b'port = "many"', "port (in "),
    "gateway.toml is no text": ("data/gateway.toml", b"port = '\xff\xfe'", "UTF-8"),
    ".env has a bad value": (".env", b"GATEWAY_PORT=many", "GATEWAY_PORT (in .env)"),
    ".env is no text": (".env", b"GATEWAY_PORT=\xff\xfe", "UTF-8"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_broken_settings_file_is_named(here: Here, tmp_path: Path, case: str):
    name, content, hint = FILES[case]
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    ran = here.run("profile", "list")
    assert ran.code != 0
    assert is_one_sentence(ran), ran
    assert hint in ran.err


SIGN_INS = {
    "empty": (b"", "the file is empty"),
    "broken JSON": (b'{"cookies": [', "looks like JSON"),
    "no text": (b"\xff\xfe\x00", "not a text file"),
    "prose": (b"please let me in", "neither JSON nor a Netscape cookies.txt"),
    "another site": (json.dumps([{"name": "a", "value": "b", "domain": ".example.com"}]).encode(), "grok.com"),
    "expired": (json.dumps([{"name": "a", "value": "b", "domain": "grok.com", "expires": 1}]).encode(), "valid"),
}


@pytest.mark.parametrize("case", SIGN_INS)
def test_a_file_that_is_no_sign_in_is_refused(here: Here, tmp_path: Path, case: str):
    content, hint = SIGN_INS[case]
    file = tmp_path / "sign-in"
    file.write_bytes(content)
    ran = here.run("profile", "import", "work", "--storage-state", str(file))
    assert ran.code != 0
    assert is_one_sentence(ran), ran
    assert hint in ran.err
    assert here.run("profile", "list", "--json").out == "[]\n"


def test_near_misses_are_named(here: Here):
    assert here.run("profile", "add", "work").code == 0
    assert here.run("key", "create", "laptop").code == 0
    assert "did you mean work?" in here.run("profile", "show", "wrok").err
    assert "did you mean laptop?" in here.run("key", "revoke", "labtop").err
    assert "gateway profile show work" in here.run("profile", "add", "work").err


async def test_debugging_shows_the_traceback(gateway: Commands):
    ran = await gateway.run("profile", "show", "work", GATEWAY_LOG_LEVEL="debug")
    assert ran.code != 0
    assert "Traceback" in ran.err
