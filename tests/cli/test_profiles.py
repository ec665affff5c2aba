"""``gateway profile`` while no gateway runs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.cli.command import Commands, Here


def test_a_profile_is_added_listed_shown_and_removed(here: Here):
    added = here.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    assert "gateway login work" in added.out
    listed = here.ok("profile", "list")
    assert listed.out.splitlines()[0].split() == ["NAME", "STATE", "SINCE", "ACCOUNT", "NOTE"]
    assert all(len(line) <= 80 for line in listed.out.splitlines())
    assert "no gateway runs" in listed.err
    shown = here.ok("profile", "show", "work")
    assert "http://me:***@proxy.example:3128" in shown.out
    (row,) = here.told("profile", "list")
    assert (row["name"], row["state"], row["enabled"]) == ("work", "new", True)
    assert "s3cret" not in added.out + listed.out + shown.out + json.dumps(row)
    refused = here.run("profile", "remove", "work")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert here.told("profile", "remove", "work", "--yes") == {"name": "work", "removed": True}
    assert here.told("profile", "list") == []


def test_a_proxy_is_sealed_in_the_database(here: Here):
    here.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    stored = b"".join(file.read_bytes() for file in here.data_dir.glob("gateway.db*"))
    assert b"s3cret" not in stored
    assert b"proxy.example" not in stored
    here.ok("profile", "proxy", "work", "none")
    assert (here.told("profile", "show", "work"))["proxy"] is None


def test_a_proxy_sealed_with_another_key_is_named_with_its_cure(here: Here):
    here.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    (here.data_dir / "secret.key").unlink()
    shown = here.told("profile", "show", "work")
    assert shown["proxy"] == "unreadable"
    assert "gateway profile proxy work URL" in shown["next_action"]


def test_a_sign_in_is_imported_before_the_first_start(here: Here, cookies: Path):
    done = here.ok("profile", "import", "work", "--storage-state", str(cookies))
    assert "1 cookie imported into profile work" in done.out
    assert "gateway profile check work" in done.out
    assert "profile work added" in done.err
    shown = here.told("profile", "show", "work")
    assert [copy["imported"] for copy in shown["checkpoints"]] == [True]
    assert [event["type"] for event in shown["events"]] == ["added", "imported"]
    assert not shown["next_action"]
    kept = b"".join(file.read_bytes() for file in here.data_dir.rglob("*") if file.is_file())
    assert b"s3cret-cookie" not in kept


def test_a_disabled_profile_takes_a_sign_in_for_later(here: Here, cookies: Path):
    here.ok("profile", "add", "work")
    here.ok("profile", "disable", "work")
    done = here.ok("profile", "import", "work", "--storage-state", str(cookies))
    assert "verified when it is enabled: gateway profile enable work" in done.out


def test_everything_is_private(here: Here, cookies: Path):
    here.ok("profile", "import", "work", "--storage-state", str(cookies))
    for place in (".", "secret.key", "gateway.db", "profiles/work", "checkpoints/work"):
        mode = stat.S_IMODE((here.data_dir / place).stat().st_mode)
        assert not mode & 0o077, f"{place} is {mode:04o}"


def test_disabled_and_enabled_again(here: Here):
    here.ok("profile", "add", "work")
    assert (here.told("profile", "disable", "work"))["state"] == "disabled"
    refused = here.run("profile", "check", "work")
    assert refused.code == 1
    assert "gateway profile enable work" in refused.err
    assert (here.told("profile", "enable", "work"))["state"] == "new"


def test_folders_without_an_entry_are_reported(here: Here):
    here.ok("profile", "add", "work")
    (here.data_dir / "profiles" / "old").mkdir(parents=True)
    assert "on disk without an entry: old" in (here.ok("profile", "list")).err
    here.ok("profile", "add", "old")
    assert "without an entry" not in (here.ok("profile", "list")).err


def test_a_profile_in_use_is_not_removed(here: Here, cookies: Path):
    here.ok("profile", "import", "work", "--storage-state", str(cookies))
    from browser.profiles import ProfileDir

    directory = ProfileDir(here.data_dir / "profiles" / "work")
    directory.lock()
    try:
        ran = here.run("profile", "remove", "work", "--yes")
        assert ran.code == 1
        assert "in use by another process (pid" in ran.err
    finally:
        directory.unlock()
    assert (here.told("profile", "show", "work"))["name"] == "work"


async def test_a_sign_in_is_read_from_standard_input(gateway: Commands, cookies: Path):
    done = await gateway.ok("profile", "import", "work", "--storage-state", "-", "--json", stdin=cookies.read_text())
    assert done.json["name"] == "work"
