"""The pages of a context that people look at, as tabs: the newest pop-up comes to the front, its opener when it closes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Error, Page

from browser.live.fields import Fields
from browser.live.hands import Hands

TITLE_S = 2.0


@dataclass(eq=False)
class Tab:
    """One page that is shown. opener: the number of the tab that opened it."""

    number: int
    page: Page
    hands: Hands
    fields: Fields
    opener: int | None = None
    title: str = ""
    loading: bool = False
    resized: bool = False
    task: asyncio.Task[None] | None = None
    _heard: list[tuple[str, Callable[[Any], None]]] = field(default_factory=list)

    def listen(self, event: str, heard: Callable[[Any], None]) -> None:
        """Listen to the page for as long as it is shown."""
        self._heard.append((event, heard))
        on: Any = self.page.on
        on(event, heard)

    def release(self) -> None:
        """Leave the page alone: it may live on when nobody looks any more."""
        if self.task is not None:
            self.task.cancel()
        for event, heard in self._heard:
            with suppress(Error, KeyError, ValueError):
                self.page.remove_listener(event, heard)
        self._heard.clear()

    def told(self) -> dict[str, Any]:
        return {"id": self.number, "url": self.page.url, "title": self.title, "loading": self.loading}


class Tabs:
    """The tabs of one context. changed: called when their list, titles or addresses are others than before."""

    def __init__(self, *, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._tabs: dict[int, Tab] = {}
        self._numbers = itertools.count(1)
        self._active: int | None = None

    def __len__(self) -> int:
        return len(self._tabs)

    def __iter__(self) -> Any:
        return iter(tuple(self._tabs.values()))

    @property
    def active(self) -> Tab | None:
        return self._tabs.get(self._active) if self._active is not None else None

    def get(self, number: int) -> Tab | None:
        return self._tabs.get(number)

    def of(self, page: Page | None) -> Tab | None:
        return next((tab for tab in self._tabs.values() if tab.page is page), None)

    def number(self) -> int:
        return next(self._numbers)

    def add(self, tab: Tab, *, front: bool) -> None:
        self._tabs[tab.number] = tab
        if front or self._active is None:
            self._active = tab.number
        self._changed()

    def remove(self, tab: Tab) -> None:
        """Forget a tab that closed; its opener comes to the front, or else the oldest."""
        if self._tabs.pop(tab.number, None) is None:
            return
        if self._active == tab.number:
            back = tab.opener if tab.opener in self._tabs else None
            self._active = back if back is not None else next(iter(self._tabs), None)
        self._changed()

    def select(self, number: int) -> None:
        if number in self._tabs and number != self._active:
            self._active = number
            self._changed()

    async def refresh_title(self, tab: Tab) -> None:
        """Ask the page for its title; a busy one keeps what it had."""
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(TITLE_S):
                title = (await tab.page.title())[:200]
            if title != tab.title and tab.number in self._tabs:
                tab.title = title
                self._changed()

    def told(self) -> dict[str, Any]:
        """What viewers are told of the tabs."""
        return {"type": "tabs", "active": self._active, "tabs": [tab.told() for tab in self._tabs.values()]}
