"""Borrowing a profile for a call: one that is ready and does not rest for this very kind of work, or the reason why not.

The pool lets whole kinds rest (``chat``). A chat mode whose limit is reached rests as ``chat:expert``: the pool keeps and shows
that like any other rest, and here it is heeded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime

from browser.clearance import Clearance, Cooldown
from browser.errors import BrowserError
from gateway.calls.running import beside
from gateway.errors import (
    AccountBlocked,
    AntiBotRefused,
    ChallengeRequired,
    GatewayError,
    LoginRequired,
    NoProfileReady,
    ProfileNotReady,
    RateLimited,
)
from gateway.grok.exchange import browser_errors
from gateway.grok.ports import Lease, Pool, ProfileStatus

#: A profile that stands like this may be ready in a moment.
_COMING = frozenset({Clearance.NEW, Clearance.VERIFYING, Clearance.STALE_PAGE})
BUSY_RETRY_S = 5.0


@asynccontextmanager
async def lent(
    pool: Pool, kind: str, *, timeout_s: float, detail: str = "", avoid: Collection[str] = ()
) -> AsyncIterator[Lease]:
    """Borrow a slot for *kind* on the best profile. detail: a finer kind of work that may rest by itself.

    avoid: profiles that were tried already. Raises NoProfileReady (at once when only a human can help), RateLimited with
    the time when all that are ready rest.
    """
    everybody = [profile for profile in pool.status() if profile.name not in avoid]
    able = _able(everybody, (kind, detail))
    picky = bool(avoid) or len(able) < len(_able(everybody, ()))
    if picky or not able:
        if not able:
            _refuse(everybody, (kind, detail))
        name = next((name for name in pool.free(kind) if name in able), able[0] if able else None)
    else:
        name = None  # any will do: the pool knows best
    async with AsyncExitStack() as stack:
        try:
            with browser_errors():
                async with asyncio.timeout(None) as hope, beside() as begin:
                    watching = begin(_watch(pool, (kind, detail), avoid, hope))
                    borrowed = await stack.enter_async_context(pool.lease(kind, timeout_s=timeout_s, profile=name))
                    watching.cancel()
        except (ProfileNotReady, TimeoutError) as exc:
            now = [profile for profile in pool.status() if profile.name not in avoid]
            if not _able(now, (kind, detail)):
                _refuse(now, (kind, detail), waited=True)
            raise NoProfileReady(
                f"all places for {kind} requests are taken, and none became free within {timeout_s:g} s",
                retry_after_s=BUSY_RETRY_S,
            ) from exc
        yield borrowed


async def _watch(pool: Pool, kinds: Collection[str], avoid: Collection[str], hope: asyncio.Timeout) -> None:
    """End *hope* as soon as waiting cannot help any more."""
    seen = 0
    with suppress(BrowserError):  # the pool closes: the borrower hears of it himself
        while True:
            seen = await pool.wait_changed(seen)
            now = [profile for profile in pool.status() if profile.name not in avoid]
            if now and not _able(now, kinds) and not {profile.clearance for profile in now} & _COMING:
                hope.reschedule(asyncio.get_running_loop().time())
                return


def _able(profiles: Sequence[ProfileStatus], kinds: Collection[str]) -> list[str]:
    now = datetime.now(UTC)
    return [
        profile.name
        for profile in profiles
        if profile.clearance is Clearance.READY
        and not any(rest.kind in kinds and rest.until > now for rest in profile.cooldowns)
    ]


def _refuse(profiles: Sequence[ProfileStatus], kinds: Collection[str], *, waited: bool = False) -> None:
    """Raise why nobody can be borrowed, when waiting would not help."""
    now = datetime.now(UTC)
    ready = [profile for profile in profiles if profile.clearance is Clearance.READY]
    if ready:
        each = [[rest for rest in profile.cooldowns if rest.kind in kinds and rest.until > now] for profile in ready]
        if all(each):
            first = min((max(rests, key=_until) for rests in each), key=_until)
            raise RateLimited(first.reason, retry_after_s=max(1.0, (first.until - now).total_seconds()))
        return
    states = {profile.clearance for profile in profiles}
    if states & _COMING:
        if waited:
            raise NoProfileReady("the gateway's browsers are still starting", retry_after_s=BUSY_RETRY_S)
        return
    raise NoProfileReady(_missing(states), retry_after_s=30.0)


def _until(rest: Cooldown) -> datetime:
    return rest.until


#: What only the operator can mend, and how, for clients; the most telling first.
_BY_THE_OPERATOR: Mapping[Clearance, tuple[str, str]] = {
    Clearance.CHALLENGED: (
        "the site asks for a human",
        "the gateway's operator has to complete its check in the profile's window",
    ),
    Clearance.LOGIN_REQUIRED: ("the site signed the profile out", "the gateway's operator has to sign in again"),
    Clearance.HELD: ("the gateway's operator is working with the profile", "it goes on when they finish"),
    Clearance.BLOCKED: ("the site refuses this account or browser", "the gateway's operator has to look at it"),
}
_NAMED: Mapping[type[GatewayError], Clearance] = {
    ChallengeRequired: Clearance.CHALLENGED,
    LoginRequired: Clearance.LOGIN_REQUIRED,
    AntiBotRefused: Clearance.BLOCKED,
    AccountBlocked: Clearance.BLOCKED,
}


def with_next_step(error: GatewayError) -> GatewayError:
    """The error as a client is told it: where only the operator can mend it, it says what they have to do."""
    standing = _NAMED.get(type(error))
    return error if standing is None else type(error)(f"{error.message}; {_BY_THE_OPERATOR[standing][1]}")


def _missing(states: Collection[Clearance]) -> str:
    """What the operator has to do, for clients: names no profile."""
    for standing, (what, step) in _BY_THE_OPERATOR.items():
        if standing in states:
            return f"{what}; {step}"
    return "no profile is signed in; the gateway's operator has to sign in"
