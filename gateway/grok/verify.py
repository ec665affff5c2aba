"""Whether a profile is signed in: the verdicts the pool acts on."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from browser.clearance import Clearance, Verdict
from browser.errors import TransportFailed
from browser.transport import PageFacts, Reply, Transport, World
from gateway.errors import UpstreamDrifted
from gateway.grok.errors import judge
from gateway.grok.wire.fields import parse_object
from gateway.grok.wire.problems import Problem, read_problem
from gateway.grok.wire.session import masked_name, read_session

_SIGN_IN_PATHS = ("/sign-in", "/signin", "/login", "/sign-up")


async def verify(transport: Transport) -> Verdict:
    """Ask the site who is signed in (a call that costs nothing). Raises TransportFailed when it does not tell."""
    reply = await transport.fetch("GET", "/api/auth/session", world=World.ISOLATED, timeout_s=20)
    return judge_session(reply)


def judge_session(reply: Reply) -> Verdict:
    """Judge an answer of ``/api/auth/session`` by its body; the status may be 200 for every one of them."""
    problem = read_problem(reply.status, reply.headers, reply.text)
    if 200 <= reply.status < 300 and not problem.is_page:
        return _judge_answer(reply.text, problem)
    finding = judge(problem, datetime.now(UTC))
    if isinstance(finding.effect, Verdict):
        return finding.effect
    if reply.status in {400, 403}:
        return Verdict(Clearance.LOGIN_REQUIRED, f"the site tells nothing about a session (HTTP {reply.status})")
    raise TransportFailed(f"the session check came to nothing: {finding.error.message}")


def _judge_answer(body: str, problem: Problem) -> Verdict:
    nobody = Verdict(Clearance.LOGIN_REQUIRED, "nobody is signed in")
    if body.strip() in {"", "null"}:
        return nobody
    try:
        session = read_session(parse_object(body, field="session"))
    except UpstreamDrifted as exc:
        raise TransportFailed(f"the session check came to nothing: {exc.message}") from exc
    if "blocked" in session.status or "suspended" in session.status:
        return Verdict(Clearance.BLOCKED, f"the site says the account is {session.status}")
    if session.signed_in:
        account = {"id": session.user_id, "name": masked_name(session), "tier": session.tier}
        return Verdict(Clearance.READY, "signed in", {key: value for key, value in account.items() if value})
    effect = judge(problem, datetime.now(UTC)).effect  # a refusal may come with HTTP 200
    return effect if isinstance(effect, Verdict) else nobody


def judge_page(page: PageFacts) -> Verdict | None:
    """Judge what a navigation showed; None when the page itself says nothing."""
    start = page.body_start.lower()
    title = page.title.strip().lower()
    if "challenge" in page.headers.get("cf-mitigated", "").lower() or title.startswith("just a moment"):
        return Verdict(Clearance.CHALLENGED, "the site asks for a human check")
    if page.status in {403, 429, 503}:
        body = page.body_start or (f"<title>{page.title}</title>" if page.title else "")
        finding = judge(
            read_problem(page.status, {**page.headers, "content-type": "text/html"}, body), datetime.now(UTC)
        )
        if isinstance(finding.effect, Verdict):
            return finding.effect
    if "__cf_chl" in start and "cf-turnstile" in start:
        return Verdict(Clearance.CHALLENGED, "the site asks for a human check")
    where = urlsplit(page.url)
    if (where.hostname or "").lower() == "accounts.x.ai" or where.path.lower().startswith(_SIGN_IN_PATHS):
        return Verdict(Clearance.LOGIN_REQUIRED, "the site shows its sign-in page")
    return None
