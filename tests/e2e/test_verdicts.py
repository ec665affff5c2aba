"""What the site says is understood, told to the caller, and mended by the operator where a human is wanted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import Client, Gateway, free_port
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("moderated", "content_moderated"),
        ("moderated-late-attachment", "content_moderated"),
        ("content-moderated-403", "content_moderated"),
        ("text-only", "no_video_in_answer"),
        ("bad-input", "upstream_refused"),
        ("spending-402", "upstream_spending_limit"),
    ],
)
async def test_a_verdict_on_the_request_fails_it_with_its_code_and_leaves_the_profile_alone(
    client: Client, shared: Gateway, sim: Simulator, scenario: str, code: str
) -> None:
    task = await client.wait(await client.create(f"something [sim:{scenario}]"))
    assert task["status"] == "failed", task
    assert task["error"]["code"] == code and task["error"]["retryable"] is False
    assert task["error"]["message"]
    assert len(await sim.ledger(kind="submit_video")) == 1
    assert (await shared.cli("profile", "show", "shared"))["state"] == "ready"


async def test_a_picture_that_was_returned_for_another_prompt_is_not_success(client: Client, shared: Gateway) -> None:
    first = await client.wait(await client.create("a harbour [sim:decoy]"))
    second = await client.wait(await client.create("a desert [sim:decoy]"))
    assert first["status"] == "completed"
    assert second["status"] == "failed" and second["error"]["code"] == "suspect_output", second
    assert "video_url" not in second
    events = (await shared.cli("profile", "show", "shared"))["events"]
    assert any(
        event["type"] == "suspect output" and second["task_id"] in event["data"]["reason"] for event in events
    ), "the profile is marked"


@pytest.mark.parametrize("scenario", ["rate-limit-429=2", "rate-limit-in-stream=top", "rate-limit-in-stream=response"])
async def test_a_rate_limit_is_waited_out(client: Client, sim: Simulator, scenario: str) -> None:
    name, _, value = scenario.partition("=")
    await sim.play(name, times=1, value=value)
    task = await client.wait(await client.create(f"a queue of ducks, {scenario}"), within_s=60)
    assert task["status"] == "completed", task
    assert len(await sim.ledger(kind="submit_video")) == 2


@pytest.mark.parametrize("scenario", ["stale-page", "challenge-once-reload-clears"])
async def test_what_passes_by_itself_is_not_the_callers_business(client: Client, sim: Simulator, scenario: str) -> None:
    await sim.play(scenario, times=1, match={"route": "submit_video"})
    task = await client.wait(await client.create(f"a patient cat, {scenario}"), within_s=60)
    assert task["status"] == "completed", task


@pytest.mark.parametrize("scenario", ["load-shed-503", pytest.param("stream-overload", marks=pytest.mark.long)])
async def test_a_video_the_site_sheds_is_looked_for_and_not_asked_for_again(
    client: Client, sim: Simulator, scenario: str
) -> None:
    """Table 2.12: no replay of media. The site may have begun; only its records can tell."""
    task = await client.wait(await client.create(f"an impatient cat [sim:{scenario}]"), within_s=90)
    assert task["status"] == "failed", task
    assert task["error"]["code"] == "upstream_overloaded" and task["error"]["retryable"] is True
    assert len(await sim.ledger(kind="submit_video")) == 1


async def waiting_for(client: Client, task_id: str, code: str) -> dict[str, object]:
    async with asyncio.timeout(60):
        while True:
            task = await client.get(task_id)
            if task.get("waiting", {}).get("code") == code:
                return task
            assert task["status"] in ("pending", "running"), task
            await asyncio.sleep(0.1)


async def test_a_challenge_waits_for_the_operators_click_in_the_profiles_own_window(
    sim: Simulator, make_gateway: MakeGateway
) -> None:
    """The operator's hand is Playwright's here, through a debugging port the operator asked Chromium for."""
    port = free_port()
    gateway = await make_gateway(start=False)
    gateway.env["GATEWAY_BROWSER_ARGS"] += f" --remote-debugging-port={port}"
    await gateway.start()
    await sim.play("challenge", times=1, match={"route": "submit_video"})
    async with gateway.client() as client:
        task_id = await client.create("a gate")
        task = await waiting_for(client, task_id, "challenge_required")
        assert task["waiting"]["reason"]  # type: ignore[index]
        profile = await gateway.cli("profile", "show", "p0")
        assert profile["state"] == "challenged" and profile["reason"] and profile["next_action"]
        assert (await client.http.get("/readyz")).status_code == 503
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")
            page = next(p for p in browser.contexts[0].pages if "grok.com" in p.url)
            await page.get_by_role("checkbox").click()
            await browser.close()
        assert (await client.wait(task_id))["status"] == "completed"
    assert (await gateway.cli("profile", "show", "p0"))["state"] == "ready"


async def test_a_signed_out_profile_waits_and_goes_on_after_a_new_sign_in(
    sim: Simulator, make_gateway: MakeGateway, tmp_path: Path
) -> None:
    gateway = await make_gateway()
    await sim.play("sign-out", times=1, value="401", match={"route": "submit_video"})
    async with gateway.client() as client:
        task_id = await client.create("an open door")
        await waiting_for(client, task_id, "login_required")
        assert (await gateway.cli("profile", "show", "p0"))["state"] == "login_required"
        await gateway.import_profile("p0", await sim.account(email=f"{tmp_path.name}-0@example.com"))
        assert (await client.wait(task_id))["status"] == "completed"


async def test_a_full_disk_delays_a_video_and_loses_nothing(
    sim: Simulator, make_gateway: MakeGateway, tiny_disk: Path
) -> None:
    gateway = await make_gateway(media_url=f"file://{tiny_disk}")
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(b"x" * 6_500_000)
    async with gateway.client() as client:
        task_id = await client.create("a big balloon [sim:asset-big=4]")
        await waiting_for(client, task_id, "storage_full")
        ballast.unlink()
        task = await client.wait(task_id)
        assert task["status"] == "completed", task
    assert len(await sim.ledger(kind="submit_video")) == 1
