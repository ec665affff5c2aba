"""Coming in and going out: the setup link's page, signing in, signing out, and what is chosen before (language, theme)."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from gateway.auth.passwords import AdminExists, check_password
from gateway.console.access import SignInNeeded, address_of, give_cookie, safe_return, signed_in, take_cookie
from gateway.console.language import LANGUAGE_COOKIE, LANGUAGES
from gateway.console.page import Page
from gateway.console.view import THEME_COOKIE, THEMES, PublicView, View
from gateway.errors import InvalidRequest, RateLimited

log = structlog.get_logger(__name__)
router = APIRouter()
PAGE = Page("sign_in", router, public=True)

YEAR_S = 365 * 86400
Field = Annotated[str, Form(max_length=2048)]


@router.get("/console/login")
async def login_page(request: Request, view: PublicView, next: str = "") -> Response:  # noqa: A002 - the address says so
    """The form; those who are signed in are sent on."""
    try:
        await signed_in(request)
        return RedirectResponse(safe_return(next), status_code=303)
    except SignInNeeded:
        pass
    if not await view.house.password.exists():
        return RedirectResponse("/console/setup", status_code=303)
    return view.page("sign_in/login.html", next=safe_return(next), problem="", wait_s=None)


@router.post("/console/login")
async def login(request: Request, view: PublicView, password: Field = "", next: Field = "") -> Response:  # noqa: A002
    """Check the password and begin a session. Wrong ones are counted."""
    address = address_of(request)
    try:
        view.house.attempts.begin(address)
    except RateLimited as exc:
        log.warning("login refused", address=address)  # not in the audit log: a stranger could fill it without end
        return _login_again(view, next, view.text("sign_in.too_many"), status=429, wait_s=exc.retry_after_s)
    if not await view.house.password.check(password):
        await view.note("login.failed")
        return _login_again(view, next, view.text("sign_in.wrong"), status=401)
    view.house.attempts.succeeded(address)
    return await _enter(request, view, safe_return(next), "login.succeeded")


@router.get("/console/setup")
async def setup_page(view: PublicView) -> Response:
    """Where the one-time link leads; its secret stands in the fragment, which only the page's own script can read."""
    if await view.house.password.exists():
        return RedirectResponse("/console/login", status_code=303)
    return view.page("sign_in/setup.html", problem="", token="")


@router.post("/console/setup")
async def setup(
    request: Request, view: PublicView, token: Field = "", password: Field = "", again: Field = ""
) -> Response:
    """Exchange the link's secret for an admin with this password, signed in."""
    house, address = view.house, address_of(request)
    try:
        house.attempts.begin(address)
        token = token.strip().rpartition("#")[2]  # the whole link may be pasted
        if not token or not await house.setup_links.valid(token):
            return _setup_again(view, view.text("sign_in.link_invalid"), token="", status=403)
        house.attempts.succeeded(address)
        if password != again:
            return _setup_again(view, view.text("sign_in.not_alike"), token=token)
        try:
            check_password(password)
            await house.password.create(password)
        except AdminExists:
            return RedirectResponse("/console/login", status_code=303)
        except InvalidRequest:
            return _setup_again(view, view.text("sign_in.too_short"), token=token)
    except RateLimited as exc:
        answer = _setup_again(view, view.text("sign_in.too_many"), token=token, status=429)
        answer.headers["retry-after"] = str(int(exc.retry_after_s or 1) + 1)
        return answer
    return await _enter(request, view, "/console", "admin.created")


@router.post("/console/logout")
async def logout(request: Request, view: PublicView) -> Response:
    """End this browser's session."""
    answer = RedirectResponse("/console/login", status_code=303)
    try:
        operator = await signed_in(request)
    except SignInNeeded:
        return answer
    await view.house.sessions.end(operator.session.id)
    await view.house.audit.write(operator.name, "session.ended", operator.session.id, address=operator.address)
    take_cookie(request, answer)
    answer.headers["clear-site-data"] = '"cache"'
    return answer


@router.post("/console/preferences")
async def preferences(view: PublicView, language: Field = "", theme: Field = "", next: Field = "") -> Response:  # noqa: A002
    """Remember a choice of language or theme in this browser."""
    path = next if next.startswith("/console") and "//" not in next and "\\" not in next else "/console"
    answer = RedirectResponse(path, status_code=303)
    if language in LANGUAGES:
        answer.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, path="/console", samesite="strict")
    if theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, path="/console", samesite="strict")
    return answer


async def _enter(request: Request, view: View, where: str, what: str) -> Response:
    session, secret = await view.house.sessions.begin(
        address=address_of(request), user_agent=request.headers.get("user-agent", "")
    )
    await view.house.audit.write("admin", what, session.id, address=session.address)
    answer = RedirectResponse(where, status_code=303)
    give_cookie(request, answer, secret, session)
    return answer


def _login_again(view: View, next_: str, problem: str, *, status: int, wait_s: float | None = None) -> Response:
    seconds = None if wait_s is None else int(wait_s) + 1
    headers = {} if seconds is None else {"retry-after": str(seconds)}
    return view.page(
        "sign_in/login.html", status=status, headers=headers, next=safe_return(next_), problem=problem, wait_s=seconds
    )


def _setup_again(view: View, problem: str, *, token: str, status: int = 400) -> Response:
    return view.page("sign_in/setup.html", status=status, problem=problem, token=token)
