"""Hands on one page: carries out gestures in their order, and lets go of everything in the end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from playwright.async_api import CDPSession, Error, Page

from browser.live.gestures import (
    MODIFIERS,
    Button,
    Commit,
    Compose,
    Copy,
    Gesture,
    Key,
    LetGo,
    Move,
    Paste,
    Press,
    Release,
    Text,
    Wheel,
)
from browser.live.keys import CHARACTERS, UNSHIFTED, playable

log = structlog.get_logger(__name__)

#: One gesture; a page that is busy for longer has lost it.
GESTURE_S = 15.0
#: Gestures that wait for a busy page; of more, the newest are lost.
QUEUE = 300
#: Between two characters that are pasted as if typed.
TYPING_GAP_S = 0.03
#: What is typed at once goes key by key; what is longer was not typed (dictation, a word proposed by a phone).
TYPED_AT_ONCE = 3

#: Keys that open a picker of the system on what has the focus, with whether Alt is held; the space bar does, too.
PICKER_KEYS = frozenset({("Enter", False), ("F4", False), ("ArrowDown", True), ("ArrowUp", True)})

#: Looks at a place before the pointer presses there; True when it took the press upon itself.
Intercept = Callable[[Press], Awaitable[bool]]


class Hands:
    """Serves one page. `run` it in a task; give gestures to `do`."""

    def __init__(
        self,
        page: Page,
        *,
        intercept: Intercept,
        pick: Callable[[str], Awaitable[bool]],
        copy: Callable[[], Awaitable[None]],
        moved: Callable[[Move], None] = lambda _: None,
    ) -> None:
        """pick: before a key that would open a picker where the focus is; True when it took that upon itself."""
        self._page = page
        self._intercept = intercept
        self._pick = pick
        self._copy = copy
        self._moved = moved
        self._queue: deque[Gesture] = deque()
        self._wake = asyncio.Event()
        self._session: CDPSession | None = None
        self._keys: dict[str, None] = {}  # held, in the order of pressing
        self._buttons: dict[Button, None] = {}
        self._swallowed: set[Button] = set()  # pressed on something that was answered by an overlay
        self._composing = False
        #: Set while the page shows a question that must be answered first: it takes nothing else.
        self.deaf = False

    def do(self, gesture: Gesture) -> None:
        """Take a gesture. Pointer moves that were not carried out yet are replaced by newer ones."""
        if self.deaf and not isinstance(gesture, Release | Key):
            return
        last = self._queue[-1] if self._queue else None
        if isinstance(gesture, Move) and isinstance(last, Move):
            self._queue[-1] = gesture
        elif isinstance(gesture, Wheel) and isinstance(last, Wheel):
            self._queue[-1] = Wheel(gesture.x, gesture.y, last.dx + gesture.dx, last.dy + gesture.dy)
        elif len(self._queue) < QUEUE:
            self._queue.append(gesture)
        self._wake.set()

    async def run(self) -> None:
        """Carry out what comes, until cancelled."""
        while True:
            while self._queue:
                await self._try(self._carry_out(self._queue.popleft()))
            self._wake.clear()
            await self._wake.wait()

    def let_go(self, *, drop: bool = False) -> None:
        """Release every key and button that is down, and take back what an input method shows, once all before is done.

        drop: what waits to be done is dropped instead; whoever asked for it has no say any more.
        """
        if drop:
            self._queue.clear()
        if not self._queue or not isinstance(self._queue[-1], LetGo):
            self._queue.append(LetGo())
        self._wake.set()

    async def _let_go(self) -> None:
        if self._composing:
            await self._compose("")
        for key in reversed(tuple(self._keys)):
            await self._up(key)
        for button in tuple(self._buttons):
            self._buttons.pop(button, None)
            await self._page.mouse.up(button=button)
        self._swallowed.clear()

    async def _try(self, work: Awaitable[None]) -> None:
        # Playwright's errors may quote what was typed: they are not logged.
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(GESTURE_S):
                await work

    async def _carry_out(self, gesture: Gesture) -> None:
        match gesture:
            case LetGo():
                await self._let_go()
            case Copy():
                await self._copy()
            case Move() | Press() | Release() | Wheel():
                await self._point(gesture)
            case Key(down, key, code):
                await self._key(down=down, name=playable(key, code))
            case Text(" ") if not self._composing and await self._pick(" "):
                pass
            case Text(text):
                await self._type(text, gap_s=0.0) if len(text) <= TYPED_AT_ONCE else await self._insert(text)
            case Paste(text, as_typing):
                await self._paste(text, as_typing=as_typing)
            case Compose(text):
                await self._compose(text)
            case Commit(text):
                self._composing = False
                await self._insert(text)

    async def _point(self, gesture: Move | Press | Release | Wheel) -> None:
        mouse = self._page.mouse
        if isinstance(gesture, Move | Press):
            await self._repair(gesture.held)
        if not isinstance(gesture, Release) or gesture.button in self._buttons:
            await mouse.move(gesture.x, gesture.y)
        match gesture:
            case Move() if not self._buttons:
                self._moved(gesture)
            case Press(button=button, clicks=clicks):
                if button != "middle" and await self._intercept(gesture):
                    self._swallowed.add(button)
                    return
                self._buttons[button] = None
                await mouse.down(button=button, click_count=clicks)
            case Release(button=button, clicks=clicks):
                self._swallowed.discard(button)
                if button in self._buttons:
                    del self._buttons[button]
                    await mouse.up(button=button, click_count=clicks)
            case Wheel(dx=dx, dy=dy):
                await mouse.wheel(dx, dy)

    async def _repair(self, held: frozenset[str]) -> None:
        """Let go of modifiers whose release never arrived (the operator's own system took it)."""
        for name in [key for key in self._keys if key in MODIFIERS and key not in held]:
            await self._up(name)

    async def _key(self, *, down: bool, name: str | None) -> None:
        if name is None:
            return
        if down:
            if (name, "Alt" in self._keys) in PICKER_KEYS and await self._pick(name):
                return
            self._keys[name] = None
            await self._page.keyboard.down(name)
        elif name in self._keys:
            await self._up(name)

    async def _up(self, name: str) -> None:
        self._keys.pop(name, None)
        await self._page.keyboard.up(name)

    async def _type(self, text: str, *, gap_s: float) -> None:
        for character in text:
            if character in CHARACTERS and not ("Shift" in self._keys and character in UNSHIFTED):
                await self._page.keyboard.press(character)
            elif character == "\n":
                await self._page.keyboard.press("Enter")
            else:
                await self._insert(character)
            if gap_s:
                await asyncio.sleep(gap_s)

    async def _paste(self, text: str, *, as_typing: bool) -> None:
        if as_typing:
            for character in text:  # each with a time of its own: a long code is not cut off in the middle
                await self._try(self._type(character, gap_s=TYPING_GAP_S))
        else:
            await self._insert(text)

    async def _insert(self, text: str) -> None:
        if text:
            await self._page.keyboard.insert_text(text)

    async def _compose(self, text: str) -> None:
        if self._session is None:
            self._session = await self._page.context.new_cdp_session(self._page)
        self._composing = bool(text)
        end = len(text.encode("utf-16-le")) // 2  # the browser counts as JavaScript does
        await self._session.send("Input.imeSetComposition", {"text": text, "selectionStart": end, "selectionEnd": end})
