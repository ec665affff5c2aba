"""Whoever asked to be told is told, whatever is killed; and the operator is called when the site wants a person."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Client
from tests.simulator.client import Simulator
from tests.webhooks.receiver import receiving, says

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.long
async def test_what_was_not_told_before_a_kill_is_told_after_it(make_gateway: MakeGateway) -> None:
    gateway = await make_gateway()
    async with receiving(*[says(503)] * 50) as away, gateway.client() as client:
        task_id = await client.create("a lighthouse", callback_url=away.url())
        await client.wait(task_id)
        while 503 not in await outcomes(client, task_id):
            await asyncio.sleep(0.05)
        await gateway.kill()
    async with receiving(port=away.port) as receiver:
        await gateway.start()
        secret = (await gateway.cli("key", "webhook-secret", "tests"))["webhook_secret"]
        got = await receiver.wait(within_s=60)
        message = got.verified(secret)
        assert message["type"] == "video.task.completed" and message["data"]["task_id"] == task_id
        assert got.id == away.got[0].id
        async with gateway.client() as client:
            film = await client.http.get(message["data"]["video_url"])
            assert film.headers["content-type"] == "video/mp4"
            told = await client.http.get(f"/v1/video/tasks/{task_id}/deliveries")
            assert told.json()["deliveries"][0]["id"] == got.id


async def outcomes(client: Client, task_id: str) -> list[int | None]:
    """The status of each attempt, None while one is under way."""
    told = await client.http.get(f"/v1/video/tasks/{task_id}/deliveries")
    return [attempt["status"] for delivery in told.json()["deliveries"] for attempt in delivery["attempts"]]


@pytest.mark.long
async def test_a_message_whose_sender_is_killed_is_sent_by_the_next_one(make_gateway: MakeGateway) -> None:
    """Killed while the receiver was being told: nobody knows whether it heard. It is told again, under the same id."""
    gateway = await make_gateway()
    killed = asyncio.Event()

    async def silent(_: object) -> bytes:
        await killed.wait()
        return b""

    async with receiving(silent) as receiver, gateway.client() as client:
        task_id = await client.create("a lighthouse", callback_url=receiver.url())
        await receiver.wait(within_s=60)
        await gateway.kill()
        killed.set()
        with closing(sqlite3.connect(gateway.data_dir / "gateway.db")) as rows, rows:  # forty seconds later
            assert rows.execute("UPDATE webhook_deliveries SET due_at = created_at").rowcount == 1
        await gateway.start()
        again = await receiver.wait(2, within_s=90)
        assert again.id == receiver.got[0].id and again.json["data"]["task_id"] == task_id
        listed = await gateway.cli("webhook", "list", "--task", task_id)
        assert [one["number"] for one in listed[0]["attempts"]] == [1, 2]


@pytest.mark.long
async def test_signed_out_told_fixed_told_and_the_waiting_task_goes_on(
    make_gateway: MakeGateway, sim: Simulator, tmp_path: Path
) -> None:
    async with receiving() as hook, receiving() as phone:
        gateway = await make_gateway(
            notify_webhook_url=hook.url(), notify_ntfy_url=phone.url("/topic"), notify_after_s=1,
            public_url="https://gw.example",
        )  # fmt: skip
        secret = (await gateway.cli("webhook", "secret"))["secret"]
        await sim.play("sign-out", times=1, value="401", match={"route": "submit_video"})
        async with gateway.client() as client:
            task_id = await client.create("an open door")
            said = (await hook.wait(within_s=60)).verified(secret)
            assert said["type"] == "profile.needs_attention"
            assert (said["data"]["profile"], said["data"]["state"]) == ("p0", "login_required")
            assert said["data"]["tasks_waiting"] == 1 and said["data"]["reason"]
            call = await phone.wait()
            assert call.headers["click"] == "https://gw.example/console/live/p0" and b"1 task waits" in call.body
            await gateway.import_profile("p0", await sim.account(email=f"{tmp_path.name}-0@example.com"))
            assert (await client.wait(task_id))["status"] == "completed"
            assert (await hook.wait(2, within_s=60)).verified(secret)["type"] == "profile.ready"
            assert (await phone.wait(2)).headers["title"] == "Ready again: p0"
        assert {one["state"] for one in await gateway.cli("webhook", "list", "--operator")} == {"delivered"}


async def test_a_challenge_that_one_reload_renews_calls_nobody(make_gateway: MakeGateway, sim: Simulator) -> None:
    async with receiving() as phone:
        gateway = await make_gateway(notify_ntfy_url=phone.url("/topic"), notify_after_s=20)
        await sim.play("challenge-once-reload-clears", times=1, match={"route": "submit_video"})
        async with gateway.client() as client:
            assert (await client.wait(await client.create("a patient cat")))["status"] == "completed"
        assert await gateway.cli("webhook", "list", "--operator") == [] and phone.got == []
