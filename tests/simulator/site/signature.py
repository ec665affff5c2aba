"""What the site's own script adds to protected requests, and the check of it.

The real value is the site's secret and none of our business. This one is made up, with the properties that matter to
a client: it is bound to a loaded page, to method and path, so one request's value does not do for another endpoint.
"""

from __future__ import annotations

import time

from .refusals import antibot, stale_page
from .visit import Reply, Visit

HEADER = "x-statsig-id"
MASK = 0xFFFFFFFF


def digest(text: str) -> str:
    """53 bits of cyrb53, as `pages/site.js` computes them (32-bit arithmetic, the same on both sides)."""
    one, two = 0xDEADBEEF, 0x41C6CE57
    for char in map(ord, text):
        one = ((one ^ char) * 2654435761) & MASK
        two = ((two ^ char) * 1597334677) & MASK
    one, two = (
        (((one ^ (one >> 16)) * 2246822507) & MASK) ^ (((two ^ (two >> 13)) * 3266489909) & MASK),
        (((two ^ (two >> 16)) * 2246822507) & MASK) ^ (((one ^ (one >> 13)) * 3266489909) & MASK),
    )
    return f"{4294967296 * (2097151 & two) + one:x}"


def check(visit: Visit) -> Reply | None:
    """The refusal of a protected request whose signature is missing, false, used before, or of an old page."""
    world, account, script = visit.world, visit.account, visit.script
    if "antibot" in script:
        return antibot()
    if "stale-page" in script:
        if account is not None:
            account.stale_before = time.time()
        else:
            world.stale_before = time.time()
        return stale_page()
    settings = world.settings
    if not settings.require_signature:
        return None
    value = visit.request.headers.get(HEADER, "")
    seed, _, rest = value.partition(".")
    stamp, _, proof = rest.partition(".")
    page = world.pages.get(seed)
    if page is None:
        return antibot()
    expected = digest(f"{seed}|{visit.request.method}|{visit.request.target.partition('?')[0]}|{stamp}")
    if proof != expected or (settings.signature_once and stamp in page.used):
        return antibot()
    page.used.add(stamp)
    stale_before = max(world.stale_before, account.stale_before if account else 0.0)
    if settings.page_lifetime:
        stale_before = max(stale_before, time.time() - settings.page_lifetime)
    return stale_page() if page.loaded_at < stale_before else None
