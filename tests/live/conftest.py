"""The simulator, a gateway with a profile that nobody signed in to, and browsers for those who look at it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from browser.chromium import find_chromium
from gateway.settings import Settings
from gateway.telemetry import configure_logging
from tests.live.operator import House, Operator, running_house
from tests.simulator.client import Simulator

NewOperator = Callable[..., Awaitable[Operator]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.3) as running:
        yield running


@pytest.fixture(scope="module")
def log() -> io.StringIO:
    """Everything the gateway logs, at its most talkative."""
    stream = io.StringIO()
    configure_logging(Settings(_env_file=None, log_format="json", log_level="debug"), stream=stream)
    return stream


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(sim: Simulator, tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> AsyncIterator[House]:
    """A gateway with the profile "work", for all tests of a module: its browser is slow to start."""
    await sim.reset(everything=True)
    async with running_house(tmp_path_factory.mktemp("house"), sim) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def house(running: House, sim: Simulator) -> House:
    """The gateway as it was in the beginning: the site challenges the profile, nobody looks at it."""
    await running.as_new(sim)
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def operator(house: House, chromium: Browser) -> AsyncIterator[Operator]:
    """Somebody signed in to the console, with the live view open."""
    async with house.operator(chromium) as operator:
        await operator.open()
        yield operator
