"""Refusals, errors inside streams, results that are none, the door, quotas and the control port."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from curl_cffi.requests.exceptions import RequestException

from tests.simulator.client import Simulator, SimulatorError
from tests.simulator.direct import NEW, Direct, last_video, objects, text_of, video_g2

pytestmark = pytest.mark.asyncio(loop_scope="module")


# refusals

REFUSALS = {
    "rate-limit-429=7": (429, "Too many requests"),
    "content-moderated-403": (403, "content-moderated"),
    "bad-input": (400, '"code":3'),
    "not-found": (404, '"code":5'),
    "load-shed-500": (500, '"code":13'),
    "load-shed-502": (502, "<html>"),
    "load-shed-503": (503, '"code":14'),
    "load-shed-503=html": (503, "<html>"),
    "load-shed-504": (504, '"code":14'),
    "spending-402": (402, "Spending"),
    "shape-refused": (400, "unknown field"),
    "antibot": (403, "Request rejected by anti-bot rules."),
    "stale-page": (403, "This page is out of date. Reload to continue."),
    "sign-out": (401, "invalid-credentials"),
    "blocked-user": (403, "blocked-user"),
    "challenge": (403, "Just a moment"),
    "challenge-empty-body": (403, ""),
    "attachment-too-large=413": (413, "attachmentImageTooLarge"),
}
IN_STREAM = {
    "rate-limit-in-stream": '"code":8',
    "rate-limit-in-stream=response": "usageLimitReached",
    "usage-pool-exhausted": "usagePoolExhausted",
    "stream-overload": "ResourceExhausted",
    "context-too-long": "beyondContextLength",
    "attachment-too-large": "attachmentImageTooLarge",
    "concurrency-limit": "concurrencyLimit",
    "stream-error=systemKillSwitch": "systemKillSwitch",
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_refusals(user: Direct, name: str) -> None:
    status, text = REFUSALS[name]
    answer = await user.post(NEW, video_g2(f"a fox [sim:{name}]"))
    assert answer.status_code == status
    assert text in answer.text
    if name.startswith("rate-limit"):
        assert answer.headers["retry-after"] == "7"
    if name.startswith("challenge"):
        assert answer.headers["cf-mitigated"] == "challenge"
        assert bool(answer.content) is (name == "challenge")


@pytest.mark.parametrize("name", IN_STREAM)
async def test_errors_inside_a_stream(user: Direct, name: str) -> None:
    answer = await user.post(NEW, video_g2(f"a fox [sim:{name}]"))
    assert answer.status_code == 200
    assert IN_STREAM[name] in answer.text
    assert last_video(objects(answer.text)) == {}


async def test_results_that_are_none(user: Direct) -> None:
    videos = {}
    for name in (
        "moderated",
        "moderated-late-attachment",
        "progress-100-no-url",
        "text-only",
        "drift",
        "drift=renamed",
    ):
        videos[name] = last_video(await user.submit(video_g2(f"a fox [sim:{name}]")))
    assert all("videoUrl" not in video for video in videos.values())
    assert videos["moderated"]["moderated"] is True
    assert videos["progress-100-no-url"]["moderated"] is False
    assert videos["text-only"] == videos["drift"] == {}
    assert videos["drift=renamed"]["videoLocation"]
    empty = await user.post(NEW, video_g2("a fox [sim:empty-answer]"))
    assert (empty.status_code, empty.content) == (200, b"")


async def test_quota_counts_down_to_429(sim: Simulator) -> None:
    poor = Direct(sim, await sim.account(quotas={"video": 1, "imageEdit": None}))
    async with poor.session:
        await poor.submit(video_g2("a fox"))
        refused = await poor.post(NEW, video_g2("a fox"))
        assert refused.status_code == 429
        info = (await poor.post("/rest/media/imagine/quota_info", {})).json()
        assert info["video"]["remainingQueries"] == 0
        assert "nextAvailableAt" in info["video"]
        assert info["imageEdit"] is None
        await sim.play("quota-null-fields")
        assert (await poor.post("/rest/media/imagine/quota_info", {})).json()["video"] is None
        before = (await poor.post("/rest/rate-limits", {"modelName": "fast"})).json()["remainingQueries"]
        await poor.submit({"modeId": "fast", "message": "hi"})
        after = (await poor.post("/rest/rate-limits", {"modelName": "fast"})).json()["remainingQueries"]
        assert after == before - 1


async def test_drawings_as_cards(user: Direct) -> None:
    frames = await user.submit({"message": "a cat [sim:draw-cards]"})
    responses = [frame["result"].get("response", {}) for frame in frames]
    chunks = [
        json.loads(one["cardAttachment"]["jsonData"])["image_chunk"] for one in responses if "cardAttachment" in one
    ]
    assert [one["progress"] for one in chunks] == [50, 100]
    assert chunks[1]["imageUrl"].endswith("/image.jpg")
    assert "render_generated_image" in text_of(frames)


async def test_concurrency_limit_of_an_account(sim: Simulator) -> None:
    one = Direct(sim, await sim.account(video_concurrency=1))
    async with one.session:
        first = asyncio.ensure_future(one.submit(video_g2("a fox [sim:pace=1]")))
        await sim.wait("submit_video")
        assert "concurrencyLimit" in (await one.post(NEW, video_g2("a fox"))).text
        assert last_video(await first)["progress"] == 100


# the door


async def test_a_plain_client_meets_the_challenge_even_with_cookies(sim: Simulator, user: Direct) -> None:
    await sim.settings(open_to_direct=False)
    answer = await user.get("/api/auth/session")
    assert answer.status_code == 403
    assert answer.headers["cf-mitigated"] == "challenge"
    assert "challenge-platform" in answer.text


async def test_an_imported_clearance_belongs_to_the_first_browser_that_shows_it(sim: Simulator, user: Direct) -> None:
    await sim.settings(open_to_direct=False)

    async def status(agent: str, **more: str) -> int:
        facts = {"sec-ch-ua": '"x"', "sec-fetch-mode": "cors", "sec-fetch-site": "same-origin", "user-agent": agent}
        return (await user.get("/api/auth/session", headers=facts | more)).status_code

    assert await status("First/1") == 200
    assert await status("Second/1") == 403
    assert await status("First/1") == 200
    await sim.challenge("a@example.com")
    assert await status("First/1") == 403
    await sim.challenge("a@example.com", on=False)
    assert await status("First/1") == 200


async def test_protected_calls_need_the_pages_signature(sim: Simulator, user: Direct) -> None:
    await sim.settings(require_signature=True)
    refused = await user.post(NEW, video_g2("a fox"))
    assert refused.json() == {"error": {"code": 7, "message": "Request rejected by anti-bot rules.", "details": []}}
    assert (await user.get("/api/auth/session")).json()["status"] == "authenticated"


async def test_sign_out_and_block_show_in_the_session(sim: Simulator, user: Direct) -> None:
    await sim.act("a@example.com", "block")
    assert (await user.get("/api/auth/session")).json() == {"status": "blocked"}
    await sim.act("a@example.com", "unblock")
    await sim.act("a@example.com", "sign-out")
    assert (await user.get("/api/auth/session")).json() == {"status": "unauthenticated"}
    assert (await user.post(NEW, video_g2("a fox"))).status_code == 401


# control port


async def test_plays_are_used_up_and_matched(sim: Simulator, user: Direct) -> None:
    await sim.play("load-shed-503", match={"prompt": "fox"})
    assert (await user.post(NEW, {"message": "say: ship"})).status_code == 200
    assert (await user.post(NEW, {"message": "say: fox"})).status_code == 503
    assert (await user.post(NEW, {"message": "say: fox"})).status_code == 200
    await sim.play("rate-limit-429", times=None, match={"route": "session", "account": "a@example.com"})
    assert [(await user.get("/api/auth/session")).status_code for _ in range(2)] == [429, 429]
    with pytest.raises(SimulatorError, match="no scenario"):
        await sim.play("nonsense")


async def test_wait_times_out_with_a_reason(sim: Simulator) -> None:
    with pytest.raises(SimulatorError, match="0 of 1"):
        await sim.wait("submit_video", 1, timeout_s=0.1)


async def test_every_scenario_has_a_line_of_documentation(sim: Simulator) -> None:
    scenarios = await sim.scenarios()
    assert len(scenarios) > 50
    assert all(one["doc"] for one in scenarios.values())


async def test_the_readme_lists_every_scenario_and_setting(sim: Simulator) -> None:
    text = (Path(__file__).parent / "README.md").read_text()
    names = [*await sim.scenarios(), *await sim.settings()]
    assert [name for name in names if f"| `{name}` |" not in text] == []


@pytest.mark.parametrize("how", ["requests", "answers", "reading"])
async def test_a_wedged_connection_answers_nothing_more_and_a_new_one_does(
    sim: Simulator, user: Direct, how: str
) -> None:
    assert (await user.get("/api/auth/session")).status_code == 200
    assert await sim.wedge(how) >= 1
    with pytest.raises(RequestException):
        await user.get("/api/auth/session", timeout=0.5)
    other = Direct(sim, await sim.account(email="b@example.com"))
    async with other.session:
        assert (await other.get("/api/auth/session")).status_code == 200
