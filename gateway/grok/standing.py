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
