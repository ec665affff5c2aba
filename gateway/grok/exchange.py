"""The border: calls made under a lease, where errors of browser and site become the gateway's and effects reach the lease."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from browser import errors as browser
from browser.clearance import Clearance, Verdict
from browser.transport import Reply, World
from gateway.errors import (
    BrowserFailed,
    GatewayError,
    Internal,
    InvalidMedia,
    NoProfileReady,
    ProfileNotReady,
    RateLimited,
    ShuttingDown,
    StorageFull,
    UpstreamError,
    UpstreamTimeout,
)
from gateway.grok.errors import Finding, Rest, judge
from gateway.grok.memory import ProfileMemory
from gateway.grok.ports import Lease
from gateway.grok.wire.fields import Json, mapping, parse_object
from gateway.grok.wire.problems import Problem, read_problem

#: Endpoints that the site protects, or may (upstream.md 2.1: "most /rest calls"): only a fetch of the page's own world
#: carries what its scripts add.
_PROTECTED = ("/rest/", "/http/upload-file")

#: Every error of ``browser/`` as ours; a test proves the table complete. TransportRefused is judged by its answer first.
BROWSER_ERRORS: Mapping[type[browser.BrowserError], type[GatewayError]] = {
    browser.PoolClosed: ShuttingDown,
    browser.PoolSaturated: NoProfileReady,
    browser.LeaseTimeout: ProfileNotReady,
    browser.ProfileUnknown: ProfileNotReady,
    browser.ProfileBusy: ProfileNotReady,
    browser.ProfileNotCleared: ProfileNotReady,
    browser.LaunchFailed: BrowserFailed,
    browser.SlotLost: BrowserFailed,
    browser.TransportTimeout: UpstreamTimeout,
    browser.TransportRefused: UpstreamError,
    browser.TransportFailed: UpstreamError,
    browser.TooLarge: InvalidMedia,
    browser.StorageFull: StorageFull,
    browser.CheckpointUnreadable: Internal,
    browser.SignInUnreadable: Internal,
    browser.BrowserError: BrowserFailed,
}


class Refusal(Exception):
    """What the site said; the ``__cause__`` of the GatewayError that was raised for it."""

    def __init__(self, problem: Problem, row: str) -> None:
        super().__init__(f"{row}: HTTP {problem.status}: {problem.message[:200]}")
        self.problem = problem
        self.row = row


def refusal_of(exc: BaseException) -> Refusal | None:
    """Return what the site said, when *exc* was raised for an answer of the site."""
    return exc.__cause__ if isinstance(exc.__cause__, Refusal) else None


def from_browser(exc: browser.BrowserError) -> GatewayError:
    """Return *exc* as an error of the gateway."""
    kind = next(BROWSER_ERRORS[cls] for cls in type(exc).__mro__ if cls in BROWSER_ERRORS)
    return kind(str(exc) or type(exc).__name__)


@contextmanager
def browser_errors() -> Iterator[None]:
    """Errors of the browser raised in the block leave it as errors of the gateway."""
    try:
        yield
    except browser.BrowserError as exc:
        raise from_browser(exc) from exc


def world_of(path: str) -> World:
    return World.MAIN if path.startswith(_PROTECTED) else World.ISOLATED


def request_headers() -> dict[str, str]:
    """What the site's page sends beyond its cookies and content type; nothing that proves or signs anything."""
    return {"x-xai-request-id": str(uuid.uuid4())}


class Exchange:
    """Calls of one lease. *memory* is shared by all leases. rests: what a rate limit rests, if not the lease's kind."""

    def __init__(self, lease: Lease, memory: ProfileMemory, *, rests: str | None = None) -> None:
        self.lease = lease
        self.memory = memory
        self.rests = rests or lease.kind
        #: The site's clock minus ours in seconds, from its latest Date header; None before the first.
        self.clock_offset_s: float | None = None

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        timeout_s: float = 20.0,
        rests: bool = False,
        limit_bytes: int = 8 * 1024 * 1024,
    ) -> Reply:
        """Perform one call and return its answer, when it is a good one.

        rests: a rate limit here rests the lease's kind of work (asking for work), instead of only being raised (looking
        something up). Raises GatewayError, with the Refusal as its cause when the site answered.
        """
        with browser_errors():
            reply = await self.lease.transport.fetch(
                method,
                path,
                json=json,
                headers=request_headers(),
                world=world_of(path),
                timeout_s=timeout_s,
                limit_bytes=limit_bytes,
            )
        return self.accept(reply, rests=rests)

    async def read(self, method: str, path: str, *, field: str, **options: Any) -> Json:
        """Perform one call and return the object it answers. Raises UpstreamDrifted naming *field* when it is none."""
        reply = await self.call(method, path, **options)
        return parse_object(reply.text, field=field)

    def accept(self, reply: Reply, *, rests: bool) -> Reply:
        """Return *reply* when it is a good one; otherwise apply what it says about the profile and raise."""
        self.note_clock(reply.headers)
        problem = read_problem(reply.status, reply.headers, reply.text)
        if 200 <= reply.status < 300 and not problem.is_page and not _holds_error(problem.body):
            return reply
        raise self.refused(problem, rests=rests)

    def refused(self, problem: Problem, *, rests: bool) -> GatewayError:
        """Return the error that *problem* means, ready to raise, after telling the lease what it says about the profile."""
        now = datetime.now(UTC)
        finding = judge(problem, now)
        error = self._apply(finding, now, rests=rests)
        error.__cause__ = Refusal(problem, finding.row)
        return error

    def _apply(self, finding: Finding, now: datetime, *, rests: bool) -> GatewayError:
        profile, kind = self.lease.profile, self.rests
        self.memory.saw(profile, finding.row)
        if finding.row == "media_credits" and self.lease.kind != "video":
            kind = "image"  # all pictures, also those a chat wanted to draw: chats go on without
        match finding.effect:
            case Verdict(clearance=Clearance.STALE_PAGE) if self.memory.stale(profile):
                reason = "the site calls its page out of date, also after it was reloaded"
                self.lease.report(Verdict(Clearance.BLOCKED, reason))
            case Verdict() as verdict:
                self.lease.report(verdict)
            case Rest(until=until, reason=reason) if rests:
                until = until or self.memory.limited(profile, kind, now)
                self.lease.cool(kind, until, reason)
                return RateLimited(reason, retry_after_s=max(1.0, (until - now).total_seconds()))
        return finding.error

    def worked(self) -> None:
        """The site did what was asked: whatever was counted against the profile is over."""
        self.memory.worked(self.lease.profile, self.rests)
        self.lease.report(Verdict(Clearance.READY, "the site works for it"))

    def note_clock(self, headers: Mapping[str, str]) -> None:
        """Learn the site's clock from an answer's headers."""
        try:
            told = parsedate_to_datetime(headers["date"])
        except (KeyError, ValueError):
            return
        if told.tzinfo is not None:
            self.clock_offset_s = (told - datetime.now(UTC)).total_seconds()


def _holds_error(body: Json) -> bool:
    """A 200 whose whole message is a refusal: ``{"error": …}``, ``{"terminalError": …}`` or a bare gRPC status."""
    if body.get("error") or mapping(body, "terminalError"):
        return True
    return bool(body.get("code")) and "message" in body and "details" in body
