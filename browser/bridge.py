"""Our code inside one page: how Python calls it, how it answers, and how we learn that it is gone.

One CDP session per page. ``scripts/bridge.js`` runs in an isolated world of every document, ``scripts/main_world.js``
in the site's own (see there how the two meet without leaving anything the site could see). Calls go in by
Runtime.evaluate, one JSON string comes back; what arrives over time comes by one binding, which exists in the
isolated world only.

A document ends with a navigation, and with it every call and mailbox that was begun in it (TransportFailed). The page
ends with its renderer, its browser or the driver (SlotLost). A call that never returns is kept open in every document:
it fails within milliseconds of any of these, also of the driver's death, for which Playwright has no event.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from playwright.async_api import CDPSession, Page

from browser.errors import BrowserError, SlotLost, TransportFailed, TransportTimeout
from browser.line import Line
from browser.mailbox import Mailbox
from browser.transport_limits import TransportLimits

log = structlog.get_logger(__name__)

SCRIPTS = Path(__file__).with_name("scripts")
WORLD = "transport"

#: How Chromium and the driver say that there is nothing left to talk to.
GONE = ("crashed", "has been closed", "Connection closed", "Target closed", "Session closed", "not attached")
#: How they say that the document a call ran in was replaced.
REPLACED = (
    "context was destroyed",
    "Cannot find context",
    "uniqueContextId not found",
    "navigated or closed",
    "was collected",
)


#: News of an exchange that broke, perhaps because we gave it up: nothing that came from the site.
_ENDS = frozenset({"fail", "closed"})


class Bridge:
    """Calls into one page. Make it with ``install``; ``close`` it with the page."""

    def __init__(
        self, page: Page, session: CDPSession, limits: TransportLimits, on_lost: Callable[[str], None], line: Line
    ) -> None:
        self.page = page
        self.session = session
        self.limits = limits
        self.line = line
        self.lost = ""
        self.on_parsed: Callable[[], None] = lambda: None
        self._on_lost = on_lost
        self._closed = False
        self._frame = ""
        self._context = ""
        self._in_document = asyncio.Event()
        self._gone = asyncio.Event()
        self._mailboxes: dict[int, Mailbox] = {}
        self._deadlines: set[asyncio.Timeout] = set()
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def install(
        cls,
        page: Page,
        *,
        limits: TransportLimits,
        on_lost: Callable[[str], None] = lambda _: None,
        line: Line | None = None,
    ) -> Bridge:
        """Put our code into *page*, its present document included. line: told what is heard. Raises SlotLost."""
        try:
            async with asyncio.timeout(limits.page_s):
                session = await page.context.new_cdp_session(page)
                bridge = cls(page, session, limits, on_lost, line or Line())
                await bridge._start()
        except Exception as error:
            raise SlotLost(f"the page could not be prepared: {_line(error)}") from error
        return bridge

    async def _start(self) -> None:
        session, token = self.session, f"_{secrets.token_hex(12)}"
        self.page.on("crash", lambda _: self._lose("the page's renderer crashed"))
        self.page.on("close", lambda _: self._lose("the page was closed"))
        session.on("Runtime.executionContextCreated", self._context_created)
        session.on("Runtime.executionContextDestroyed", self._context_destroyed)
        session.on("Runtime.executionContextsCleared", lambda _: self._document_ended())
        session.on("Runtime.bindingCalled", _Listener(self._told))
        session.on("Page.domContentEventFired", lambda _: self.on_parsed())
        numbers = {
            "token": token,
            "creditBytes": self.limits.stream_credit_bytes,
            "batchChars": self.limits.batch_chars,
            "batchGapMs": self.limits.batch_gap_s * 1000,
            "sliceChars": self.limits.slice_chars,
        }
        await session.send("Page.enable")
        self._frame = (await session.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]
        await session.send("Runtime.enable")
        await session.send("Runtime.addBinding", {"name": token, "executionContextName": WORLD})
        # The isolated world first: it must listen when the main world hands over their shared node.
        for name, world in (("bridge.js", {"worldName": WORLD}), ("main_world.js", {})):
            script = (SCRIPTS / name).read_text("utf-8")
            source = {"source": f"({script})({json.dumps(numbers)})", "runImmediately": True}
            await session.send("Page.addScriptToEvaluateOnNewDocument", {**source, **world})

    # ------------------------------------------------------------------------------------------------- calls

    def next_id(self) -> int:
        """A name for an exchange, unused in any document of this page."""
        return next(self._ids)

    async def run(self, function: str, *arguments: Any, timeout_s: float) -> Any:
        """Call a function of the page's ``transport`` object and return its (awaited) value.

        timeout_s: for everything, also when the page's main thread answers nothing. Raises TransportTimeout,
        TransportFailed (the document was replaced, the function threw), SlotLost.
        """
        parameters = {"awaitPromise": True, "returnByValue": True}
        return (await self._evaluate(_expression(function, arguments), parameters, timeout_s)).get("value")

    async def remote(self, function: str, *arguments: Any, timeout_s: float) -> str:
        """Like ``run``, but leave the value in the page and return its CDP object id."""
        return str((await self._evaluate(_expression(function, arguments), {}, timeout_s))["objectId"])

    def post(self, function: str, *arguments: Any) -> None:
        """Call without waiting for anything; a page that cannot take it has nothing left to be told."""

        async def call() -> None:
            with suppress(BrowserError):
                await self.run(function, *arguments, timeout_s=self.limits.step_s)

        if not self.lost and not self._closed:
            self.spawn(call())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* beside the calls, at most until the bridge is closed."""
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, BrowserError):
            log.error("page task failed", error=repr(error), exc_info=error)

    async def command(self, method: str, parameters: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Send one CDP command on the page's session."""
        self._check()
        try:
            async with self.bounded(timeout_s):
                answer: dict[str, Any] = await self.session.send(method, parameters)
                return answer
        except TimeoutError:
            self._check()
            raise TransportTimeout(f"the browser did not answer {method} within {timeout_s:g} s") from None
        except Exception as error:
            raise self._explained(error) from error

    async def _evaluate(self, expression: str, parameters: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        self._check()
        asked = False
        try:
            async with self.bounded(timeout_s):
                if not self._in_document.is_set():
                    await self._in_document.wait()
                asked = True
                answer = await self.session.send(
                    "Runtime.evaluate", {"expression": expression, "uniqueContextId": self._context, **parameters}
                )
        except TimeoutError:
            self._check()
            late = TransportTimeout(f"the page did not answer within {timeout_s:g} s")
            late.sent = asked
            raise late from None
        except BrowserError:
            raise
        except Exception as error:
            await self.settled()
            raise self._explained(error) from error
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"].get("exception", {}).get("description", "")
            raise TransportFailed(
                f"our code in the page failed: {thrown.splitlines()[0] if thrown else 'no reason given'}"
            )
        result: dict[str, Any] = answer["result"]
        return result

    @asynccontextmanager
    async def bounded(self, timeout_s: float) -> AsyncIterator[None]:
        """A deadline that also passes when the page is lost: a crashed renderer leaves some calls without an answer.

        Raises TimeoutError; then ``lost`` tells which of the two it was.
        """
        async with asyncio.timeout(timeout_s) as deadline:
            self._deadlines.add(deadline)
            try:
                yield
            finally:
                self._deadlines.discard(deadline)

    # ------------------------------------------------------------------------------------------- what comes in

    def mailbox(self, exchange: int) -> Mailbox:
        """Where the messages of *exchange* arrive from now on; ``forget`` it when done."""
        self._check()
        box = self._mailboxes[exchange] = Mailbox()
        return box

    def forget(self, exchange: int) -> None:
        box = self._mailboxes.pop(exchange, None)
        if box is not None:
            box.close()

    def _told(self, event: dict[str, Any]) -> None:
        for message in json.loads(event["payload"]):
            if message[1] not in _ENDS:
                self.line.heard()
            box = self._mailboxes.get(message[0])
            if box is not None:
                box.put(message)

    # --------------------------------------------------------------------------------------- documents come and go

    def _context_created(self, event: dict[str, Any]) -> None:
        context = event["context"]
        if context["name"] == WORLD and context["auxData"].get("frameId") == self._frame:
            self._document_ended()  # in case its end was not told
            self._context = context["uniqueId"]
            self._in_document.set()
            self.spawn(self._watch(self._context))

    def _context_destroyed(self, event: dict[str, Any]) -> None:
        if event.get("executionContextUniqueId") == self._context:
            self._document_ended()

    def _document_ended(self) -> None:
        if not self._context:
            return  # what was begun between two documents waits for the next one
        self._in_document.clear()
        self._context = ""
        self._end_mailboxes(TransportFailed("the page moved on to another document meanwhile"))

    async def _watch(self, context: str) -> None:
        parameters = {"expression": "transport.forever", "uniqueContextId": context, "awaitPromise": True}
        try:
            await self.session.send("Runtime.evaluate", parameters)
        except Exception as error:  # any failure here means the document or the page ended
            self._explained(error)

    # ------------------------------------------------------------------------------------------------- the end

    async def close(self) -> None:
        """Stop listening. Calls under way raise SlotLost; ``on_lost`` is not called any more."""
        alive = not self.lost
        self._closed = True
        self._lose("the transport was closed")
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if alive:
            with suppress(Exception):  # the page may be gone already, which is as good
                async with asyncio.timeout(1):
                    await self.session.detach()

    def _lose(self, reason: str) -> None:
        if self.lost:
            return
        self.lost = reason
        self._gone.set()
        for deadline in [deadline for deadline in self._deadlines if not deadline.expired()]:
            deadline.reschedule(asyncio.get_running_loop().time())
        self._end_mailboxes(SlotLost(reason))
        if not self._closed:
            self._on_lost(reason)

    def _check(self) -> None:
        if self.lost:
            raise SlotLost(self.lost)

    async def settled(self) -> None:
        """After a broken call: raise SlotLost if the page turns out to be gone (its death is told a little later)."""
        if not self.lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._gone.wait()
        self._check()

    def _end_mailboxes(self, error: BrowserError) -> None:
        for box in self._mailboxes.values():
            box.put(error)
            box.close()
        self._mailboxes.clear()

    def _explained(self, error: Exception) -> BrowserError:
        text = _line(error)
        if self.lost:
            return SlotLost(self.lost)
        if any(sign in text for sign in REPLACED):
            return TransportFailed("the page moved on to another document meanwhile")
        if any(sign in text for sign in GONE) or self.page.is_closed():
            self._lose(f"the page is gone: {text}")
            return SlotLost(self.lost)
        return TransportFailed(f"the browser refused the call: {text}")


class _Listener:
    """A handler for an event that comes often. Playwright asks a handler for its parameters at every event; a plain
    function has them worked out each time, which takes longer than the event itself."""

    def __init__(self, handle: Callable[[dict[str, Any]], None]) -> None:
        self._handle = handle
        self.__signature__ = inspect.signature(handle)

    def __call__(self, event: dict[str, Any]) -> None:
        self._handle(event)


def _expression(function: str, arguments: tuple[Any, ...]) -> str:
    return f"transport.{function}({','.join(json.dumps(argument) for argument in arguments)})"


def _line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
