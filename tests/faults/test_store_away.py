"""The media bucket goes away between a video's download and its upload, and comes back."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from tests.faults.conftest import MakeFleet
from tests.faults.fleet import submits_by_prompt
from tests.faults.rows import watching
from tests.s3 import S3
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


def of(s3: S3) -> dict[str, str]:
    return {
        "media_url": f"s3://{s3.new_bucket()}/videos", "s3_endpoint": s3.endpoint, "s3_region": "us-east-1",
        "s3_access_key_id": "tests", "s3_secret_access_key": "tests",
    }  # fmt: skip


@pytest.mark.faults
async def test_a_store_that_fails_in_between_delays_a_video_and_nothing_else(
    database_url: str, s3: S3, sim: Simulator, make_fleet: MakeFleet
) -> None:
    """The site is asked for nothing twice; the link works from a node that never had the file."""
    fleet = make_fleet(database_url, **of(s3))
    node = await fleet.add()
    prompt = "a lost suitcase [sim:asset-slow=60000]"
    async with watching(database_url) as rows, node.client() as client:
        task_id = await client.create(prompt)
        await sim.wait("asset_get", count=1, timeout_s=60)
        s3.stop()
        try:
            await rows.until(
                f"SELECT 1 FROM tasks WHERE wait_code = 'media_unavailable' AND id = '{task_id}'", within_s=120
            )
            asked = len(await sim.ledger(kind="asset_get"))
        finally:
            s3.start()
        task = await client.wait(task_id, within_s=120)
    assert task["status"] == "completed", task
    assert submits_by_prompt(await sim.ledger(kind="submit_video")) == {prompt: 1}
    assert len(await sim.ledger(kind="asset_get")) == asked
    async with httpx.AsyncClient() as anybody:
        whole = await anybody.get(task["video_url"])
        assert whole.status_code == 200 and whole.content[4:8] == b"ftyp"
        if not database_url.startswith("sqlite"):
            other = await fleet.add()
            elsewhere = await anybody.get(task["video_url"].replace(node.url, other.url))
            assert elsewhere.content == whole.content
