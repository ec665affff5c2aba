"""The maker over a real page, against the simulator: what only a browser can show."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import async_playwright

from browser.chromium import find_chromium
from browser.clearance import Clearance
from browser.page_transport import PageTransport
from gateway import errors as ours
from gateway.grok.site import grok_site
from gateway.grok.verify import verify
from gateway.grok.video import GrokVideoMaker
from gateway.media.assets import AssetKind
from gateway.media.inspect import inspect_video
from gateway.settings import Protocol, Settings
from gateway.tasks.model import Preset, VideoMode, VideoResult, VideoSpec
from tests.grok.lending import OneProfilePool
from tests.grok.records import MemoryJournal, MemoryMedia, task
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class World:
    """The double and a signed-in page on it."""

    sim: Simulator
    transport: PageTransport
    account: dict[str, str]


@dataclass
class Desk:
    """A maker for one test."""

    sim: Simulator
    pool: OneProfilePool
    media: MemoryMedia
    settings: Settings
    journal: MemoryJournal

    async def make(self, spec: VideoSpec, **options: Any) -> VideoResult:
        maker = GrokVideoMaker(self.pool, self.media, self.settings.model_copy(update=options))
        return await asyncio.wait_for(maker.make(task(spec), self.journal), 20)

    async def submits(self) -> int:
        return len(await self.sim.ledger("submit_video"))


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="world")
async def the_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("page")
    async with Simulator(pace=0.2, generation="both", pictures="one") as sim, async_playwright() as playwright:
        state = await sim.account(email="a@example.com")
        context = await playwright.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=find_chromium(os.environ.get("GATEWAY_BROWSER_EXECUTABLE")).path,
            headless=True,
            chromium_sandbox=os.geteuid() != 0,
            args=["--headless=new", *sim.browser_args_list],
            downloads_path=folder / "downloads",
        )
        await context.add_cookies(state["cookies"])
        transport = await PageTransport.open(
            context,
            site=grok_site(),
            downloads_dir=folder / "downloads",
            on_lost=lambda _: None,
            on_navigated=lambda _: None,
        )
        verdict = await verify(transport)
        assert verdict.clearance is Clearance.READY
        yield World(sim, transport, dict(verdict.account))
        await transport.close()
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world: World, tmp_path: Path) -> Desk:
    await world.sim.reset()
    settings = Settings(data_dir=tmp_path, follow_poll_s=0.3, asset_wait_s=5, stream_idle_timeout_s=2)
    return Desk(
        world.sim, OneProfilePool(world.transport, world.account), MemoryMedia(tmp_path), settings, MemoryJournal()
    )


async def picture(desk: Desk, colour: str) -> str:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(file, "PNG")
    asset = await desk.media.add(
        file.getvalue(), kind=AssetKind.INPUT, suffix=".png", media_type="image/png", file_name=f"{colour}.png"
    )
    return asset.id


@pytest.mark.parametrize("protocol", [Protocol.G1, Protocol.G2])
@pytest.mark.parametrize(("mode", "pictures"), [(VideoMode.TEXT, 0), (VideoMode.IMAGE, 1), (VideoMode.REFERENCES, 3)])
async def test_every_kind_of_video_on_both_generations(
    desk: Desk, protocol: Protocol, mode: VideoMode, pictures: int
) -> None:
    images = [await picture(desk, colour) for colour in ("red", "green", "blue")[:pictures]]
    spec = VideoSpec(prompt="a köi 😀 swims", aspect_ratio="9:16", mode=mode, image_assets=tuple(images))
    result = await desk.make(spec, protocol=protocol)
    assert result.upstream["generation"] == protocol.value
    assert result.duration_s == pytest.approx(6, abs=0.5)
    assert result.height > result.width
    assert inspect_video(desk.media.target("t1.v", ".mp4")).fingerprint == result.fingerprint
    assert (await desk.submits(), len(await desk.sim.ledger("upload"))) == (1, pictures)


async def test_a_picture_without_words(desk: Desk) -> None:
    spec = VideoSpec(prompt="", mode=VideoMode.IMAGE, image_assets=(await picture(desk, "red"),), preset=Preset.NORMAL)
    assert await desk.make(spec)


@pytest.mark.parametrize("scenario", ["cut-stream", "stall=2", "cut-before-first-frame=reset", "drift=unknown"])
async def test_sight_is_lost_and_found_again(desk: Desk, scenario: str) -> None:
    name, _, value = scenario.partition("=")
    await desk.sim.play(name, value=value or None)
    assert await desk.make(VideoSpec(prompt=f"a lighthouse, {scenario}"))
    assert await desk.submits() == 1


async def test_the_file_comes_late(desk: Desk) -> None:
    await desk.sim.play("asset-late", value=3)
    assert await desk.make(VideoSpec(prompt="a slow file"))


async def test_the_page_is_stale_once(desk: Desk, world: World) -> None:
    await desk.sim.play("stale-page")
    spec = VideoSpec(prompt="an old page")
    with pytest.raises(ours.StalePage):
        await desk.make(spec)
    [verdict] = desk.pool.lease_of.verdicts
    assert verdict.clearance is Clearance.STALE_PAGE
    await world.transport.reload()  # what the pool does about it
    assert await desk.make(spec)


async def test_leaving_reaches_the_site(desk: Desk) -> None:
    await desk.sim.play("pace", value=20)
    making = asyncio.create_task(desk.make(VideoSpec(prompt="nobody waits for this")))
    while not any(entry[0] == "progress" for entry in desk.journal.log):
        await asyncio.sleep(0.01)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    [entry] = await desk.sim.wait("submit_video", outcome="reset", timeout_s=3)
    assert entry["outcome"] == "reset"
