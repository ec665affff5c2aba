"""Chats and pictures over a real Chromium, against the simulator."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from gateway import errors
from gateway.calls.model import (
    ChatRequest,
    Citation,
    Ended,
    ImageRequest,
    Picture,
    PictureRefused,
    Reasoning,
    Role,
    Text,
    Turn,
)
from gateway.grok.calls import GrokCallMaker
from gateway.media.assets import AssetKind
from tests.calls.live import Live, live
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.4) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    async with live(sim, tmp_path_factory.mktemp("live"), call_queue_timeout_s=30.0) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _clean(sim: Simulator, site: Live) -> None:
    await sim.reset()


async def said(maker: GrokCallMaker, words: str, **request: Any) -> list[Any]:
    turns = request.pop("turns", (Turn(Role.USER, words),))
    async with asyncio.timeout(60), maker.chat(ChatRequest(turns, **{"mode": "fast", **request})) as events:
        return [event async for event in events]


async def drawn(maker: GrokCallMaker, prompt: str, **request: Any) -> list[Any]:
    async with asyncio.timeout(60), maker.images(ImageRequest(prompt, **request)) as events:
        return [event async for event in events]


def kinds(events: list[Any], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def text(events: list[Any]) -> str:
    return "".join(event.text for event in kinds(events, Text))


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 200), "red").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("protocol", ["rest", "mgw"])
async def test_a_chat(site, sim, protocol):
    maker = site.again(chat_protocol=protocol)
    events = await said(maker, "say: héllo 𝄞 wörld")
    assert text(events) == "héllo 𝄞 wörld"
    assert events[-1] == Ended("stop", "héllo 𝄞 wörld")
    events = await said(maker, "[sim:thinking][sim:web-search] say: a b c")
    assert kinds(events, Reasoning)
    assert text(events) == "a b c"
    assert kinds(events, Citation)
    assert events[-1].sources
    assert len(await sim.ledger("submit_chat" if protocol == "rest" else "mgw")) == 2


@pytest.mark.parametrize("protocol", ["rest", "mgw"])
async def test_a_chat_that_draws_and_one_that_looks(site, sim, protocol):
    maker = site.again(chat_protocol=protocol)
    events = await said(maker, "[sim:draw] say: see")
    (first, *_) = kinds(events, Picture)
    asset = await site.media.get(first.asset_id)
    assert asset.kind is AssetKind.IMAGE
    assert asset.size_bytes > 1000
    assert (asset.width, asset.height) == (first.width, first.height)
    kept = await site.media.add(png(), kind=AssetKind.INPUT, suffix=".png", media_type="image/png")
    turns = (Turn(Role.SYSTEM, "Be brief."), Turn(Role.USER, "say: red", images=(kept.id,)))
    assert "red" in text(await said(maker, "", turns=turns))
    assert len(await sim.ledger("upload")) == 1


@pytest.mark.parametrize(
    "scenario", ["framing-ndjson", "framing-concat", "framing-sse", "split-bytes=7", "keep-open", "draw-cards"]
)
async def test_streams_of_every_form(site, scenario):
    events = await said(site.again(), f"[sim:{scenario}] say: ä b 漢 d")
    assert text(events) == "ä b 漢 d"


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("rate-limit-in-stream=top", errors.RateLimited),
        ("rate-limit-in-stream=response", errors.RateLimited),
        ("rate-limit-429=7", errors.RateLimited),
        ("stream-overload", errors.UpstreamOverloaded),
        ("context-too-long", errors.ContextTooLong),
        ("content-moderated-403", errors.ContentModerated),
        ("empty-answer=message", errors.EmptyAnswer),
        ("load-shed-503", errors.UpstreamOverloaded),
        ("spending-402", errors.SpendingLimit),
    ],
)
async def test_what_can_go_wrong(site, scenario, expected):
    maker = site.again(chat_protocol="rest")
    with pytest.raises(expected) as failed:
        await said(maker, f"[sim:{scenario}][sim:tokens=20] go on", mode=f"m-{scenario[:20]}")
    if scenario == "rate-limit-429=7":
        assert failed.value.retry_after_s == pytest.approx(7, abs=1)


async def test_a_stream_that_breaks_is_mended(site):
    events = await said(site.again(chat_protocol="rest"), "[sim:cut-stream=9:reset][sim:tokens=20] go on")
    assert len(text(events).split()) == 20
    assert events[-1].text == text(events)


async def test_the_chat_socket_refuses_and_is_replaced(site, sim):
    maker = site.again(chat_protocol="mgw")
    with pytest.raises(errors.RateLimited):
        await said(maker, "[sim:mgw-error=rate_limit_exceeded] hi", mode="m-mgw")
    await sim.settings(mgw=False)
    with pytest.raises(errors.UpstreamError):
        await said(maker, "say: hi")
    await sim.settings(mgw=True)
    await sim.play("shape-refused", match={"route": "submit_chat"})
    assert text(await said(site.again(chat_protocol="auto"), "say: by socket")) == "by socket"


@pytest.mark.parametrize("protocol", ["rest", "mgw"])
async def test_leaving_stops_the_site_within_twenty_milliseconds(site, sim, protocol):
    maker = site.again(chat_protocol=protocol)
    took = []
    for _ in range(5):
        await sim.clear_ledger()
        async with maker.chat(
            ChatRequest((Turn(Role.USER, "[sim:tokens=400][sim:every=0.02] go on"),), mode="fast")
        ) as events:
            await anext(aiter(events))
            left = time.monotonic()
        kind = "submit_chat" if protocol == "rest" else "mgw"
        async with asyncio.timeout(5):  # the whole answer would take eight seconds
            while (entry := (await sim.ledger(kind))[0])["outcome"] == "open":
                await asyncio.sleep(0.01)
        took.append(entry["finished_at"] - left)
    assert sorted(took)[2] < 1, took


@pytest.mark.parametrize("protocol", ["rest", "mgw"])
async def test_fifty_chats_at_once_on_one_profile(site, protocol):
    maker = site.again(chat_protocol=protocol)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        asked = [
            group.create_task(said(maker, f"[sim:every=0.02] say: {' '.join(f'n{number}' for _ in range(20))}"))
            for number in range(50)
        ]
    for number, task in enumerate(asked):
        assert text(task.result()) == " ".join(f"n{number}" for _ in range(20))
    assert time.monotonic() - began < 60
    assert site.pool.status()[0].slots["chat"].used == 0


@pytest.mark.parametrize(
    ("count", "quality", "ratio"), [(1, "speed", "1:1"), (10, "speed", "16:9"), (2, "quality", "9:20")]
)
async def test_pictures(site, count, quality, ratio):
    events = await drawn(site.again(), "a cat", count=count, quality=quality, aspect_ratio=ratio)
    pictures = kinds(events, Picture)
    assert len(pictures) == count
    width, height = (float(part) for part in ratio.split(":"))
    assert all(found.width / found.height == pytest.approx(width / height, rel=0.05) for found in pictures)
    assert len({found.asset_id for found in pictures}) == count


async def test_pictures_that_are_refused_and_limits(site, sim):
    maker = site.again()
    with pytest.raises(errors.ContentModerated):
        await drawn(maker, "a cat [sim:image-ws-moderated=all]", count=2)
    events = await drawn(maker, "a cat [sim:image-ws-moderated=first]", count=2)
    assert (len(kinds(events, Picture)), len(kinds(events, PictureRefused))) == (1, 1)
    await sim.clear_ledger()
    with pytest.raises(errors.RateLimited) as limited:
        await drawn(maker, "a cat [sim:image-ws-rate-limit]")
    assert (limited.value.retry_after_s or 0) > 0
    assert len(await sim.ledger("image_ws")) == 1
    assert not await sim.ledger("submit_chat")
    await asyncio.sleep(limited.value.retry_after_s or 0)
    await sim.play("rate-limit-429", match={"route": "image_ws"})
    assert len(kinds(await drawn(maker, "a cat [sim:draw=2]", count=2), Picture)) == 2
    assert len(await sim.ledger("submit_chat")) == 1


@pytest.mark.parametrize("generation", ["g2", "g1"])
async def test_edits(site, sim, generation):
    await sim.settings(generation=generation)
    kept = await site.media.add(png(), kind=AssetKind.INPUT, suffix=".png", media_type="image/png")
    maker = site.again()
    assert len(kinds(await drawn(maker, "make it blue", count=3, images=(kept.id,)), Picture)) == 3
    with pytest.raises(errors.ContentModerated):
        await drawn(maker, "make it blue [sim:moderated]", images=(kept.id,))


async def test_a_profile_that_was_signed_out_says_so_at_once(site, sim):
    await sim.play("sign-out", value="401", match={"route": "submit_chat"})
    maker = site.again(chat_protocol="rest")
    with pytest.raises(errors.LoginRequired):
        await said(maker, "hi")
    began = time.monotonic()
    with pytest.raises(errors.NoProfileReady, match="sign in"):
        await said(maker, "hi")
    assert time.monotonic() - began < 10
