"""What the live view's pages work with, and the log of who had control."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from browser.live.views import LiveViews
from gateway.auth.attempts import LoginAttempts
from gateway.auth.audit import Audit
from gateway.auth.live_grants import LiveGrants
from gateway.console.live.files import LiveFiles
from gateway.errors import GatewayError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveRoom:
    """views: the profiles of this node that can be looked at; None on a node without browsers."""

    views: LiveViews | None
    grants: LiveGrants
    files: LiveFiles = field(default_factory=LiveFiles)
    attempts: LoginAttempts = field(
        default_factory=lambda: LoginAttempts(refusal="Too many links that open nothing; wait before the next one.")
    )


async def write_control_down(views: LiveViews, audit: Audit) -> None:
    """Write into the audit log whenever control of a profile is taken or given back; also by itself. Ends when cancelled."""
    told: asyncio.Queue[tuple[str, str, str, str]] = asyncio.Queue(maxsize=1000)

    def heard(profile: str, what: str, who: str, why: str) -> None:
        if not told.full():
            told.put_nowait((profile, what, who, why))

    views.on_control = heard
    while True:
        profile, what, who, why = await told.get()
        log.info("live control", profile=profile, what=what, who=who, why=why)
        try:
            await audit.write(who or "nobody", f"live.control_{what}", profile, **({"why": why} if why else {}))
        except GatewayError as exc:
            log.warning("audit line lost", profile=profile, what=what, error=str(exc))
