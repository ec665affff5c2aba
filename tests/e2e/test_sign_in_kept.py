"""A sign-in outlives the gateway's end, its sudden death, and the loss of the profile's directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Gateway

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="session"),
]


async def _makes_a_video(gateway: Gateway, prompt: str) -> None:
    async with gateway.client() as client:
        task = await client.wait(await client.create(prompt))
    assert task["status"] == "completed", task


def _directory(gateway: Gateway) -> Path:
    return gateway.data_dir / "profiles" / "p0"


async def test_a_sign_in_survives_a_clean_restart_a_kill_and_the_loss_of_its_directory(make_gateway: MakeGateway):
    gateway = await make_gateway()
    await _makes_a_video(gateway, "before any restart")

    await gateway.stop()
    await gateway.start()
    await _makes_a_video(gateway, "after a clean restart")

    await gateway.kill()
    await gateway.start()
    await _makes_a_video(gateway, "after a kill")

    await gateway.stop()
    assert _directory(gateway).is_dir()
    shutil.rmtree(_directory(gateway))
    await gateway.start()
    await _makes_a_video(gateway, "after its directory was lost")
    assert _directory(gateway).is_dir()

    shown = await gateway.cli("profile", "show", "p0")
    assert shown["state"] == "ready", shown
