"""``gateway key`` and ``gateway version``."""

from __future__ import annotations

import time

from tests.cli.command import Commands, Here


def test_a_key_is_made_shown_once_and_revoked(here: Here):
    made = here.told("key", "create", "laptop")
    secret = made["key"]
    assert secret.startswith(made["prefix"])
    listed = here.ok("key", "list")
    assert "laptop" in listed.out
    assert secret not in listed.out
    assert all(len(line) <= 80 for line in listed.out.splitlines())
    assert [key["name"] for key in here.told("key", "list")] == ["laptop"]
    here.ok("key", "revoke", "laptop")
    assert here.told("key", "list") == []
    (revoked,) = here.told("key", "list", "--all")
    assert revoked["revoked_at"] is not None
    stored = b"".join(file.read_bytes() for file in here.data_dir.rglob("*") if file.is_file())
    assert secret.encode() not in stored


def test_the_secret_alone_is_on_standard_output(here: Here):
    made = here.ok("key", "create", "laptop")
    assert made.out.strip().startswith("gw_")
    assert len(made.out.split()) == 1
    assert "not shown again" in made.err


def test_a_key_has_its_class_its_share_and_its_limits(here: Here):
    made = here.told(
        "key", "create", "batch", "--priority", "low", "--weight", "3", "--max-running", "2", "--max-queued", "9"
    )
    assert (made["priority"], made["weight"], made["max_running"], made["max_queued"]) == ("low", 3, 2, 9)
    assert here.told("key", "list")[0]["priority"] == "low"
    wrong = here.run("key", "create", "other", "--priority", "urgent")
    assert wrong.code == 1
    assert "low, normal, high" in wrong.err


def test_two_usable_keys_do_not_share_a_name(here: Here):
    here.ok("key", "create", "laptop")
    again = here.run("key", "create", "laptop")
    assert again.code == 1
    assert "already" in again.err


async def test_help_and_version_answer_at_once(gateway: Commands):
    began = time.monotonic()
    helped = await gateway.ok("--help")
    assert time.monotonic() - began < 10, "the budget is 0.5 s on an idle machine"
    for word in ("serve", "profile", "login", "key", "doctor", "version"):
        assert word in helped.out
    assert (await gateway.told("version"))["version"]
    assert (await gateway.ok("--version")).out == (await gateway.ok("version")).out
    assert not gateway.data_dir.exists()


async def test_the_data_directory_may_be_named_before_or_after_the_command(gateway: Commands, tmp_path):
    await gateway.ok("--data-dir", str(tmp_path / "a"), "profile", "add", "one")
    await gateway.ok("profile", "add", "two", "--data-dir", str(tmp_path / "b"))
    assert [p["name"] for p in await gateway.told("profile", "list", "--data-dir", str(tmp_path / "a"))] == ["one"]
    assert [p["name"] for p in await gateway.told("--data-dir", str(tmp_path / "b"), "profile", "list")] == ["two"]
    assert not gateway.data_dir.exists()
