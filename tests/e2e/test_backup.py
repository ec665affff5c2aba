"""A backup of a running gateway, restored elsewhere: the sign-in works at the site, the tasks are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Gateway
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(240)]


@pytest.mark.long
async def test_a_restored_gateway_is_signed_in_and_goes_on(
    sim: Simulator, make_gateway: MakeGateway, tmp_path: Path
) -> None:
    old = await make_gateway()
    async with old.client() as client:
        done = await client.create("a lighthouse")
        assert (await client.wait(done))["status"] == "completed"
    told = await old.cli("backup", "--out", str(tmp_path / "backup.zip"), "--media", "--with-secret")
    assert told["profiles"] == ["p0"] and told["rows"]["tasks"] == 1
    await old.stop()
    new = Gateway(tmp_path / "new", sim.browser_args)
    new.key = old.key
    try:
        await new.cli("restore", str(tmp_path / "backup.zip"), "--into", str(new.data_dir))
        await new.start()  # returns when the site has said that the profile is signed in
        [profile] = await new.cli("profile", "list")
        assert (profile["name"], profile["state"]) == ("p0", "ready")
        async with new.client() as client:
            task = await client.get(done)
            assert task["status"] == "completed"
            assert (await client.http.get(task["video_url"].replace(old.url, new.url))).status_code == 200
            again = await client.wait(await client.create("another lighthouse"))
            assert again["status"] == "completed", again
    finally:
        if new.process is not None:
            await new.stop()
    accounts = {entry["account"] for entry in await sim.ledger(kind="submit_video")}
    assert len(accounts) == 1 and None not in accounts, "the same account, before and after"
