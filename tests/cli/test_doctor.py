"""``gateway doctor``: finds what is wrong, says how to mend it, changes nothing."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.cli.command import Commands

pytestmark = pytest.mark.browser


async def findings(gateway: Commands, **env: str) -> dict[str, dict[str, Any]]:
    ran = await gateway.run("doctor", "--json", **env)
    value = ran.json
    failed = [finding for finding in value["findings"] if finding["level"] == "fail"]
    assert value["ok"] is not bool(failed)
    assert ran.code == (1 if failed else 0)
    assert all(finding["fix"] for finding in value["findings"] if finding["level"] == "fail")
    return {finding["about"]: finding for finding in value["findings"]}


async def test_a_machine_without_faults_is_told_so(gateway: Commands):
    found = await findings(gateway, GATEWAY_PORT="0")
    assert found["browser"]["level"] == "ok"
    assert "first page after" in found["browser start"]["message"]
    assert {"settings", "data directory", "disk", "secret key", "database", "clock", "port", "sandbox"} <= set(found)
    assert {"display", "shared memory", "fonts"} <= set(found)
    assert not gateway.data_dir.exists(), "looking changes nothing"


async def test_faults_are_named_with_their_cure(gateway: Commands):
    await gateway.ok("profile", "add", "work", "--proxy", "http://me:s3cret@proxy.example:3128")
    (gateway.data_dir / "secret.key").write_text("another secret, long enough")
    (gateway.data_dir / "profiles" / "stray").mkdir(parents=True)
    (gateway.data_dir / "gateway.toml").write_text("vdeo_slots = 3\nport = 0\n")
    gateway.data_dir.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = await findings(
            gateway,
            GATEWAY_PORT=str(taken.getsockname()[1]),
            GATEWAY_BROWSER_EXECUTABLE="/no/chromium",
            GATEWAY_HEADLESS="true",
        )
    assert found["port"]["level"] == "fail"
    assert found["browser"]["level"] == "fail"
    assert "GATEWAY_BROWSER_EXECUTABLE" in found["browser"]["fix"]
    assert found["display"]["level"] == "warn"
    assert found["profile work"]["fix"] == "gateway profile proxy work URL"
    assert found["profile stray"]["fix"] == "gateway profile add stray"
    assert found["settings"]["fix"] == "did you mean GATEWAY_VIDEO_SLOTS?"
    assert found["data directory"]["fix"].startswith("chmod 700")


async def test_a_database_that_is_away_does_not_end_the_diagnosis(gateway: Commands):
    found = await findings(
        gateway, GATEWAY_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/x", GATEWAY_BROWSER_EXECUTABLE="/none"
    )
    assert found["database"]["level"] == "fail"
    assert "hunter2" not in str(found)
    assert "fonts" in found


async def test_it_reads_well_in_a_terminal(gateway: Commands):
    ran = await gateway.run("doctor", GATEWAY_BROWSER_EXECUTABLE="/none", GATEWAY_PORT="0")
    assert ran.code == 1
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert any(line.startswith("ok    ") for line in lines)
    assert any(line.startswith("fail  browser") for line in lines)
    assert "1 to mend" in lines[-1]


async def test_a_browser_that_ends_at_once_is_told_with_advice(gateway: Commands) -> None:
    found = await findings(gateway, GATEWAY_BROWSER_EXECUTABLE="/bin/true")
    assert found["browser start"]["level"] == "fail"
    assert found["browser start"]["message"].startswith("true did not start")
    assert "GATEWAY_BROWSER_EXECUTABLE" in found["browser start"]["fix"]
