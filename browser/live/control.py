"""Who works with a profile by hand. Having control is a `Pool.hold`: running work is drained, nothing new begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from browser.clearance import Clearance
from browser.errors import BrowserError
from browser.hold import Held
from browser.live.outbox import Word
from browser.live.settings import LiveSettings
from browser.live.viewer import Viewer
from browser.pool import Pool

#: How often it is looked whether control has to end.
LOOK_EVERY_S = 0.5
#: So long before control ends by itself it is said that it will.
WARN_S = 60.0
#: Signed in: the page is shown for a moment before it is given back.
GOODBYE_S = 1.0

#: What is told of control: ("taken" | "given", who, why).
OnControl = Callable[[str, str, str], None]


class Control:
    """Control of one profile: at most one viewer has it, and it outlasts his connection for a while."""

    def __init__(
        self, name: str, pool: Pool, *, settings: LiveSettings, tell: Callable[[Word], None], on_control: OnControl
    ) -> None:
        self.name = name
        self.holder: Viewer | None = None
        self.held: Held | None = None
        self._pool = pool
        self._settings = settings
        self._tell = tell
        self._on_control = on_control
        self._who = ""  # also while his connection is away
        self._why = ""
        self._ends = ""  # why it will end by itself soon
        self._waiting = False
        self._ended = asyncio.Event()
        self._used_at = self._away_at = self._began_at = 0.0
        #: Called when pages begin and end to be worked with by hand.
        self.begun: Callable[[], None] = lambda: None
        self.released: Callable[[], Any] = lambda: None
        #: Called when the site's word about the profile is another one than before.
        self.noticed: Callable[[], None] = lambda: None

    @property
    def busy(self) -> bool:
        """Whether the profile is held, or about to be."""
        return self._waiting or self.held is not None

    def told(self) -> Word:
        """What viewers are told of control. "why" it ended; "ends": why it will within a minute ("idle", "too_long")."""
        state = "waiting" if self._waiting else "held" if self.held is not None else "free"
        told: dict[str, Any] = {"type": "control", "state": state, "holder": None, "who": self._who, "why": self._why}
        told["ends"] = self._ends
        if self.holder is not None:
            told["holder"] = self.holder.number
        return told

    def used(self) -> None:
        """Something was done: it is not idle."""
        self._used_at = _now()

    def take(self, viewer: Viewer) -> bool:
        """Give control to a viewer, from whoever had it. Returns whether `hold` must be run for it."""
        before, self.holder, self._who, self._why = self._who, viewer, viewer.who, ""
        self._used_at = _now()
        self._away_at = 0.0
        starts = not self.busy
        if starts:
            self._waiting = True
            self._ended.clear()
        elif before:
            self._on_control("given", before, "taken_over")
        self._on_control("taken", viewer.who, "")
        self._tell(self.told())
        return starts

    def give(self, why: str) -> None:
        """End control: "done", "idle", "too_long", "away", "signed_in", "revoked"."""
        if self.busy and not self._ended.is_set():
            self._why = why
            self._ended.set()

    def left(self, viewer: Viewer) -> None:
        """A connection ended. Whoever was done is done; whoever is signing in may come back."""
        if self.holder is viewer:
            self.holder = None
            self._away_at = _now()
            if self._is_ready():
                self.give("away")
            self._tell(self.told())

    async def hold(self) -> None:
        """Hold the profile until control ends, then give it back: checked, copied, and to work again."""
        began_ready = self._stands() is Clearance.READY
        try:
            async with self._pool.hold(self.name, timeout_s=self._settings.take_within_s) as held:
                self.held, self._waiting, self._began_at = held, False, _now()
                self.used()
                self.begun()
                self._tell(self.told())
                try:
                    await self._until_over(held, began_ready=began_ready)
                finally:
                    await self.released()
        except BrowserError as exc:
            self._why = self._why or "failed"
            self._tell({"type": "notice", "code": "control_failed", "message": str(exc)})
        finally:
            self.held, self._waiting, self.holder, self._ends = None, False, None, ""
            who, self._who = self._who, ""
            self._on_control("given", who, self._why)
            self._tell(self.told())

    async def _until_over(self, held: Held, *, began_ready: bool) -> None:
        settings, seen = self._settings, held.verdict
        while not self._ended.is_set():
            if held.verdict is not seen:
                seen = held.verdict
                self.noticed()
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._ended.wait()
            except TimeoutError:
                now = _now()
                left, why = min(
                    (self._began_at + settings.control_max_s - now, "too_long"),
                    (self._used_at + settings.idle_release_s - now, "idle"),
                )
                ends = why if left < WARN_S else ""
                if ends != self._ends:
                    self._ends = ends
                    self._tell(self.told())
                if not began_ready and held.is_ready:
                    await asyncio.sleep(GOODBYE_S)
                    self.give("signed_in")
                elif left < 0:
                    self.give(why)
                elif self.holder is None and self._away_at and now - self._away_at > settings.away_s:
                    self.give("away")

    def _is_ready(self) -> bool:
        return self.held is not None and self.held.is_ready

    def _stands(self) -> Clearance:
        return next((one.clearance for one in self._pool.status() if one.name == self.name), Clearance.NEW)


def _now() -> float:
    return asyncio.get_running_loop().time()
