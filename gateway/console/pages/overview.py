"""The first page: does anything need me, is work flowing."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from browser.clearance import NEEDS_HUMAN, Clearance
from gateway.console.page import Page
from gateway.console.view import TheView
from gateway.profiles.model import Profile
from gateway.tasks.states import State
from gateway.tasks.store import Filter

router = APIRouter()
PAGE = Page("overview", router, path="/console", icon="home", order=1)

RUNNING_SHOWN = 12
RECENT_SHOWN = 6


@router.get("/console")
async def overview(view: TheView) -> Response:
    """The page; every part of it is live."""
    house = view.house
    profiles = [profile for profile in await house.registry.list() if profile.removed_at is None]
    counts = await house.services.store.counts()
    running = await house.services.store.find(Filter(states=frozenset({State.RUNNING})), limit=RUNNING_SHOWN)
    recent = await house.services.store.find(Filter(states=frozenset({State.SUCCEEDED})), limit=RECENT_SHOWN)
    return view.page(
        "overview/overview.html",
        needing=[profile for profile in profiles if needs_human(profile)],
        profiles=profiles,
        ready=sum(profile.enabled and profile.clearance is Clearance.READY for profile in profiles),
        counts=counts.by_state,
        oldest_s=counts.oldest_queued_age_s,
        running=running.tasks,
        recent=recent.tasks,
        now=datetime.now(UTC),
    )


def needs_human(profile: Profile) -> bool:
    """Whether only the operator can bring the profile on."""
    return profile.enabled and profile.clearance in NEEDS_HUMAN | {Clearance.CRASHED}
