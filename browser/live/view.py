"""The live view of one profile: its viewers, who has control, and the browser that runs now (or none)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

import structlog
from playwright.async_api import Error

from browser.clearance import Clearance
from browser.context import Context
from browser.errors import ProfileUnknown
from browser.live.addresses import Addresses
from browser.live.control import Control, OnControl
from browser.live.gestures import Gesture
from browser.live.outbox import Outbox, Word
from browser.live.settings import LiveSettings
from browser.live.stage import Stage
from browser.live.viewer import Viewer
from browser.pool import Pool
from browser.status import ProfileEvent

log = structlog.get_logger(__name__)

#: What is told to nobody but whoever has control: what is selected, asked, or under his pointer is his alone.
PRIVATE = frozenset({"clipboard", "select", "spot"})
#: How often it is looked how a profile stands whose browser does not run.
LOOK_EVERY_S = 1.0
#: After a browser was lost: a moment for the pool to see it, too.
AGAIN_S = 0.2


class LiveView:
    """One profile as it is shown. `run` it in a task for as long as somebody looks or works."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        *,
        group: asyncio.TaskGroup,
        settings: LiveSettings,
        on_control: OnControl,
        unused: Callable[[], None],
    ) -> None:
        """unused: called when control was given back, after which the view may be needed no more."""
        self.name = name
        self.viewers: dict[int, Viewer] = {}
        self.control = Control(name, pool, settings=settings, tell=self._tell, on_control=on_control)
        self.control.begun = self._begin_control
        self.control.released = self._end_control
        self.control.noticed = self._say_status
        self._group = group
        self._unused = unused
        self._tasks: set[asyncio.Task[None]] = set()
        self._pool = pool
        self._settings = settings
        self._stage: Stage | None = None
        self._news = asyncio.Event()
        self._said: Word = {}
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Show what runs, again and again, until cancelled; then nobody has control any more."""
        try:
            with self._pool.listen(self._pool_told):
                while True:
                    await self._show_what_runs()
        finally:
            for task in tuple(self._tasks):
                task.cancel()

    async def _show_what_runs(self) -> None:
        self._news.clear()
        context = None
        with suppress(ProfileUnknown):
            context = self._pool.context(self.name)
        if context is None:
            if self._status() != self._said:
                self._say_status()
            with suppress(TimeoutError):  # not every change of a profile without a browser is an event
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            return
        try:
            await self._show(context)
        except Exception as exc:  # the browser went away in the middle, as a rule
            log.warning("live view interrupted", profile=self.name, error=type(exc).__name__)
        self._stage = None
        self._tell({"type": "tabs", "active": None, "tabs": []})
        self._say_status()
        await asyncio.sleep(AGAIN_S)

    async def _show(self, context: Context) -> None:
        """Show one browser until it ends."""
        async with Stage.open(
            context, settings=self._settings, addresses=self._addresses(), audience=self._audience, tell=self._tell
        ) as stage:
            self._stage = stage
            if self.control.held is not None:
                stage.begin_control()
            self._say_status()
            for viewer in self.viewers.values():
                stage.welcome(viewer.outbox)
            await stage.over.wait()

    # Viewers.

    def join(self, *, who: str, may_control: bool) -> Viewer:
        viewer = Viewer(self, number=next(self._numbers), who=who, may_control=may_control)
        self.viewers[viewer.number] = viewer
        viewer.outbox.say({"type": "hello", "you": viewer.number, "may_control": may_control})
        viewer.outbox.say(self._status())
        viewer.outbox.say(self.control.told())
        if self._stage is not None:
            self._stage.welcome(viewer.outbox)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        viewer.outbox.close()
        self.viewers.pop(viewer.number, None)
        self.control.left(viewer)
        self.audience_changed(None)

    def audience_changed(self, comer: Viewer | None) -> None:
        if self._stage is not None:
            if comer is not None:
                self._stage.welcome(comer.outbox)
            self._stage.audience_changed()

    def taken(self) -> None:
        if self._stage is not None:
            self._stage.taken()

    # What viewers do. Whoever has no control is not heard.

    def take(self, viewer: Viewer) -> None:
        """Give the viewer control; others lose it. Nothing happens when he may not have it."""
        if viewer.may_control and self.control.holder is not viewer:
            if self._stage is not None:
                self._stage.let_go(drop=True)
            if self.control.take(viewer):
                self._spawn(self._hold())

    def give(self, viewer: Viewer) -> None:
        """The viewer is done."""
        if viewer.in_control:
            self.control.give("done")

    def do(self, viewer: Viewer, gesture: Gesture) -> None:
        if (stage := self._working(viewer)) is not None:
            stage.do(gesture)

    def act(self, viewer: Viewer, action: Callable[[Stage], None]) -> None:
        """Do something else with what is shown: go somewhere, answer a question, close a tab."""
        if (stage := self._working(viewer)) is not None:
            action(stage)

    def select_tab(self, viewer: Viewer, number: int) -> None:
        """Bring a tab to the front: for whoever has control, or anybody when nobody has."""
        if self._stage is not None and (viewer.in_control or not self.control.busy):
            self._stage.tabs.select(number)

    def blur(self, viewer: Viewer) -> None:
        """The viewer's window lost the focus: nothing stays pressed."""
        if viewer.in_control and self._stage is not None:
            self._stage.let_go(drop=False)

    def _working(self, viewer: Viewer) -> Stage | None:
        if not viewer.in_control or self.control.held is None:
            return None
        self.control.used()
        return self._stage

    # Control.

    async def _hold(self) -> None:
        try:
            await self.control.hold()
        except Exception:
            log.exception("control ended badly", profile=self.name)
        finally:
            self._say_status()
            self._unused()

    def _begin_control(self) -> None:
        if self._stage is not None:
            self._stage.begin_control()

    async def _end_control(self) -> None:
        if self._stage is not None:
            with suppress(Error):
                await self._stage.end_control()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What is told.

    def _audience(self) -> Sequence[Outbox]:
        return [viewer.outbox for viewer in self.viewers.values() if viewer.looking]

    def _tell(self, word: Word) -> None:
        holder = self.control.holder
        for viewer in self.viewers.values():
            if word["type"] not in PRIVATE or viewer is holder:
                viewer.outbox.say(word)
        if word["type"] == "tabs" and self._stage is not None:
            self._stage.audience_changed()

    def _pool_told(self, event: ProfileEvent) -> None:
        if event.profile == self.name:
            self._news.set()
            self._say_status()

    def _say_status(self) -> None:
        self._said = self._status()
        self._tell(self._said)

    def _status(self) -> Word:
        """How the profile stands, in the pool's words."""
        status = next((one for one in self._pool.status() if one.name == self.name), None)
        if status is None:
            return {"type": "status", "clearance": None, "running": False}
        held = self.control.held
        word: dict[str, Any] = {
            "type": "status",
            "clearance": str(status.clearance),
            "reason": status.reason,
            "since": status.since.isoformat(),
            "running": status.running,
            "released": status.released,
            "checkpoint_at": None if status.last_checkpoint_at is None else status.last_checkpoint_at.isoformat(),
            "signed_in": status.clearance is Clearance.READY or (held is not None and held.is_ready),
        }
        if held is not None and held.verdict is not None:
            word["seen"] = str(held.verdict.clearance)
            word["seen_reason"] = held.verdict.reason
        return word

    def _addresses(self) -> Addresses:
        status = next((one for one in self._pool.status() if one.name == self.name), None)
        site = self._pool.site
        return Addresses(
            (site.home_url, site.asset_url, site.sign_in_url),
            allow_private=self._settings.allow_private,
            behind_proxy=status is not None and status.proxy is not None,
        )
