"""grok.com as the pool needs to know it."""

from __future__ import annotations

from browser.site import Site
from gateway.grok.verify import judge_page, verify

ORIGIN = "https://grok.com"
ASSETS_ORIGIN = "https://assets.grok.com"

#: A change of these is worth a checkpoint at once (upstream.md 2.1).
SESSION_COOKIES = frozenset({"sso", "sso-rw", "cf_clearance", "x-userid"})


def grok_site() -> Site:
    """Describe the site. Cookies of all domains are kept: signing in passes through x.ai, x.com, Google or Apple."""
    return Site(
        home_url=f"{ORIGIN}/",
        asset_url=f"{ASSETS_ORIGIN}/__gw",
        verify=verify,
        judge_page=judge_page,
        sign_in_url=f"{ORIGIN}/",
        session_cookies=SESSION_COOKIES,
    )
