"""What the pool must know of the site it drives; handed in by the site adapter."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from browser.clearance import Verdict
from browser.transport import PageFacts, Transport

Verify = Callable[[Transport], Awaitable[Verdict]]
JudgePage = Callable[[PageFacts], Verdict | None]


@dataclass(frozen=True, slots=True)
class Site:
    """One web site, as far as leasing pages of it is concerned.

    home_url: where the API page lives. asset_url: a same-origin address on the host that serves big files; answered by a
    stub document of ours so that the page costs nothing. verify: a cheap authenticated call; its verdict decides whether
    the profile may be leased. judge_page: what a loaded page itself tells (a challenge, a sign-in form), None when it
    says nothing. sign_in_url: what an operator is shown to sign in. session_cookies: names whose change is worth a
    checkpoint at once. cookie_domains: only cookies of these domains (and their subdomains) are kept in checkpoints;
    empty keeps all.
    """

    home_url: str
    asset_url: str
    verify: Verify
    judge_page: JudgePage
    sign_in_url: str = ""
    session_cookies: frozenset[str] = frozenset()
    cookie_domains: Sequence[str] = field(default_factory=tuple)
