"""The call maker over a real Chromium and the simulator: what `gateway.site.open_site` wires, with one profile or more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from browser.clearance import Clearance
from browser.profiles import ProfileSpec
from gateway.auth.secret import load_secret
from gateway.db.connect import Database
from gateway.grok.calls import GrokCallMaker
from gateway.grok.site import grok_site
from gateway.media.disk import DiskMedia
from gateway.profiles.places import copies_of
from gateway.profiles.pool import make_pool
from gateway.settings import Settings
from tests.simulator.client import Simulator


class Live:
    """A maker, its pool and its media store."""

    def __init__(self, maker: GrokCallMaker, pool: Any, media: DiskMedia, settings: Settings) -> None:
        self.maker = maker
        self.pool = pool
        self.media = media
        self.settings = settings

    def again(self, **changes: Any) -> GrokCallMaker:
        """Another maker on the same browsers, with other settings and nothing learnt yet."""
        return GrokCallMaker(self.pool, self.media, self.settings.model_copy(update=changes))


@asynccontextmanager
async def live(sim: Simulator, folder: Path, *, profiles: int = 1, **settings: Any) -> AsyncIterator[Live]:
    """Open it; each profile is signed in with an account of its own (p0@example.com …)."""
    given = {"browser_args": sim.browser_args, "cooldown_s": 2.0, "verify_waiting_every_s": 1.0, **settings}
    said = Settings(data_dir=folder, _env_file=None, **given)
    secret = load_secret(said)
    async with Database.open(said.effective_database_url) as db:
        media = DiskMedia(folder / "media", db)
        async with make_pool(grok_site(), said, secret, on_event=lambda _: None) as pool:
            for number in range(profiles):
                name = f"p{number}"
                copies_of(said, secret, name).import_state(await sim.account(email=f"{name}@example.com"))
                await pool.add(ProfileSpec(name))
                verdict = await pool.check(name)
                assert verdict.clearance is Clearance.READY, verdict
            yield Live(GrokCallMaker(pool, media, said), pool, media, said)
