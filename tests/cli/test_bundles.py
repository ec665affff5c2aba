"""``gateway profile export``, ``import --bundle``, ``checkpoints`` and ``restore`` while no gateway runs."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.secret import load_secret
from gateway.profiles.places import copies_of
from gateway.settings import Settings
from tests.cli.command import Here

PASSPHRASE = {"GATEWAY_BUNDLE_PASSPHRASE": "correct horse battery"}
PROXY = "http://me:s3cret@proxy.example:3128"


def state(value: str) -> dict[str, Any]:
    cookie = {"name": "sso", "value": value, "domain": ".grok.com", "path": "/", "expires": -1}
    return {"cookies": [cookie], "origins": []}


def kept(here: Here, data_dir: Path | None = None) -> Any:
    settings = Settings(data_dir=data_dir or here.data_dir)
    return copies_of(settings, load_secret(settings), "work")


@pytest.fixture
def bundle(here: Here, cookies: Path, tmp_path: Path) -> Path:
    """A bundle of a profile with a proxy."""
    here.ok("profile", "import", "work", "--storage-state", str(cookies), "--proxy", PROXY)
    file = tmp_path / "work.profile"
    done = here.ok("profile", "export", "work", "--out", str(file), **PASSPHRASE)
    assert "gateway profile import work --bundle work.profile" in done.out
    return file


def test_what_is_done_on_the_command_line_is_in_the_audit_log(here: Here, bundle: Path):
    generation = here.told("profile", "checkpoints", "work")["checkpoints"][0]["generation"]
    here.ok("profile", "add", "other")
    here.ok("profile", "disable", "other")
    here.ok("profile", "enable", "other")
    here.ok("profile", "proxy", "other", "http://me:s3cret@proxy.example:1")
    here.ok("profile", "restore", "work", "--generation", str(generation))
    here.ok("profile", "remove", "other", "--yes")
    with closing(sqlite3.connect(here.data_dir / "gateway.db")) as db:
        lines = db.execute("SELECT actor, action, target, data FROM audit ORDER BY id").fetchall()
    assert {line[0] for line in lines} == {"command line"}
    assert [line[1:3] for line in lines] == [
        ("profile.added", "work"), ("profile.imported", "work"), ("profile.exported", "work"),
        ("profile.added", "other"), ("profile.disabled", "other"), ("profile.enabled", "other"),
        ("profile.proxy_changed", "other"), ("profile.restore_requested", "work"), ("profile.removed", "other"),
    ]  # fmt: skip
    assert "s3cret" not in str(lines)


def test_a_sign_in_is_carried_to_another_data_directory(here: Here, bundle: Path, tmp_path: Path):
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    assert b"s3cret" not in bundle.read_bytes()
    there = tmp_path / "server"
    done = here.ok("profile", "import", "moved", "--bundle", str(bundle), "--data-dir", str(there), **PASSPHRASE)
    assert "1 cookie imported into profile moved" in done.out
    (row,) = here.told("profile", "list", "--data-dir", str(there))
    assert (row["name"], row["proxy"]) == ("moved", "http://me:***@proxy.example:3128")
    settings = Settings(data_dir=there)
    copies = copies_of(settings, load_secret(settings), "moved")
    waiting = copies.pending_import()
    assert waiting is not None
    assert copies.read(waiting)["cookies"][0]["value"] == "s3cret-cookie"


def test_the_proxy_may_stay_behind_or_be_another(here: Here, bundle: Path, tmp_path: Path):
    without = tmp_path / "without.profile"
    here.ok("profile", "export", "work", "--out", str(without), "--no-proxy", **PASSPHRASE)
    here.ok("profile", "import", "bare", "--bundle", str(without), **PASSPHRASE)
    assert here.told("profile", "show", "bare")["proxy"] is None
    here.ok("profile", "import", "other", "--bundle", str(bundle), "--proxy", "http://h:1", **PASSPHRASE)
    assert here.told("profile", "show", "other")["proxy"] == "http://h:1"


def test_the_passphrase_may_stand_in_a_file(here: Here, bundle: Path, tmp_path: Path):
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE["GATEWAY_BUNDLE_PASSPHRASE"] + "\n")
    here.ok("profile", "import", "again", "--bundle", str(bundle), "--passphrase-file", str(file))


@pytest.mark.parametrize(
    ("arguments", "env", "code", "said"),
    [
        (
            ("import", "x", "--bundle", "work.profile"),
            {"GATEWAY_BUNDLE_PASSPHRASE": "another one"},
            1,
            "passphrase is wrong",
        ),
        (("import", "x", "--bundle", "cookies.json"), PASSPHRASE, 1, "no profile bundle"),
        (("import", "x", "--bundle", "cut.profile"), PASSPHRASE, 1, "cut short"),
        (("import", "x", "--bundle", "missing"), PASSPHRASE, 1, "no such file"),
        (("import", "x", "--bundle", "work.profile"), {}, 2, "GATEWAY_BUNDLE_PASSPHRASE"),
        (("import", "x"), {}, 2, "either --storage-state FILE or --bundle FILE"),
        (("export", "work", "--out", "work.profile"), PASSPHRASE, 1, "--force"),
        (("export", "work", "--out", "new.profile"), {"GATEWAY_BUNDLE_PASSPHRASE": "short"}, 1, "shorter than 10"),
        (("export", "work", "--out", "no/such/place"), PASSPHRASE, 1, "cannot be written"),
        (("export", "wrok", "--out", "new.profile"), PASSPHRASE, 1, "did you mean work?"),
        (("restore", "work", "--generation", "7"), {}, 1, "has no copy 7"),
    ],
)
def test_mistakes_are_answered_with_the_next_step(
    here: Here, bundle: Path, arguments: tuple[str, ...], env: dict[str, str], code: int, said: str
):
    (bundle.parent / "cut.profile").write_bytes(bundle.read_bytes()[:-20])
    ran = here.run("profile", *arguments, **env)
    assert (ran.code, said in ran.err) == (code, True), ran
    assert "s3cret" not in ran.out + ran.err


def test_a_profile_that_never_signed_in_has_nothing_to_export(here: Here, tmp_path: Path):
    here.ok("profile", "add", "work")
    ran = here.run("profile", "export", "work", "--out", str(tmp_path / "x"), **PASSPHRASE)
    assert (ran.code, "gateway login work" in ran.err) == (1, True)
    assert not (tmp_path / "x").exists()


def test_copies_are_listed_and_an_earlier_one_is_put_back(here: Here):
    here.ok("profile", "add", "work")
    copies = kept(here)
    for value in ("first", "second", "third"):
        copies.save(state(value))
    listed = here.ok("profile", "checkpoints", "work")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["GENERATION", "3", "2", "1"]
    told = here.told("profile", "checkpoints", "work")["checkpoints"]
    assert [(one["generation"], one["imported"], one["age_s"] < 60) for one in told] == [
        (3, False, True),
        (2, False, True),
        (1, False, True),
    ]
    done = here.ok("profile", "restore", "work", "--generation", "1")
    assert "gateway profile check work" in done.out
    waiting = kept(here).pending_import()
    assert kept(here).read(waiting)["cookies"][0]["value"] == "first"
    shown = here.told("profile", "show", "work")
    assert shown["events"][-1]["type"] == "restored"
    assert [one["generation"] for one in shown["checkpoints"]] == [4, 3, 2, 1]


def test_copies_made_by_an_older_version_are_found(here: Here):
    here.ok("profile", "add", "work")
    kept(here).save(state("old"))
    old = here.data_dir / "profiles" / "work" / "checkpoints"
    old.parent.mkdir(parents=True)
    (here.data_dir / "checkpoints" / "work").rename(old)
    assert [one["generation"] for one in here.told("profile", "checkpoints", "work")["checkpoints"]] == [1]
    assert not old.exists()


def test_removing_a_profile_removes_its_copies(here: Here, bundle: Path):
    assert (here.data_dir / "checkpoints" / "work").is_dir()
    here.ok("profile", "remove", "work", "--yes")
    assert not (here.data_dir / "checkpoints" / "work").exists()


def test_a_sign_in_made_for_another_site_is_refused(here: Here, tmp_path: Path):
    file = tmp_path / "other.json"
    file.write_text(json.dumps([{"name": "a", "value": "b", "domain": "example.com"}]))
    ran = here.run("profile", "import", "work", "--storage-state", str(file))
    assert (ran.code, "no cookie for grok.com" in ran.err) == (1, True)
    assert here.told("profile", "list") == []
