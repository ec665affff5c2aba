"""The first page: does anything need me, is work flowing, what comes next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from starlette.responses import Response

from browser.clearance import NEEDS_HUMAN, Clearance
from browser.status import ProfileStatus, SlotCount
from gateway.console import charts
from gateway.console.awaiting import awaiting
from gateway.console.expectation import KIND, whole_queue_s
from gateway.console.node_cards import homes_of
from gateway.console.page import Page
from gateway.console.view import TheView
from gateway.profiles.model import Profile
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.usage.report_sql import Report, Wanted, report
from gateway.usage.totals import whole

router = APIRouter()
PAGE = Page("overview", router, path="/console", icon="home", order=1)

RUNNING_SHOWN = 12
RECENT_SHOWN = 6
HOURS, DAYS = timedelta(hours=24), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Needy:
    """A profile that only its operator can bring on, and how many tasks wait for that."""

    profile: Profile
    waiting: int


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far a newcomer has come."""

    profile: bool
    signed_in: bool
    video: bool
    key: bool

    @property
    def done(self) -> bool:
        return self.profile and self.signed_in and self.video and self.key

    @property
    def next(self) -> str:
        """The first step that is not done; '' when all are."""
        steps = {"profile": self.profile, "sign_in": self.signed_in, "video": self.video, "key": self.key}
        return next((name for name, done in steps.items() if not done), "")


@router.get("/console")
async def overview(view: TheView) -> Response:
    """The page; every part of it is live."""
    house, store = view.house, view.house.services.store
    profiles = [profile for profile in await house.registry.list() if profile.removed_at is None]
    counts = (await store.counts()).by_state
    running = await store.find(Filter(states=frozenset({State.RUNNING})), limit=RUNNING_SHOWN)
    recent = await store.find(Filter(states=frozenset({State.SUCCEEDED})), limit=RECENT_SHOWN)
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    day = hour.replace(hour=0) + timedelta(days=0 if hour.hour == 0 else 1)
    today = await report(house.db, Wanted(since=hour - HOURS, until=hour, grain="hour", sides=()))
    week = await report(house.db, Wanted(since=day - DAYS, until=day, grain="day", sides=()))
    videos = list(today.by_kind.get(KIND, {}).values())
    homes = await homes_of(house)
    silent = [home for home in homes if home.missed]
    told = {home.node.id for home in silent}  # of those profiles, their node tells once for all
    steps = FirstSteps(
        profile=bool(profiles),
        signed_in=any(profile.clearance is Clearance.READY or profile.account for profile in profiles),
        video=bool(recent.tasks),
        key=house.settings.no_auth or any(key.last_used_at for key in await house.keys.list(revoked=False)),
    )
    return view.page(
        "overview/overview.html",
        needy=[
            Needy(profile, await awaiting(store, profile, profiles))
            for profile in profiles
            if needs_human(profile) and not (profile.away and profile.node_id in told)
        ],
        silent=silent,
        live_nodes=sum(home.state == "live" for home in homes),
        profiles=[profile for profile in profiles if profile.enabled],
        ready=sum(
            profile.enabled and not profile.away and profile.clearance is Clearance.READY for profile in profiles
        ),
        counts=counts,
        places=house.services.places(),
        queue_s=await whole_queue_s(house, counts.get(State.QUEUED, 0)),
        running=running.tasks,
        recent=recent.tasks,
        today=today.all,
        videos=whole(videos),
        flow=charts.bars([(totals.succeeded, totals.failed) for totals in today.by_time.values()]),
        times=charts.lines([[t.p50_s for t in videos], [t.p95_s for t in videos]]),
        success=_success(week),
        ended=week.all.ended,
        slots=slots_of(house.statuses()),
        steps=steps,
        now=datetime.now(UTC),
    )


def needs_human(profile: Profile) -> bool:
    """Whether only the operator can bring the profile on."""
    return profile.enabled and (profile.away or profile.clearance in NEEDS_HUMAN | {Clearance.CRASHED})


def slots_of(statuses: Sequence[ProfileStatus]) -> Mapping[str, SlotCount]:
    """Places of all ready profiles of this node together, by kind."""
    used: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for status in statuses:
        if status.clearance is Clearance.READY:
            for kind, count in status.slots.items():
                used[kind] += count.used
                total[kind] += count.total
    return {kind: SlotCount(used[kind], total[kind]) for kind in sorted(total, reverse=True)}


def _success(week: Report) -> Sequence[tuple[datetime, float | None, int]]:
    return [(at, totals.success, totals.ended) for at, totals in week.by_time.items()]
