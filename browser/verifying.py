"""Asking the site adapter about a profile, with a deadline and with its mistakes contained."""

from __future__ import annotations

import asyncio

import structlog

from browser.clearance import Clearance, Verdict
from browser.errors import BrowserError, TransportFailed, TransportTimeout
from browser.site import Site
from browser.transport import PageFacts, Transport

log = structlog.get_logger(__name__)

#: What a site may say about a profile; the other states are the pool's own.
SITES_WORDS = frozenset(
    {
        Clearance.READY,
        Clearance.LOGIN_REQUIRED,
        Clearance.CHALLENGED,
        Clearance.STALE_PAGE,
        Clearance.BLOCKED,
    }
)


async def verified(site: Site, transport: Transport, *, timeout_s: float) -> Verdict:
    """Return the site's word about the profile. Raises TransportFailed (nothing was learnt), SlotLost."""
    try:
        async with asyncio.timeout(timeout_s):
            verdict = await site.verify(transport)
    except TimeoutError:
        raise TransportTimeout(f"the site did not answer the verification within {timeout_s:g} s") from None
    except BrowserError:
        raise
    except Exception as exc:
        log.exception("verifier failed")
        raise TransportFailed(f"the verification failed: {exc}") from exc
    if verdict.clearance not in SITES_WORDS:
        raise TransportFailed(f"the verification said {verdict.clearance!r}, which is not for a site to say")
    return verdict


def judged_bad(site: Site, facts: PageFacts) -> Verdict | None:
    """Return what the page itself says against the profile, None when it says nothing or nothing bad."""
    verdict = site.judge_page(facts)
    return None if verdict is None or verdict.clearance is Clearance.READY else verdict
