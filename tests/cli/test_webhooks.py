"""``gateway webhook`` and ``gateway key webhook-secret``."""

from __future__ import annotations

import asyncio

import pytest

from gateway.db.connect import Database
from gateway.webhooks.model import Channel
from gateway.webhooks.store import Deliveries
from tests.cli.command import Commands, Here
from tests.webhooks.receiver import receiving, says


def test_each_key_has_a_secret_that_can_be_changed(here: Here):
    here.ok("key", "create", "laptop")
    first = here.ok("key", "webhook-secret", "laptop").out.strip()
    assert first.startswith("whsec_") and first == here.ok("key", "webhook-secret", "laptop").out.strip()
    rotated = here.ok("key", "webhook-secret", "laptop", "--rotate")
    assert rotated.out.strip() != first and "both secrets for a day" in rotated.err
    assert here.told("key", "webhook-secret", "laptop")["webhook_secret"] == rotated.out.strip()
    wrong = here.run("key", "webhook-secret", "labtop")
    assert wrong.code == 1 and "did you mean laptop?" in wrong.err


def test_without_an_address_a_test_says_what_to_set(here: Here):
    told = here.run("webhook", "test")
    assert told.code == 1 and "GATEWAY_NOTIFY_NTFY_URL" in told.err
    assert "nothing was delivered" in here.ok("webhook", "list").out
    assert "gateway webhook list" in here.run("webhook", "redeliver", "evt_x").err
    assert here.ok("webhook", "secret").out.startswith("whsec_")


async def test_a_test_notification_arrives_without_a_running_gateway(gateway: Commands):
    async with receiving() as hook, receiving(says(500)) as phone:
        env = {
            "GATEWAY_NOTIFY_WEBHOOK_URL": hook.url(),
            "GATEWAY_NOTIFY_NTFY_URL": phone.url("/topic"),
            "GATEWAY_NOTIFY_NTFY_TOKEN": "tk_abc",
        }
        told = await gateway.run("webhook", "test", **env)
        assert told.code == 1 and "delivered" in told.out and "answered 500" in told.out
        secret = (await gateway.told("webhook", "secret", **env))["secret"]
        assert hook.got[0].verified(secret)["type"] == "test"
        assert phone.got[0].headers["title"] == "Grok Gateway: a test"
        assert phone.got[0].headers["authorization"] == "Bearer tk_abc"
        listed = await gateway.told("webhook", "list", "--operator", **env)
        assert {one["state"] for one in listed} == {"delivered", "pending"}
        text = (await gateway.ok("webhook", "list", **env)).out
        assert "500" in text and "test" in text
        over = next(one["id"] for one in listed if one["state"] == "delivered")
        assert (await gateway.told("webhook", "redeliver", over, **env))["state"] == "pending"


@pytest.mark.parametrize("url", ["nonsense", "ftp://there/x"])
def test_an_address_that_is_none_is_told_at_the_start(here: Here, url, monkeypatch):
    monkeypatch.setenv("GATEWAY_NOTIFY_NTFY_URL", url)
    told = here.run("webhook", "test")
    assert told.code == 1 and "GATEWAY_NOTIFY_NTFY_URL cannot be used" in told.err


def test_listing_of_a_task(here: Here):
    here.ok("key", "list")

    async def post() -> str:
        async with Database.open(f"sqlite:///{here.data_dir / 'gateway.db'}") as db:
            return await Deliveries(db).post(Channel.NTFY, "http://10.0.0.1/x", "profile.ready", {"message": "x"})

    posted = asyncio.run(post())
    assert [one["id"] for one in here.told("webhook", "list")] == [posted]
    assert here.told("webhook", "list", "--task", "task_1") == []
