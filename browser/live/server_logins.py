"""What a server asks before it shows anything: name and password of HTTP itself (401), for which Chromium's own window is in no
picture.

Heard only while somebody has control. Only documents are looked at, and let through at once: what a page fetches by itself is
left alone. A server is told "nobody" first, so that its own page about it is shown and nothing waits: a page that waits for an
answer answers nobody, and is taken for hung. With the operator's answer the same address is opened once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, Error, Page

from browser.live.asked import next_number
from browser.live.outbox import Word

SEND_S = 5.0
OPEN_S = 30.0
_DOCUMENTS = {"patterns": [{"urlPattern": "*", "resourceType": "Document"}], "handleAuthRequests": True}


@dataclass(frozen=True, slots=True)
class _Asking:
    page: Page
    url: str
    word: Word


@dataclass(frozen=True, slots=True)
class _Given:
    """What was answered, for one try."""

    user: str = field(repr=False)
    password: str = field(repr=False)


class ServerLogins:
    """Of one stage. tell: what viewers are told; spawn: runs something beside."""

    def __init__(self, *, tell: Callable[[Word], None], spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._tell = tell
        self._spawn = spawn
        self._sessions: dict[Page, CDPSession] = {}
        self._asking: dict[int, _Asking] = {}
        self._given: dict[tuple[Page, str], _Given] = {}
        self._tried: set[tuple[Page, str]] = set()

    def words(self) -> list[Word]:
        """What a viewer who comes now has to be told."""
        return [asking.word for asking in self._asking.values()]

    async def watch(self, page: Page) -> None:
        """Hear from now on what the page's servers ask."""
        if page in self._sessions:
            return
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(SEND_S):
                session = await page.context.new_cdp_session(page)
                self._sessions[page] = session

                def paused(event: dict[str, Any]) -> None:
                    self._spawn(self._let_through(session, event))

                def asked(event: dict[str, Any]) -> None:
                    self._spawn(self._asked(page, session, event))

                session.on("Fetch.requestPaused", paused)
                session.on("Fetch.authRequired", asked)
                await session.send("Fetch.enable", _DOCUMENTS)

    async def end(self) -> None:
        """Ask nobody any more."""
        for number in list(self._asking):
            self._close(number)
        sessions, self._sessions = self._sessions, {}
        self._given.clear()
        self._tried.clear()
        for session in sessions.values():
            with suppress(Error, TimeoutError):
                async with asyncio.timeout(SEND_S):
                    await session.detach()

    async def answer(self, number: int, *, ok: bool, user: str = "", password: str = "") -> None:
        """Answer a question that is open. Not ok: the server's own page stays."""
        asking = self._asking.get(number)
        if asking is None:
            return
        self._close(number)
        if not ok:
            return
        page = asking.page
        self._given[page, asking.word["origin"]] = _Given(user, password)
        with suppress(Error):  # whatever the browser says about it, the page shows it
            if _plain(page.url) == asking.url:
                await page.goto(asking.url, wait_until="commit", timeout=OPEN_S * 1000)
            else:  # one of its frames was asked
                await page.reload(wait_until="commit", timeout=OPEN_S * 1000)

    def gone(self, page: Page) -> None:
        """A page was closed, or shows another document: what was asked about the one before is over."""
        closed = page.is_closed()
        for number, asking in list(self._asking.items()):
            if asking.page is page and (closed or _plain(page.url) != asking.url):
                self._close(number)
        if closed:
            self._sessions.pop(page, None)
            self._given = {key: given for key, given in self._given.items() if key[0] is not page}
            self._tried = {key for key in self._tried if key[0] is not page}

    async def _let_through(self, session: CDPSession, event: dict[str, Any]) -> None:
        with suppress(Error):  # the page may be gone
            await session.send("Fetch.continueRequest", {"requestId": event["requestId"]})

    async def _asked(self, page: Page, session: CDPSession, event: dict[str, Any]) -> None:
        challenge = event["authChallenge"]
        origin = str(challenge["origin"])[:300]
        if challenge.get("source") == "Proxy":  # whose password is one of the profile's settings
            self._tell({"type": "notice", "code": "proxy_login", "message": "the proxy asks for a password"})
            await self._reply(session, event, {"response": "Default"})
        elif (given := self._given.pop((page, origin), None)) is not None:
            self._tried.add((page, origin))
            said = {"response": "ProvideCredentials", "username": given.user, "password": given.password}
            await self._reply(session, event, said)
        else:
            await self._reply(session, event, {"response": "CancelAuth"})
            self._ask(page, _plain(event["request"]["url"]), origin, str(challenge.get("realm", ""))[:300])

    def _ask(self, page: Page, url: str, origin: str, realm: str) -> None:
        for number in [n for n, asking in self._asking.items() if asking.page is page]:
            self._close(number)  # of several frames the last one is asked about
        again = (page, origin) in self._tried
        self._tried.discard((page, origin))
        number = next_number()
        word = {"type": "login", "id": number, "open": True, "origin": origin, "realm": realm, "again": again}
        self._asking[number] = _Asking(page, url, word)
        self._tell(word)

    async def _reply(self, session: CDPSession, event: dict[str, Any], said: dict[str, str]) -> None:
        with suppress(Error, TimeoutError):  # whose text may quote what was typed
            async with asyncio.timeout(SEND_S):
                reply = {"requestId": event["requestId"], "authChallengeResponse": said}
                await session.send("Fetch.continueWithAuth", reply)

    def _close(self, number: int) -> None:
        del self._asking[number]
        self._tell({"type": "login", "id": number, "open": False})


def _plain(url: str) -> str:
    """An address without its fragment, which no server hears of."""
    return url.partition("#")[0]
