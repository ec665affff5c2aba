"""``gateway admin``: the first way into the console, and the way back in."""

from __future__ import annotations

import asyncio
import re
import signal

import httpx2 as httpx
import pytest

from tests.cli.command import Commands
from tests.cli.serving import serving

PASSWORD = "correct horse battery"


async def sign_in(url: str, password: str) -> int:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        return (await client.post("/console/login", data={"password": password})).status_code


async def test_until_there_is_an_admin_every_start_prints_a_link(gateway: Commands):
    for _ in range(2):
        process = await gateway.start("serve", "--port", "0", GATEWAY_LOG_LEVEL="error")
        assert process.stderr is not None
        said = ""
        async with asyncio.timeout(60):
            while "Ctrl-C" not in said:
                said += (await process.stderr.readline()).decode()
        link = re.search(r"(http://127\.0\.0\.1:\d+)/console/setup#(\S+)", said)
        assert link, said
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), 30)


async def test_the_printed_link_makes_the_admin(gateway: Commands):
    async with serving(gateway) as running:
        url, _, secret = running.facts["setup_url"].partition("/console/setup#")
        form = {"token": secret, "password": PASSWORD, "again": PASSWORD}
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            assert (await client.post("/console/setup", data=form)).headers["location"] == "/console"
            assert (await client.get("/console")).status_code == 200
        assert await sign_in(url, PASSWORD) == 303
    async with serving(gateway) as running:
        assert "setup_url" not in running.facts


async def test_a_link_can_be_printed_and_a_password_be_reset(gateway: Commands):
    link = await gateway.told("admin", "link")
    assert re.fullmatch(r"http://127\.0\.0\.1:8080/console/setup#\S{20,}", link["setup_url"])
    async with serving(gateway) as running:
        ran = await gateway.ok("admin", "password", "--json", stdin=f"{PASSWORD}\n")
        assert ran.json == {"admin": "created"}
        assert await sign_in(running.url, PASSWORD) == 303
        ran = await gateway.ok("admin", "password", stdin="another long password\n")
        assert "every session has ended" in ran.out
        assert await sign_in(running.url, PASSWORD) == 401
        assert await sign_in(running.url, "another long password") == 303
    refused = await gateway.run("admin", "link", "--json")
    assert refused.json["error"]["code"] == "admin_exists"


@pytest.mark.parametrize("password", ["", "short", "x" * 2000])
async def test_a_password_that_cannot_be_used_is_told(gateway: Commands, password: str):
    ran = await gateway.run("admin", "password", stdin=f"{password}\n")
    assert ran.code == 1
    assert len(ran.err.strip().splitlines()) == 1
    assert "characters" in ran.err


async def test_a_container_gets_its_password_from_a_file(gateway: Commands):
    file = gateway.data_dir.parent / "password"
    file.write_text(f"{PASSWORD}\n", "utf-8")
    async with serving(gateway, "--host", "0.0.0.0", GATEWAY_ADMIN_PASSWORD_FILE=str(file)) as running:
        url = f"http://127.0.0.1:{running.facts['port']}"
        assert "setup_url" not in running.facts
        assert await sign_in(url, PASSWORD) == 303
    await gateway.ok("admin", "password", stdin="another long password\n")
    async with serving(gateway, GATEWAY_ADMIN_PASSWORD_FILE=str(file)) as running:
        assert await sign_in(running.url, PASSWORD) == 401, "it was the first one only"
