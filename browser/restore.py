"""Puts a checkpoint back into a browser that has just started, before any page of the site is opened."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from playwright.async_api import BrowserContext, StorageState

from browser.checkpoint import State

Cookie = Mapping[str, Any]


async def add_missing(context: BrowserContext, saved: State) -> int:
    """Add the cookies the profile lost; what it still has and what it learned since stays. Returns how many."""
    lost = lost_cookies(await context.cookies(), saved.get("cookies", ()), now=time.time())
    if lost:
        await context.add_cookies(cast(Any, lost))
    return len(lost)


async def set_all(context: BrowserContext, saved: State) -> None:
    """Set everything of *saved*: an imported sign-in, or a profile whose disk was lost.

    Cookies of the profile that *saved* does not name stay (clearance this very browser earned); local storage and
    IndexedDB are replaced when *saved* has any, since a mixture of two sign-ins is nobody's.
    """
    wanted = [cookie for cookie in saved.get("cookies", ()) if not _is_over(cookie, time.time())]
    if not saved.get("origins"):
        await context.add_cookies(cast(Any, wanted))
        return
    named = {_key(cookie) for cookie in wanted}
    kept = [cookie for cookie in await context.cookies() if _key(cookie) not in named]
    await context.set_storage_state(cast(StorageState, {**saved, "cookies": [*kept, *wanted]}))


def lost_cookies(current: Iterable[Cookie], saved: Iterable[Cookie], *, now: float) -> list[Cookie]:
    """Return the saved cookies the profile lacks or has only an older copy of.

    now: seconds since 1970. Which of two persistent cookies is newer is told by their expiry, since sites extend it
    when they renew one; of two session cookies the profile's own is kept.
    """
    have = {_key(cookie): cookie for cookie in current}
    lost = []
    for cookie in saved:
        if _is_over(cookie, now):
            continue
        mine = have.get(_key(cookie))
        if mine is None or _outlives(cookie, mine):
            lost.append(cookie)
    return lost


def only_domains(state: State, domains: Sequence[str]) -> State:
    """Return *state* with only the cookies and origins of these domains and what lies below them; no domains = all."""
    if not domains:
        return state
    return {
        **state,
        "cookies": [cookie for cookie in state.get("cookies", ()) if _within(str(cookie["domain"]), domains)],
        "origins": [entry for entry in state.get("origins", ()) if _within(_host(str(entry["origin"])), domains)],
    }


def _key(cookie: Cookie) -> tuple[str, ...]:
    return (cookie["name"], cookie["domain"], cookie["path"], str(cookie.get("partitionKey") or ""))


def _is_session(cookie: Cookie) -> bool:
    return float(cookie.get("expires", -1)) < 0


def _is_over(cookie: Cookie, now: float) -> bool:
    return not _is_session(cookie) and cookie["expires"] <= now


def _outlives(saved: Cookie, mine: Cookie) -> bool:
    if _is_session(saved) or _is_session(mine):
        return False
    return float(saved["expires"]) > float(mine["expires"]) + 1


def _within(host: str, domains: Sequence[str]) -> bool:
    host = host.lstrip(".")
    return any(host == domain.lstrip(".") or host.endswith("." + domain.lstrip(".")) for domain in domains)


def _host(origin: str) -> str:
    return origin.partition("://")[2].partition(":")[0]
