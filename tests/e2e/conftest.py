"""One simulator for the whole suite; a shared gateway for what leaves it as it was, an own one for what kills it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Playwright, async_playwright

from browser.chromium import find_chromium
from tests.e2e.gateway_process import Client, Gateway
from tests.simulator.client import Simulator

MakeGateway = Callable[..., Awaitable[Gateway]]
#: pytest-playwright's `new_context`.
NewContext = Callable[..., Awaitable[BrowserContext]]


# The browser of pytest-playwright's `new_context` is the one the gateway would use; its own fixtures of the other two names
# choose no event loop, these run on the session's.
@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": find_chromium().path}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(launch_browser: Callable[[], Awaitable[Browser]]) -> AsyncIterator[Browser]:
    browser = await launch_browser()
    yield browser
    await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.6) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def _clean_simulator(sim: Simulator) -> None:
    await sim.reset()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway with one ready profile, for tests that leave it as they found it."""
    gateway = Gateway(tmp_path_factory.mktemp("shared") / "data", sim.browser_args)
    await gateway.import_profile("shared", await sim.account(email="shared@example.com"))
    await gateway.start()
    yield gateway
    await gateway.stop()
    assert not gateway.leftovers()


@pytest_asyncio.fixture(loop_scope="session")
async def client(shared: Gateway) -> AsyncIterator[Client]:
    async with shared.client() as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def make_gateway(sim: Simulator, tmp_path: Path) -> AsyncIterator[MakeGateway]:
    """Start an own gateway: ``await make_gateway(profiles=2, video_slots="1")``; ended with everything it started."""
    made: list[Gateway] = []

    async def make(*, profiles: int = 1, start: bool = True, **settings: Any) -> Gateway:
        gateway = Gateway(tmp_path / f"data{len(made)}", sim.browser_args, **{k: str(v) for k, v in settings.items()})
        made.append(gateway)
        for number in range(profiles):
            email = f"{tmp_path.name}-{number}@example.com"
            await gateway.import_profile(f"p{number}", await sim.account(email=email))
        if start:
            await gateway.start()
        return gateway

    yield make
    for gateway in made:
        if gateway.process is not None:
            await gateway.stop()
        left = gateway.leftovers()
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = tmp_path / "tiny"
    place.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False).returncode
    ):
        pytest.skip("mounting a small file system needs root")
    yield place
    subprocess.run(["umount", "-l", place], check=True)
