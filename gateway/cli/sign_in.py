"""Signing in by hand, in the profile's own browser, on the operator's display."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from playwright.async_api import Error as PlaywrightError

from browser.clearance import Clearance, Verdict
from browser.errors import SlotLost
from browser.hold import Held
from gateway.cli.alone import alone_with
from gateway.cli.failures import CommandError
from gateway.cli.output import emit, note
from gateway.cli.profile_view import as_dict, find, in_words
from gateway.cli.reach import here_or_refuse, wait_until
from gateway.instance import running
from gateway.profiles.errors import UnknownProfile
from gateway.settings import Headless

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.profiles.model import Profile

WINDOW_S = 90.0
RELEASE_S = 60.0
#: How long a request for the profile's directory stands unless it is repeated: a killed login gives it back so soon.
REQUEST_S = 30.0
#: A page that fails because its window was closed is known to be so after this long, also on a busy machine.
CLOSED_S = 15.0
#: One that fails for a reason of its own says so after this long.
AT_ONCE_S = 1.0
#: The window stays this long after success, so that it is seen.
GOODBYE_S = 1.5


async def sign_in(house: House, name: str, *, as_json: bool) -> bool:
    """Show the profile's browser until the site says signed in, or the window is closed; True for the former."""
    _need_display(name)
    try:
        profile = await house.profiles.get(name)
    except UnknownProfile:
        profile = await house.profiles.add(name)
        await house.write_down("profile.added", name, sign_in="by_hand", proxy="none")
        note(f"profile {name} added", as_json=as_json)
    here_or_refuse(house, profile)
    async with _directory_of(house, profile, as_json=as_json):
        try:
            verdict = await _in_a_window(house, profile, as_json=as_json)
        except SlotLost:
            verdict = None  # closed while it was still opening
        finally:
            await _let_go(house, name)
    seen = await find(house, name)
    if verdict is None or verdict.clearance is not Clearance.READY:
        raise CommandError(
            "not_signed_in",
            f"the window was closed before the site said signed in{_why(verdict)}; try again: gateway login {name}",
        )
    await house.write_down("profile.signed_in", name)
    emit(as_dict(seen), f"{in_words(seen)}; the sign-in is kept", as_json=as_json)
    return True


async def _in_a_window(house: House, profile: Profile, *, as_json: bool) -> Verdict | None:
    """Open the window and wait; returns the site's last word."""
    name = profile.name
    async with alone_with(house, profile, clearance=Clearance.LOGIN_REQUIRED, headless=Headless.FALSE) as work:
        async with work.pool.hold(name, timeout_s=WINDOW_S) as held:
            # Without a listener Playwright answers the page's questions itself; the person at the window shall.
            held.context.on("dialog", lambda _: None)
            note("a browser window is open: sign in there. This ends by itself; Ctrl-C gives up.", as_json=as_json)
            await _show_site(held)
            if not await _ready_before_closed(held):
                return held.verdict
            note("the site says: signed in", as_json=as_json)
            await _either(held.window_closed.wait(), asyncio.sleep(GOODBYE_S))
        verdict = await work.pool.check(name)
        await work.recorder.write(name, checked_for=datetime.now(UTC))
        return verdict


async def _show_site(held: Held) -> None:
    """Open the sign-in page. Raises CommandError, unless the window was closed meanwhile: then it was left on purpose."""
    try:
        await held.show_sign_in()
    except (PlaywrightError, SlotLost) as exc:
        if await _either(held.window_closed.wait(), asyncio.sleep(CLOSED_S if _cut_off(exc) else AT_ONCE_S)) == 0:
            return
        reason = str(exc).strip().splitlines()[0]
        raise CommandError("site_unreachable", f"the site's page did not open: {reason}") from None


def _cut_off(exc: Exception) -> bool:
    """Whether the page went away under the navigation, as it does when its window is closed; a site that is down says more."""
    return isinstance(exc, SlotLost) or any(
        word in str(exc) for word in ("ERR_ABORTED", "detached", "closed", "crashed")
    )


async def _let_go(house: House, name: str) -> None:
    """Leave no state in the row that only a running window would explain."""
    left = await find(house, name)
    if left.clearance in (Clearance.NEW, Clearance.HELD, Clearance.VERIFYING):
        await house.profiles.record_seen(
            name,
            clearance=Clearance.LOGIN_REQUIRED,
            reason="the sign-in was not finished",
            since=datetime.now(UTC),
            account={},
            cooldowns=left.cooldowns,
            last_checkpoint_at=None,
        )


async def _ready_before_closed(held: Held) -> bool:
    """Wait for the site's yes or for the window's end, whichever is first."""
    return await _either(held.wait_ready(), held.window_closed.wait()) == 0


async def _either(*waits: Coroutine[Any, Any, object]) -> int:
    """Return which of two waits ended first; the other one is ended, too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait) for wait in waits]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return min(tasks.index(task) for task in done)


@asynccontextmanager
async def _directory_of(house: House, profile: Profile, *, as_json: bool) -> AsyncIterator[None]:
    """Have a running gateway keep off the profile for the length of the block; it goes on with it afterwards."""
    if running(house.settings.data_dir) is None:
        yield
        return
    note("asking the running gateway for the profile …", as_json=as_json)
    who = f"gateway login (pid {os.getpid()})"
    await house.profiles.request_release(profile.name, by=who, for_s=RELEASE_S + REQUEST_S)
    try:
        await wait_until(
            house,
            profile.name,
            lambda row: row.released_at is not None,
            timeout_s=RELEASE_S,
            otherwise=f"the gateway does not give profile {profile.name} away; see: gateway profile show {profile.name}",
        )
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(_renew(house, profile.name, who))
            try:
                yield
            finally:
                renewing.cancel()
    finally:
        await house.profiles.end_release(profile.name)


async def _renew(house: House, name: str, who: str) -> None:
    while True:
        await house.profiles.request_release(name, by=who, for_s=REQUEST_S)
        await asyncio.sleep(REQUEST_S / 3)


def _need_display(name: str) -> None:
    if os.environ.get("DISPLAY") or sys.platform == "darwin":
        return
    raise CommandError(
        "no_display",
        "there is no display to open a window on; sign in through the web console's live view (gateway serve, then "
        f"/console/live/{name}), or on a desktop and bring it here: gateway profile import {name} --bundle FILE",
    )


def _why(verdict: Verdict | None) -> str:
    return f" ({verdict.reason or verdict.clearance})" if verdict is not None else ""
