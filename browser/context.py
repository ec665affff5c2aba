"""The port between what decides about a profile (resident.py) and the browser that runs it (chromium_context.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from browser.checkpoint import State
from browser.line import Line
from browser.profiles import ProfileDir, ProfileSpec
from browser.transport import PageFacts, Transport


class Gone(Enum):
    """What of a context is gone. After PAGE and WINDOW it can open another page; the others end it."""

    PAGE = "page"  # its renderer crashed
    WINDOW = "window"  # somebody closed it
    BROWSER = "browser"
    DRIVER = "driver"


@dataclass(frozen=True, slots=True)
class Restore:
    """What to put back into a browser that starts. whole: set everything, not only what the profile lost."""

    state: State
    whole: bool


@dataclass(frozen=True, slots=True)
class Observer:
    """How a context tells what happens to it; called on the event loop, never after `Context.close` began.

    navigated: a main frame went elsewhere; True when it was the API page's. silent: calls have no answer any more.
    """

    gone: Callable[[Context, Gone, str], None]
    navigated: Callable[[Context, bool], None]
    silent: Callable[[Context], None]


class Context(Protocol):
    """A browser running on a profile, with its API page. Its calls raise SlotLost when it is gone."""

    pid: int | None

    @property
    def transport(self) -> Transport: ...

    @property
    def line(self) -> Line:
        """What is known of the browser's connections to the site."""
        ...

    @property
    def facts(self) -> PageFacts:
        """What the latest navigation of the API page showed."""
        ...

    @property
    def page(self) -> Any:
        """The API page, as Playwright knows it."""
        ...

    @property
    def playwright(self) -> Any:
        """The context, as Playwright knows it; for the operator's live view."""
        ...

    def shows(self, page: Any) -> bool:
        """Whether a page is one that its user would see, not one that we work with beside him (for downloads)."""
        ...

    async def go_home(self) -> PageFacts: ...

    async def reload(self) -> PageFacts: ...

    async def reopen(self) -> PageFacts:
        """Replace a dead API page by a new one at home."""
        ...

    async def state(self) -> State:
        """Return cookies and storage as they are now."""
        ...

    async def session_mark(self) -> str:
        """Return a digest of the site's session cookies; another value means a copy is due."""
        ...

    async def answers(self) -> bool:
        """Tell whether the API page's main thread still works; takes some seconds to say no."""
        ...

    async def look_out(self, url: str, *, timeout_s: float) -> str:
        """Return the text of a page elsewhere, opened beside the API page. Raises TransportFailed."""
        ...

    async def tidy(self) -> None:
        """Close the pages that an operator or the site left open beside the API page."""
        ...

    async def close(self) -> None:
        """End the browser: politely, then with signals; returns when none of its processes is left. Never raises."""
        ...


class Opener(Protocol):
    """Starts contexts."""

    async def open(
        self, spec: ProfileSpec, directory: ProfileDir, *, restore: Restore | None, observer: Observer
    ) -> Context:
        """Start a browser on a locked, cleared directory and open the site's home page.

        Raises LaunchFailed (the browser), TransportFailed (the way to the site); then nothing of it is left running.
        """
        ...

    async def close(self) -> None:
        """End what the contexts shared (driver, display)."""
        ...
