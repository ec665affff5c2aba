"""``gateway serve``, and commands beside a gateway that runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.cli.command import Commands
from tests.cli.serving import serving
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def sign_in_file(site: Simulator, tmp_path: Path, email: str) -> str:
    file = tmp_path / f"{email}.json"
    file.write_text(json.dumps(await site.account(email=email)))
    return str(file)


async def test_profiles_are_managed_beside_a_running_gateway(online: Commands, site: Simulator, tmp_path: Path):
    """Imported before the first start and while it runs; checked, signed out, disabled, enabled, removed."""
    first = await sign_in_file(site, tmp_path, f"{tmp_path.name}-a@example.com")
    second = await sign_in_file(site, tmp_path, f"{tmp_path.name}-b@example.com")
    await online.ok("profile", "import", "one", "--storage-state", first)
    async with serving(online) as running:
        assert running.facts["profiles"] == {"one": "new"}
        one = await online.told("profile", "check", "one")
        assert (one["state"], bool(one["account"]["id"])) == ("ready", True)

        two = await online.told("profile", "import", "two", "--storage-state", second)
        assert two["state"] == "ready"
        assert two["account"]["id"] != one["account"]["id"]

        await site.act(f"{tmp_path.name}-a@example.com", "sign-out")
        out = await online.run("profile", "check", "one")
        assert out.code == 1
        assert "profile one is login_required" in out.out
        assert "gateway login one" in out.out
        again = await online.told("profile", "import", "one", "--storage-state", second)
        assert again["account"]["id"] == two["account"]["id"]

        await online.ok("profile", "disable", "two")
        assert {p["name"]: p["state"] for p in await online.told("profile", "list")} == {
            "one": "ready",
            "two": "disabled",
        }
        await online.ok("profile", "enable", "two")
        assert (await online.told("profile", "check", "two"))["state"] == "ready"

        await online.ok("profile", "remove", "two", "--yes")
        assert not (online.data_dir / "profiles" / "two").exists()

        refused = await online.run("serve", "--port", "0")
        assert refused.code == 1
        assert f"pid {running.process.pid}" in refused.err
        findings = {f["about"]: f for f in (await online.told("doctor", "--site"))["findings"]}
        assert findings["site, one"]["level"] == "ok"
        assert str(running.process.pid) in findings["port"]["message"]
    async with serving(online) as running:
        assert running.facts["profiles"] == {"one": "ready"}, "it survives a restart"


async def test_keys_work_and_stop_working(gateway: Commands):
    async with serving(gateway) as running, httpx.AsyncClient(base_url=running.url) as client:
        secret = (await gateway.told("key", "create", "laptop"))["key"]
        headers = {"Authorization": f"Bearer {secret}"}
        assert (await client.get("/v1/video/tasks")).status_code == 401
        assert (await client.get("/v1/video/tasks", headers=headers)).status_code == 200
        await gateway.ok("key", "revoke", "laptop")
        async with asyncio.timeout(60):
            while (await client.get("/v1/video/tasks", headers=headers)).status_code != 401:
                await asyncio.sleep(0.1)


async def test_a_loopback_gateway_may_serve_without_keys(gateway: Commands):
    async with serving(gateway, "--no-auth") as running, httpx.AsyncClient(base_url=running.url) as client:
        assert (await client.get("/v1/video/tasks")).status_code == 200


async def test_others_are_served_once_the_console_has_an_admin(gateway: Commands):
    await gateway.ok("admin", "password", stdin="correct horse battery\n")
    async with serving(gateway, "--host", "0.0.0.0") as running, httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{running.facts['port']}/livez")
        assert answer.status_code == 200


async def test_a_taken_port_is_told_in_a_sentence(gateway: Commands):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = await gateway.run("serve", "--port", str(taken.getsockname()[1]))
    assert ran.code == 1
    assert "is taken" in ran.err
    assert "--port" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert ran.out == ""


async def test_it_says_where_it_is_and_what_to_do_next(gateway: Commands):
    await gateway.ok("profile", "add", "work")
    await gateway.ok("profile", "disable", "work")
    process = await gateway.start("serve", "--port", "0", GATEWAY_LOG_LEVEL="error")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        said = [(await process.stderr.readline()).decode() for _ in range(5)]
    assert "Grok Gateway" in said[0]
    assert "http://127.0.0.1:" in said[0]
    assert str(gateway.data_dir) in said[1]
    assert "work (disabled)" in said[2]
    assert "gateway profile enable work" in said[3]
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


async def test_a_second_signal_hurries(gateway: Commands):
    began = time.monotonic()
    async with serving(gateway, GATEWAY_DRAIN_S="600") as running:
        running.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.1)
        assert await running.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 60


async def test_a_start_that_fails_is_told_in_a_sentence(gateway: Commands):
    ran = await gateway.run("serve", "--port", "0", GATEWAY_MEDIA_URL="gopher://files")
    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert "GATEWAY_MEDIA_URL" in ran.err


async def test_it_works_and_stops_when_nobody_reads_what_it_says(gateway: Commands):
    """As `gateway serve | head`, or a log collector that died, leave it."""
    reader, writer = os.pipe()
    process = await gateway.start("serve", "--port", "0", stderr=writer)
    os.close(writer)
    said = b""
    while b"Ctrl-C stops it" not in said:
        said += await asyncio.to_thread(os.read, reader, 4096)
    os.close(reader)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 20) == 0
