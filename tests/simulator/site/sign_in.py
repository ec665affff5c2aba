"""Signing in at accounts.x.ai: form, code, or a pop-up; then the hop back that sets the cookies of grok.com."""

from __future__ import annotations

import html
import secrets
from urllib.parse import parse_qs

from tests.simulator.state.accounts import Account

from .pages import page
from .routes import ACCOUNTS, routes
from .visit import Reply, Visit, problem, reply_html, reply_json

RIGHT_CODE = "123456"
WRONG_PASSWORD = "wrong"
PENDING = "pending_sign_in"


def session_cookies(account: Account, token: str) -> list[tuple[str, str, bool]]:
    """Name, value, and whether scripts are kept from it. Session cookies: they end with the browser."""
    return [("sso", token, True), ("sso-rw", token, True), ("x-userid", account.id, False)]


def _set_cookie(account: Account, token: str) -> str:
    lines = [
        f"{name}={value}; Path=/; Domain=.grok.com; Secure; SameSite=Lax" + ("; HttpOnly" if hidden else "")
        for name, value, hidden in session_cookies(account, token)
    ]
    return "\n".join(lines)


def _form(visit: Visit) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(visit.raw.decode("utf-8", "replace")).items()}


def _redirect(location: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(303, b"", {"location": location, "cache-control": "no-store", **named})


def _error(text: str) -> str:
    return f'<p class="error" role="alert">{html.escape(text)}</p>' if text else ""


def _account(visit: Visit, email: str) -> Account:
    accounts = visit.world.accounts
    return accounts.of_email(email) or accounts.add(Account(email.lower()))


def _back_to_site(visit: Visit, email: str) -> Reply:
    account = _account(visit, email)
    code = secrets.token_urlsafe(24)
    visit.world.sign_in_codes[code] = account.id
    return _redirect(f"https://grok.com/auth/callback?code={code}")


@routes.add("GET", "/sign-in", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def form(visit: Visit) -> Reply:
    return reply_html(page("sign_in.html", ERROR=""))


@routes.add("POST", "/sign-in", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def submit(visit: Visit) -> Reply:
    fields = _form(visit)
    visit.entry.params = {name: value for name, value in fields.items() if name != "password"}
    email = fields.get("email", "")
    if "@" not in email or fields.get("password", WRONG_PASSWORD) == WRONG_PASSWORD:
        return reply_html(page("sign_in.html", ERROR=_error("Wrong email or password.")), 401)
    return _redirect("/sign-in/code", set_cookie=f"{PENDING}={email}; Path=/sign-in; Secure; HttpOnly")


@routes.add("GET", "/sign-in/code", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def code_page(visit: Visit) -> Reply:
    email = visit.request.cookies.get(PENDING)
    if not email:
        return _redirect("/sign-in")
    return reply_html(page("code.html", EMAIL=html.escape(email), ERROR=""))


@routes.add("POST", "/sign-in/code", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def check_code(visit: Visit) -> Reply:
    email = visit.request.cookies.get(PENDING)
    if not email:
        return _redirect("/sign-in")
    if _form(visit).get("code", "").strip() != RIGHT_CODE:
        text = page("code.html", EMAIL=html.escape(email), ERROR=_error("That code is wrong. Try again."))
        return reply_html(text, 401)
    return _back_to_site(visit, email)


@routes.add("GET", "/sign-in/mail", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def mail(visit: Visit) -> Reply:
    """The window with the code, which it can hand to the one that opened it."""
    return reply_html(page("mail.html"))


@routes.add("GET", "/sign-in/x", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def with_x(visit: Visit) -> Reply:
    return reply_html(page("with_x.html"))


@routes.add("POST", "/sign-in/x", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def authorize(visit: Visit) -> Reply:
    ticket = secrets.token_urlsafe(24)
    visit.world.sign_in_codes[ticket] = _account(visit, _form(visit).get("email", "x-user@example.com")).id
    return reply_json({"ticket": ticket})


@routes.add("GET", "/sign-in/x/finish", "sign_in", host=ACCOUNTS, login=False, cleared=False)
async def finish_with_x(visit: Visit) -> Reply:
    account = visit.world.accounts.by_id.get(visit.world.sign_in_codes.pop(visit.request.query.get("ticket", ""), ""))
    return _back_to_site(visit, account.email) if account else _redirect("/sign-in")


@routes.add("GET", "/auth/callback", "sign_in", login=False)
async def callback(visit: Visit) -> Reply:
    world = visit.world
    account = world.accounts.by_id.get(world.sign_in_codes.pop(visit.request.query.get("code", ""), ""))
    if account is None:
        return problem(400, 3, "This sign-in link has been used.")
    visit.entry.account = account.id
    return _redirect("/", set_cookie=_set_cookie(account, world.accounts.sign_in(account)))


@routes.add("POST", "/auth/sign-out", "sign_out", login=False)
async def sign_out(visit: Visit) -> Reply:
    if visit.account is not None:
        visit.account.sign_out()
    expired = "Path=/; Domain=.grok.com; Max-Age=0; Secure"
    return reply_json({}, set_cookie="\n".join(f"{name}=; {expired}" for name in ("sso", "sso-rw", "x-userid")))
