"""``gateway profile`` while no gateway runs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.cli.command import Commands


async def test_a_profile_is_added_listed_shown_and_removed(gateway: Commands):
    added = await gateway.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    assert "gateway login work" in added.out
    listed = await gateway.ok("profile", "list")
    assert listed.out.splitlines()[0].split() == ["NAME", "STATE", "SINCE", "ACCOUNT", "NOTE"]
    assert all(len(line) <= 80 for line in listed.out.splitlines())
    assert "no gateway runs" in listed.err
    shown = await gateway.ok("profile", "show", "work")
    assert "http://me:***@proxy.example:3128" in shown.out
    (row,) = await gateway.told("profile", "list")
    assert (row["name"], row["state"], row["enabled"]) == ("work", "new", True)
    assert "s3cret" not in added.out + listed.out + shown.out + json.dumps(row)
    refused = await gateway.run("profile", "remove", "work")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert await gateway.told("profile", "remove", "work", "--yes") == {"name": "work", "removed": True}
    assert await gateway.told("profile", "list") == []


async def test_a_proxy_is_sealed_in_the_database(gateway: Commands):
    await gateway.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    stored = b"".join(file.read_bytes() for file in gateway.data_dir.glob("gateway.db*"))
    assert b"s3cret" not in stored
    assert b"proxy.example" not in stored
    await gateway.ok("profile", "proxy", "work", "none")
    assert (await gateway.told("profile", "show", "work"))["proxy"] is None


async def test_a_proxy_sealed_with_another_key_is_named_with_its_cure(gateway: Commands):
    await gateway.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    (gateway.data_dir / "secret.key").unlink()
    shown = await gateway.told("profile", "show", "work")
    assert shown["proxy"] == "unreadable"
    assert "gateway profile proxy work URL" in shown["next_action"]


async def test_a_sign_in_is_imported_before_the_first_start(gateway: Commands, cookies: Path):
    done = await gateway.ok("profile", "import", "work", "--storage-state", str(cookies))
    assert "1 cookie imported into profile work" in done.out
    assert "gateway profile check work" in done.out
    assert "profile work added" in done.err
    shown = await gateway.told("profile", "show", "work")
    assert [copy["imported"] for copy in shown["checkpoints"]] == [True]
    assert [event["type"] for event in shown["events"]] == ["added", "imported"]
    assert not shown["next_action"]
    kept = b"".join(file.read_bytes() for file in gateway.data_dir.rglob("*") if file.is_file())
    assert b"s3cret-cookie" not in kept


async def test_a_sign_in_is_read_from_standard_input(gateway: Commands, cookies: Path):
    done = await gateway.ok("profile", "import", "work", "--storage-state", "-", "--json", stdin=cookies.read_text())
    assert done.json["name"] == "work"


async def test_everything_is_private(gateway: Commands, cookies: Path):
    await gateway.ok("profile", "import", "work", "--storage-state", str(cookies))
    for place in (".", "secret.key", "gateway.db", "profiles/work", "profiles/work/checkpoints"):
        mode = stat.S_IMODE((gateway.data_dir / place).stat().st_mode)
        assert not mode & 0o077, f"{place} is {mode:04o}"


async def test_disabled_and_enabled_again(gateway: Commands):
    await gateway.ok("profile", "add", "work")
    assert (await gateway.told("profile", "disable", "work"))["state"] == "disabled"
    refused = await gateway.run("profile", "check", "work")
    assert refused.code == 1
    assert "gateway profile enable work" in refused.err
    assert (await gateway.told("profile", "enable", "work"))["state"] == "new"


async def test_folders_without_an_entry_are_reported(gateway: Commands):
    await gateway.ok("profile", "add", "work")
    (gateway.data_dir / "profiles" / "old").mkdir(parents=True)
    assert "on disk without an entry: old" in (await gateway.ok("profile", "list")).err
    await gateway.ok("profile", "add", "old")
    assert "without an entry" not in (await gateway.ok("profile", "list")).err


async def test_a_profile_in_use_is_not_removed(gateway: Commands, cookies: Path):
    await gateway.ok("profile", "import", "work", "--storage-state", str(cookies))
    from browser.profiles import ProfileDir

    directory = ProfileDir(gateway.data_dir / "profiles" / "work")
    directory.lock()
    try:
        ran = await gateway.run("profile", "remove", "work", "--yes")
        assert ran.code == 1
        assert "in use by another process (pid" in ran.err
    finally:
        directory.unlock()
    assert (await gateway.told("profile", "show", "work"))["name"] == "work"
