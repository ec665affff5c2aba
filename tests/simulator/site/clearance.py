"""The challenge in front of the site: who may pass, the page that is shown, and the click that clears it."""

from __future__ import annotations

import hashlib
import html
import secrets
import time
from pathlib import Path

from tests.simulator.state.world import PendingChallenge, Stack, World

from .routes import routes
from .visit import Reply, Visit, problem, reply_json

PAGES = Path(__file__).parent.parent / "pages"
COOKIE = "cf_clearance"
LEAST_HUMAN_TIME = 0.25
MOST_PENDING = 1000
BOX = 420  # the box is drawn smaller than this; a click that claims to lie outside was not made on it


def is_navigation(visit: Visit) -> bool:
    return visit.request.headers.get("sec-fetch-mode") == "navigate" or visit.kind == "navigation"


def clearance_cookie(token: str) -> str:
    return f"{COOKIE}={token}; Path=/; Domain=.grok.com; Max-Age=31536000; Secure; HttpOnly; SameSite=None"


def _is_cleared(world: World, visit: Visit, challenged_at: float) -> bool:
    """Whether the cookie this request shows was earned after the last challenge, by this very network stack."""
    clearance = world.clearances.get(visit.request.cookies.get(COOKIE, ""))
    if clearance is None or clearance.earned_at < challenged_at:
        return False
    stack = Stack.of(visit.request)
    if visit.request.wants_websocket:
        # Chromium opens WebSockets over HTTP/1.1 and without client hints: the user agent is all there is
        return clearance.stack is None or clearance.stack.user_agent == stack.user_agent
    if not stack.is_browser:
        return False
    if clearance.stack is None:
        clearance.stack = stack
    return clearance.stack == stack


def guard(visit: Visit) -> Reply | None:
    """The challenge, or None for those who may pass."""
    world, account = visit.world, visit.account
    if "challenge-empty-body" in visit.script:
        return Reply(403, b"", _challenge_headers())
    for name, reload_clears in (("challenge", False), ("challenge-once-reload-clears", True)):
        if name in visit.script:
            if account is not None:
                account.challenge(reload_clears=reload_clears)
            else:
                world.challenged_at, world.reload_clears = time.time(), reload_clears
            return challenge_page(visit)
    challenged_at = max(world.challenged_at, account.challenged_at if account else 0.0)
    settings = world.settings
    if not challenged_at and (settings.open_to_direct or settings.clearance == "off"):
        return None
    if _is_cleared(world, visit, challenged_at):
        return None
    stack = Stack.of(visit.request)
    if is_navigation(visit) and stack.is_browser:
        by_reload = world.reload_clears or (account is not None and account.reload_clears)
        if (challenged_at and by_reload) or (not challenged_at and settings.clearance == "automatic"):
            _lift(visit)
            visit.granted = clearance_cookie(world.grant_clearance(stack))
            return None
    if challenged_at and settings.open_to_direct and _earned_since(world, visit, challenged_at):
        return None
    return challenge_page(visit)


def _earned_since(world: World, visit: Visit, challenged_at: float) -> bool:
    clearance = world.clearances.get(visit.request.cookies.get(COOKIE, ""))
    return clearance is not None and clearance.earned_at >= challenged_at


def _lift(visit: Visit) -> None:
    visit.world.challenged_at, visit.world.reload_clears = 0.0, False
    if visit.account is not None:
        visit.account.challenge(on=False)


def _challenge_headers() -> dict[str, str]:
    return {
        "content-type": "text/html; charset=UTF-8",
        "cf-mitigated": "challenge",
        "server": "cloudflare",
        "cf-ray": f"{secrets.token_hex(8)}-SIM",
        "cache-control": "private, max-age=0, no-store",
    }


def challenge_page(visit: Visit) -> Reply:
    nonce = secrets.token_urlsafe(18)
    while len(visit.world.challenges) >= MOST_PENDING:
        visit.world.challenges.pop(next(iter(visit.world.challenges)))
    visit.world.challenges[nonce] = PendingChallenge(
        nonce, Stack.of(visit.request), visit.account.id if visit.account else None
    )
    text = (PAGES / "challenge.html").read_text()
    text = text.replace("{{NONCE}}", nonce).replace("{{RAY}}", secrets.token_hex(8))
    text = text.replace("{{HOST}}", html.escape(visit.request.host))
    return Reply(403, text.encode(), _challenge_headers())


def proof_of(nonce: str, x: int, y: int, pressed_ms: int) -> str:
    """What the challenge page's script computes at the click; ties the answer to that page load and that click."""
    return hashlib.sha256(f"{nonce}|{x}|{y}|{pressed_ms}".encode()).hexdigest()


@routes.add("GET", "/cdn-cgi/challenge-platform/page.js", "static", login=False, cleared=False)
async def challenge_script(visit: Visit) -> Reply:
    body = (PAGES / "challenge.js").read_bytes()
    return Reply(200, body, {"content-type": "text/javascript", "cache-control": "no-store"})


@routes.add("POST", "/cdn-cgi/challenge-platform/verify", "challenge_click", login=False, cleared=False)
async def verify(visit: Visit) -> Reply:
    """Grant a clearance for a trusted click on a challenge page that was shown to this very stack."""
    body, world = visit.json, visit.world
    pending = world.challenges.pop(str(body.get("nonce")), None)
    visit.entry.params = {key: value for key, value in body.items() if key not in ("nonce", "proof")}
    stack = Stack.of(visit.request)
    try:
        x, y, pressed = int(body["x"]), int(body["y"]), int(body["pressed_ms"])
    except (KeyError, TypeError, ValueError):
        return problem(403, 7, "challenge failed")
    human = (
        pending is not None
        and stack.is_browser
        and pending.stack == stack
        and body.get("trusted") is True
        and 0 <= x <= BOX
        and 0 <= y <= BOX
        and pressed >= 0
        and time.time() - pending.shown_at >= LEAST_HUMAN_TIME
        and body.get("proof") == proof_of(pending.nonce, x, y, pressed)
    )
    if not human:
        return problem(403, 7, "challenge failed")
    _lift(visit)
    return reply_json({"ok": True}, set_cookie=clearance_cookie(world.grant_clearance(stack)))
