"""What is where in the windows that show our pages, as their own script tells it. No request of the site: in no ledger."""

from __future__ import annotations

import json

from tests.simulator.state.world import World
from tests.simulator.wire.exchange import Exchange

PATH = "/_sim/windows"
MOST = 50


async def told(world: World, exchange: Exchange) -> None:
    """Remember a window as it is now; the one told of last stands last."""
    said = json.loads(await exchange.body())
    world.windows.pop(said["id"], None)
    if not said.get("gone"):
        world.windows[said["id"]] = said
        while len(world.windows) > MOST:
            del world.windows[next(iter(world.windows))]
    await exchange.respond(204, {}, b"")
