"""Browsers that only pretend: they implement the port `browser.context`, start in no time, and die on command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from browser.checkpoint import State
from browser.clearance import Clearance, Verdict
from browser.context import Context, Gone, Observer, Restore
from browser.errors import BrowserError, SlotLost
from browser.launch import LaunchSettings
from browser.line import Line
from browser.pool import Pool
from browser.profiles import ProfileDir, ProfileSpec
from browser.settings import PoolSettings
from browser.site import Site
from browser.status import ProfileEvent
from browser.transport import PageFacts, Reply

READY = Verdict(Clearance.READY, account={"id": "ann"})
CHALLENGED = Verdict(Clearance.CHALLENGED, "the site asks for a check")
SIGNED_OUT = Verdict(Clearance.LOGIN_REQUIRED, "signed out")
STALE = Verdict(Clearance.STALE_PAGE, "another build")
KEY = b"a key of thirty-two bytes, no less"


@dataclass
class World:
    """What the pretended site says of each profile, and what happened to the pretended browsers."""

    verdicts: dict[str, Verdict | Exception] = field(default_factory=dict)  # of the verifier; READY unless set
    pages: dict[str, Verdict] = field(default_factory=dict)  # what a page itself shows
    after_reload: dict[str, Callable[[], None]] = field(default_factory=dict)
    launch_errors: dict[str, BrowserError] = field(default_factory=dict)
    contexts: dict[str, FakeContext] = field(default_factory=dict)
    restored: dict[str, Restore | None] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)  # "launch work", "close work", "reload work", …
    events: list[ProfileEvent] = field(default_factory=list)
    on_event: Callable[[ProfileEvent], None] = lambda _: None
    launch_pause_s: float = 0.0

    def site(self) -> Site:
        return Site(
            home_url="https://site.test/",
            asset_url="https://site.test/__gw",
            verify=self._verify,
            judge_page=lambda facts: self.pages.get(facts.title),
            session_cookies=frozenset({"sid"}),
        )

    async def _verify(self, transport: Any) -> Verdict:
        self.done.append(f"verify {transport.name}")
        await asyncio.sleep(0)
        said = self.verdicts.get(transport.name, READY)
        if isinstance(said, Exception):
            raise said
        return said

    def told(self, event: ProfileEvent) -> None:
        self.events.append(event)
        self.on_event(event)

    def count(self, what: str) -> int:
        return self.done.count(what)

    def copies(self) -> int:
        """How often a state was copied out, changed or not."""
        return sum(event.what in ("checkpoint saved", "checkpoint confirmed") for event in self.events)

    def states(self, profile: str) -> list[str]:
        """The clearances a profile went through."""
        changes = [e for e in self.events if e.profile == profile and e.what == "clearance changed"]
        return [str(event.clearance) for event in changes]


class FakeTransport:
    """Answers `fetch` at once, or never while `stuck`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lost = ""
        self.stuck = False
        self.open = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def die(self, reason: str) -> None:
        self.lost = reason
        if not self._over.done():
            self._over.set_exception(SlotLost(reason))
            self._over.exception()

    async def fetch(self, method: str, url: str, **_: Any) -> Reply:
        if self.lost:
            raise SlotLost(self.lost)
        if self.stuck:
            await asyncio.shield(self._over)
        return Reply(200, {}, self.name, url)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **_: Any) -> AsyncIterator[FakeStream]:
        self.open += 1
        try:
            yield FakeStream()
        finally:
            self.open -= 1


class FakeStream:
    """One piece, then silence."""

    status = 200
    headers: Mapping[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[str]:
        yield "first"
        await asyncio.Event().wait()


class FakeContext:
    """Implements `browser.context.Context`."""

    pid = None

    def __init__(self, world: World, name: str, observer: Observer) -> None:
        self.world = world
        self.name = name
        self.observer: Observer | None = observer
        self.transport: Any = FakeTransport(name)
        self.line = Line(lambda: self.observer and self.observer.silent(self))
        self.facts = PageFacts("https://site.test/", 200, title=name)
        self.cookies: list[dict[str, Any]] = []
        self.hung = False
        self.page: Any = self
        self.playwright: Any = self

    def kill(self, what: Gone) -> None:
        """Die as a browser does: the page first, then the rest a moment later."""
        self.transport.die(f"{what.value} died")
        assert self.observer is not None
        self.observer.gone(self, Gone.PAGE if what is Gone.PAGE else Gone.WINDOW, "the page is gone")
        if what in (Gone.BROWSER, Gone.DRIVER) and self.observer is not None:
            self.observer.gone(self, what, f"{what.value} died")

    def wander(self, *, own: bool = True) -> None:
        assert self.observer is not None
        self.observer.navigated(self, own)

    def shows(self, page: Any) -> bool:
        return page is self

    async def go_home(self) -> PageFacts:
        return await self._went("home")

    async def reload(self) -> PageFacts:
        self.world.after_reload.get(self.name, lambda: None)()
        return await self._went("reload")

    async def reopen(self) -> PageFacts:
        self.transport, self.hung = FakeTransport(self.name), False
        return await self._went("reopen")

    async def _went(self, how: str) -> PageFacts:
        self.world.done.append(f"{how} {self.name}")
        await asyncio.sleep(0)
        if self.transport.lost:
            raise SlotLost(self.transport.lost)
        return self.facts

    async def state(self) -> State:
        if self.transport.lost:
            raise SlotLost(self.transport.lost)
        return {"cookies": self.cookies, "origins": []}

    async def session_mark(self) -> str:
        return str(self.cookies)

    async def answers(self) -> bool:
        return not self.hung

    async def look_out(self, url: str, *, timeout_s: float) -> str:
        return f"{self.name} sees {url}"

    async def tidy(self) -> None:
        self.world.done.append(f"tidy {self.name}")

    async def close(self) -> None:
        self.observer = None
        self.transport.die("the browser was closed")
        self.world.done.append(f"close {self.name}")
        await asyncio.sleep(0)


class FakeOpener:
    """Implements `browser.context.Opener`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.closed = False

    async def open(
        self, spec: ProfileSpec, directory: ProfileDir, *, restore: Restore | None, observer: Observer
    ) -> Context:
        assert directory.locked
        self.world.done.append(f"launch {spec.name}")
        await asyncio.sleep(self.world.launch_pause_s)
        if spec.name in self.world.launch_errors:
            raise self.world.launch_errors[spec.name]
        context = self.world.contexts[spec.name] = FakeContext(self.world, spec.name, observer)
        self.world.restored[spec.name] = restore
        return context

    async def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def fake_pool(
    folder: Path,
    *profiles: str,
    slots: Mapping[str, int] | None = None,
    world: World | None = None,
    clearance: Clearance = Clearance.READY,
    **settings: Any,
) -> AsyncIterator[tuple[Pool, World]]:
    """A pool of pretended browsers on READY profiles of these names."""
    world = world or World()
    quick = {"restart_jitter_s": 0.0, "lease_grace_s": 0.2, "idle_suspend_s": None, "busy_rest_s": 0.05}
    pool = Pool(
        world.site(),
        launch=LaunchSettings(),
        profiles_dir=folder,
        slots=slots or {"chat": 2, "video": 1},
        checkpoint_key=KEY,
        settings=PoolSettings(**{**quick, **settings}),
        on_event=world.told,
        opener=FakeOpener(world),
    )
    async with pool:
        for name in profiles:
            await pool.add(ProfileSpec(name), clearance=clearance)
        yield pool, world


async def until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    """Wait for something that no event tells of; fails when it does not come."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def stands(pool: Pool, name: str) -> Clearance:
    return next(status.clearance for status in pool.status() if status.name == name)
