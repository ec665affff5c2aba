"""What the browser would show in windows that no picture has, told to whoever has control: pickers, the pointer's shape, and what
is selected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from playwright.async_api import Error

from browser.live.fields import Field, Fields, Spot, Why
from browser.live.gestures import Move, Press
from browser.live.outbox import Word

#: A page that does not say within this what lies there is pressed all the same.
LOOK_S = 1.5
#: What lies under a resting pointer is looked at so often, for its shape.
CURSOR_GAP_S = 0.25
#: Selected text that is copied out, characters.
COPY_LIMIT = 100_000


class Overlays:
    """Of one stage. tell: what is told; spawn: runs something beside."""

    def __init__(self, *, tell: Callable[[Word], None], spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._tell = tell
        self._spawn = spawn
        self._field: Field | None = None
        self._looking = False

    async def intercept(self, fields: Fields, press: Press) -> bool:
        """Answer a press on a field whose picker nobody would see with an overlay; a menu of the system does not open."""
        spot = Spot()
        why: Why = "menu" if press.button == "right" else "press"
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                spot = await fields.at(press.x, press.y, why=why)
        self._tell({"type": "spot", "cursor": spot.cursor, "editable": spot.editable, "pressed": True})
        return self._offered(spot.field)

    async def pick(self, fields: Fields, key: str) -> bool:
        """The same for a key that would open the picker of what has the focus."""
        field = None
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                field = await fields.focused()
        if key == "Enter" and field is not None and field.told["kind"] not in {"select", "color"}:
            return False  # on a date it sends the form
        return self._offered(field)

    def _offered(self, field: Field | None) -> bool:
        """Have an overlay answer for a field; whether there is one."""
        if field is not None:
            self._field = field
            self._tell({"type": "select", **field.told})
        return field is not None

    def choose(self, fields: Fields, answer: int | str | None) -> None:
        """Give the field that was offered last its answer; None leaves it as it is."""
        chosen, self._field = self._field, None
        if chosen is not None and answer is not None:
            self._spawn(self._choose(fields, chosen, answer))

    def forget(self) -> None:
        """Nobody is asked any more."""
        self._field = None

    async def _choose(self, fields: Fields, chosen: Field, answer: int | str) -> None:
        done = False
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                done = await fields.choose(chosen, answer)
        if not done:
            self._tell({"type": "notice", "code": "field_gone", "message": "the field is not there any more"})

    async def copy(self, fields: Fields) -> None:
        """Tell what is selected."""
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                self._tell({"type": "clipboard", "text": (await fields.selection())[:COPY_LIMIT]})

    def moved(self, fields: Fields, move: Move) -> None:
        """The pointer moved: look soon what lies under it."""
        if not self._looking:
            self._looking = True
            self._spawn(self._look(fields, move))

    async def _look(self, fields: Fields, move: Move) -> None:
        try:
            await asyncio.sleep(CURSOR_GAP_S)
            with suppress(Error, TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    spot = await fields.at(move.x, move.y, why="look")
                self._tell({"type": "spot", "cursor": spot.cursor, "editable": spot.editable, "pressed": False})
        finally:
            self._looking = False
