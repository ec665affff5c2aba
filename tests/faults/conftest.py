"""A simulator for the session, and fleets of gateways on the database that the test names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.conftest import tiny_disk  # noqa: F401  # a fixture
from tests.faults.fleet import Fleet
from tests.simulator.client import Simulator

MakeFleet = Callable[..., Fleet]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.6) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def _clean_simulator(sim: Simulator) -> None:
    await sim.reset()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """For tests that show the same on both databases."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest_asyncio.fixture(loop_scope="session")
async def make_fleet(sim: Simulator, tmp_path: Path) -> AsyncIterator[MakeFleet]:
    """``make_fleet(url, video_slots=4)``; closed with the test."""
    made: list[Fleet] = []

    def make(database_url: str, **settings: Any) -> Fleet:
        made.append(Fleet(tmp_path / f"fleet{len(made)}", sim, database_url, **settings))
        return made[-1]

    yield make
    for fleet in made:
        await fleet.close()
