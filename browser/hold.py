"""What an operator holds: a profile's page, alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from browser.clearance import Clearance, Verdict
from browser.context import Context
from browser.errors import SlotLost
from browser.transport import Transport


class Held:
    """A profile in an operator's hands, until `Pool.hold` is left. Nothing else works on it meanwhile.

    The site's verifier runs every few seconds and after each navigation; `verdict` is its latest word. When it says
    READY a checkpoint is taken at once. `window_closed` is set when the page's window closed, as an operator's does who is
    done (a new one opens after a moment; a program that showed a local window takes it as the end).
    """

    def __init__(self, profile: str, *, context: Callable[[], Context | None], sign_in_url: str) -> None:
        self.profile = profile
        self.verdict: Verdict | None = None
        self.window_closed = asyncio.Event()
        self._context = context
        self._sign_in_url = sign_in_url
        self._ready = asyncio.Event()

    @property
    def page(self) -> Any:
        """The API page (Playwright's Page). Raises SlotLost while the browser starts again after a crash."""
        return self._running().page

    @property
    def context(self) -> Any:
        """The browser context (Playwright's), with the popups and tabs of a sign-in. Raises SlotLost as `page` does."""
        return self._running().playwright

    @property
    def is_ready(self) -> bool:
        """Whether the site's latest word is READY and a checkpoint was taken since."""
        return self._ready.is_set()

    @property
    def transport(self) -> Transport:
        """The page's calls. Raises SlotLost as `page` does."""
        return self._running().transport

    async def show_sign_in(self) -> None:
        """Open the site's sign-in page (its home page when it has none of its own)."""
        if self._sign_in_url:
            await self.page.goto(self._sign_in_url, wait_until="domcontentloaded")
        else:
            await self._running().go_home()

    async def wait_ready(self) -> Verdict:
        """Wait until the site says that the profile may work; its checkpoint has been taken then."""
        await self._ready.wait()
        assert self.verdict is not None
        return self.verdict

    def noted(self, verdict: Verdict) -> bool:
        """Take the verifier's word; returns whether it is the first READY after another word."""
        was_ready = self.verdict is not None and self.verdict.clearance is Clearance.READY
        self.verdict = verdict
        if verdict.clearance is not Clearance.READY:
            self._ready.clear()
            return False
        return not was_ready

    def saved(self) -> None:
        """A checkpoint was taken; whoever waits for READY goes on."""
        if self.verdict is not None and self.verdict.clearance is Clearance.READY:
            self._ready.set()

    def _running(self) -> Context:
        context = self._context()
        if context is None:
            raise SlotLost(f"profile {self.profile}: its browser does not run")
        return context
