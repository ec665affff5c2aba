"""A task's webhook, read by the receivers that people already have."""

import json
from pathlib import Path

import pytest

from tests.clients.installing import OPENAI_NEWEST, python_with, run
from tests.front.videos import OPENAI, VIDEOS
from tests.webhooks.receiver import receiving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]
PROGRAM = Path(__file__).with_name("programs") / "openai_webhook.py"


async def test_openais_own_library_unwraps_it(front, installed):
    async with receiving() as receiver:
        answer = await front.http.post(VIDEOS, json=OPENAI | {"callback_url": receiver.url()})
        got = await receiver.wait()
    secret = (await front.services.signing.show("tests")).secret
    said = {"body": got.body.decode(), "headers": got.headers, "secret": secret}
    python = await python_with(installed, OPENAI_NEWEST)
    out = await run(str(python), str(PROGRAM), SAID=json.dumps(said))
    task_id = answer.json()["id"]
    assert json.loads(out) == {"type": "video.completed", "id": task_id, "event": got.id, "forged": "refused"}
