"""The site as the service uses it: who makes videos and answers calls, how many could be made now, how its profiles stand.

`open_site` is the real one: the pool of Chromium profiles, kept in step with their rows, and the Grok adapter over it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from browser.clearance import NEXT_ACTION, Clearance
from browser.live.views import LiveViews
from browser.status import ProfileEvent, ProfileStatus
from gateway.auth.secret import Secret
from gateway.calls.upstream import CallMaker
from gateway.db.beside import beside
from gateway.db.connect import Database
from gateway.grok.calls import GrokCallMaker
from gateway.grok.capabilities import allows_of
from gateway.grok.capacity import GrokCapacity
from gateway.grok.mode_book import ModeBook
from gateway.grok.nobody import Nobody
from gateway.grok.quota import QuotaBook
from gateway.grok.quota_watch import watch_quota
from gateway.grok.site import grok_site
from gateway.grok.video import GrokVideoMaker
from gateway.media.assets import Media
from gateway.nodes.model import Places, ProfileOffer
from gateway.profiles.events import ProfileEvents
from gateway.profiles.keeper import ProfileKeeper
from gateway.profiles.pool import live_settings, make_pool
from gateway.settings import Settings
from gateway.tasks.attempt import OnSuspect, unheard
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.upstream import Capacity, VideoMaker


@dataclass(frozen=True, slots=True)
class Opening:
    """What the site is opened with."""

    settings: Settings
    secret: Secret
    db: Database
    media: Media
    store: SqlTaskStore


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What the site offers to the service. profiles: how each stands now; allows: what some account can do beyond the
    ordinary (``15s``). calls: chats and images. suspect: writes into a profile's history that a task it made repeats the
    picture of another one. modes: the chat modes that some account here may choose, None while the site told of none.
    live: the profiles' pages to be watched and worked with by hand; None without browsers."""

    maker: VideoMaker
    calls: CallMaker
    capacity: Capacity
    profiles: Callable[[], Sequence[ProfileStatus]]
    allows: Callable[[], frozenset[str]]
    suspect: OnSuspect = unheard
    modes: Callable[[], frozenset[str] | None] = lambda: None
    live: LiveViews | None = None


OpenSite = Callable[[Opening], AbstractAsyncContextManager[SiteParts]]


@asynccontextmanager
async def open_site(opening: Opening) -> AsyncIterator[SiteParts]:
    """Open the pool and keep it; browsers start in the background."""

    async def upstream_of(task_id: str) -> Mapping[str, Any]:
        result = (await opening.store.get(task_id)).result
        return {} if result is None else result.upstream

    def suspect(profile: str, task_id: str, other: str) -> None:
        here = next((one.clearance for one in pool.status() if one.name == profile), Clearance.NEW)
        reason = f"{task_id} got the picture of {other}, made for another prompt: a decoy?"
        events.put(ProfileEvent(profile, "suspect output", datetime.now(UTC), here, reason))

    events = ProfileEvents()
    pool = make_pool(grok_site(), opening.settings, opening.secret, on_event=events.put, prefer=events.health.band)
    async with (
        pool,
        ProfileKeeper(pool, opening.db, opening.settings, opening.secret, events=events) as keeper,
    ):
        rows = await keeper.registry.list(node=keeper.registry.node)
        capacity = GrokCapacity(pool, account_limit=opening.settings.account_slots or None)
        quota = QuotaBook({row.name: row.quota for row in rows}, remember=events.remember_quota)
        modes = ModeBook()

        def offered() -> frozenset[str] | None:
            return modes.offered(one for one in pool.status() if one.clearance is not Clearance.DISABLED)

        async with beside(watch_quota(pool, quota, modes)), LiveViews(pool, live_settings(opening.settings)) as live:
            yield SiteParts(
                maker=GrokVideoMaker(
                    pool,
                    opening.media,
                    opening.settings,
                    claimed_elsewhere=opening.store.held_elsewhere,
                    upstream_of=upstream_of,
                    generations={row.name: row.protocol for row in rows if row.protocol},
                    remember=events.remember_protocol,
                    quota=quota,
                    outcome=events.health.saw,
                ),
                calls=GrokCallMaker(
                    pool, opening.media, opening.settings, quota=quota, modes=modes, outcome=events.health.saw
                ),
                capacity=capacity,
                profiles=pool.status,
                allows=capacity.allows,
                suspect=suspect,
                modes=offered,
                live=live,
            )


@asynccontextmanager
async def open_no_site(_opening: Opening) -> AsyncIterator[SiteParts]:
    """For a node that only serves clients: no browser, no profile, nothing claimed."""
    nobody = Nobody()
    yield SiteParts(maker=nobody, calls=nobody, capacity=nobody, profiles=tuple, allows=frozenset)


def offers_of(parts: SiteParts) -> list[ProfileOffer]:
    """What the profiles of this node can do now, for the other nodes."""
    return [
        ProfileOffer(
            name=profile.name,
            clearance=profile.clearance.value,
            account_id=profile.account.get("id"),
            allows=allows_of(profile.account.get("tier", "")),
            places={kind: Places(count.total - count.used, count.total) for kind, count in profile.slots.items()},
            rests={rest.kind: rest.until for rest in profile.cooldowns},
        )
        for profile in parts.profiles()
    ]


def why_nobody(clearances: Collection[str]) -> tuple[str, str] | None:
    """Return (code, sentence) when no profile could take work, None when one could. For clients: names no profile.

    clearances: how the profiles stand.
    """
    if Clearance.READY in clearances:
        return None
    if Clearance.CHALLENGED in clearances:
        return "challenge_required", "The site asks for a human; the gateway's operator has to answer it."
    if Clearance.VERIFYING in clearances:
        return "starting", "The gateway's browsers are starting."
    return "no_profile_ready", "No profile is signed in; the gateway's operator has to sign in."


def reasons(profiles: Sequence[ProfileStatus]) -> Sequence[str]:
    """Return, for an operator, what each profile that is not ready needs."""
    return [
        f"profile {profile.name} is {profile.clearance.value.replace('_', ' ')}"
        + (f" ({profile.reason})" if profile.reason else "")
        + (f"; {action}" if (action := profile.next_action or NEXT_ACTION[profile.clearance]) else "")
        for profile in profiles
        if profile.clearance is not Clearance.READY
    ]
