"""Which error says that a profile's clearance keeps a task from going on."""

from __future__ import annotations

from collections.abc import Mapping

from browser.clearance import Clearance, Verdict
from gateway.errors import (
    AntiBotRefused,
    ChallengeRequired,
    LoginRequired,
    ProfileNotReady,
    StalePage,
)
from gateway.grok.ports import Pool

_ERRORS: Mapping[Clearance, type[ProfileNotReady]] = {
    Clearance.LOGIN_REQUIRED: LoginRequired,
    Clearance.CHALLENGED: ChallengeRequired,
    Clearance.BLOCKED: AntiBotRefused,
    Clearance.STALE_PAGE: StalePage,
}


def not_ready(verdict: Verdict) -> ProfileNotReady:
    """Return the error for a clearance that is not READY."""
    return _ERRORS.get(verdict.clearance, ProfileNotReady)(
        verdict.reason or f"the profile is {verdict.clearance.value}"
    )


#: Standings in which a profile was taken away from its work, as opposed to a browser that crashed.
_TAKEN_AWAY = frozenset({*_ERRORS, Clearance.HELD, Clearance.DISABLED})


def why_lost(pool: Pool, profile: str) -> ProfileNotReady | None:
    """Return why *profile* was taken away from its work, when it needs something rather than crashed."""
    for status in pool.status():
        if status.name == profile and status.clearance in _TAKEN_AWAY:
            return not_ready(Verdict(status.clearance, status.reason))
    return None
