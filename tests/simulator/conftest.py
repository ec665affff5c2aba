"""One double for each file of tests, set back before every test; and an account that calls it without a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.simulator.client import Simulator
from tests.simulator.direct import Direct

# one film for all saves most of the encoding; the tests that compare pictures ask for others
OPEN = {"open_to_direct": True, "require_signature": False, "pictures": "one"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.12, generation="both", **OPEN) as sim:
        yield sim


@pytest_asyncio.fixture(loop_scope="module")
async def sim(shared: Simulator) -> Simulator:
    await shared.reset(everything=True)
    return shared


@pytest_asyncio.fixture(loop_scope="module")
async def user(sim: Simulator) -> AsyncIterator[Direct]:
    direct = Direct(sim, await sim.account(email="a@example.com"))
    async with direct.session:
        yield direct
