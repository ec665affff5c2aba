"""Who is at the console: the session cookie, and what becomes of those who have none.

Over HTTPS the cookie is ``__Host-gateway`` (Secure, this host only). Browsers do not keep such a cookie over plain HTTP, so
there, which by the door's rules is this machine or a name the operator allowed, it is called ``gateway-session``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.responses import Response

from gateway.auth.sessions import Session
from gateway.console.house import House
from gateway.errors import AuthenticationFailed
from gateway.settings import networks
from gateway.web.far_end import far_end

SECURE_COOKIE = "__Host-gateway"
PLAIN_COOKIE = "gateway-session"


class SignInNeeded(AuthenticationFailed):
    """Nobody is signed in to the console, or not any more."""

    code = "sign_in_needed"


@dataclass(frozen=True, slots=True)
class Operator:
    """The person at the console. name: as the audit log has it; address: where they are."""

    session: Session
    name: str
    address: str


def house_of(connection: HTTPConnection) -> House:
    """The console's services."""
    found: House = connection.app.state.console
    return found


async def signed_in(connection: HTTPConnection) -> Operator:
    """Return who is at the console, over HTTP or a WebSocket. Raises SignInNeeded."""
    known: Operator | None = getattr(connection.state, "operator", None)
    if known is not None:
        return known
    secret = connection.cookies.get(_cookie_name(connection), "")
    session = await house_of(connection).sessions.find(secret) if secret else None
    if session is None:
        raise SignInNeeded("Sign in to the console first; your session may have ended.")
    operator = Operator(session, "admin", address_of(connection))
    connection.state.operator = operator
    return operator


TheOperator = Annotated[Operator, Depends(signed_in)]


def address_of(connection: HTTPConnection) -> str:
    """Where the other end is: the address of the connection itself, or behind a trusted proxy the visitor's."""
    return far_end(connection, networks(house_of(connection).settings.trusted_proxies))


def is_secure(connection: HTTPConnection) -> bool:
    """Whether the browser speaks HTTPS with us, or with the proxy before us."""
    forwarded = connection.headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    public = urlsplit(house_of(connection).settings.public_url)
    said = forwarded or connection.url.scheme
    asked_for = connection.headers.get("host", "")
    if getattr(connection.state, "from_node", None):  # which has its own name; the browser's is told beside it
        asked_for = connection.headers.get("x-forwarded-host", "")
    return said in {"https", "wss"} or (public.scheme == "https" and public.netloc.lower() == asked_for.lower())


def comes_from_elsewhere(connection: HTTPConnection) -> bool:
    """Whether another site's page led the browser here. It then keeps our SameSite=Strict cookie to itself, so that nobody
    can tell yet whether the person is signed in: a page of ours has to lead here once more.
    """
    fetched_by = connection.headers.get("sec-fetch-site")
    if fetched_by is not None:
        navigates = connection.headers.get("sec-fetch-mode", "navigate") == "navigate"
        return navigates and fetched_by in {"cross-site", "same-site"}
    # Over plain HTTP to a name other than localhost browsers do not say it, but where they come from.
    referrer = urlsplit(connection.headers.get("referer", "")).netloc.lower()
    return referrer not in {"", connection.headers.get("host", "").lower()}


def give_cookie(connection: HTTPConnection, response: Response, secret: str, session: Session) -> None:
    """Have the browser keep the session until it is over at the latest."""
    seconds = int((session.expires_at - session.created_at).total_seconds())
    response.set_cookie(
        _cookie_name(connection),
        secret,
        max_age=seconds,
        path="/",
        secure=is_secure(connection),
        httponly=True,
        samesite="strict",
    )


def take_cookie(connection: HTTPConnection, response: Response) -> None:
    """Have the browser forget the session."""
    response.delete_cookie(
        _cookie_name(connection), path="/", secure=is_secure(connection), httponly=True, samesite="strict"
    )


def safe_return(path: str | None) -> str:
    """Return *path* when it lies in the console, else the console's first page: for going on after signing in."""
    if path and path.startswith("/console") and not path.startswith(("/console/login", "/console/setup", "//")):
        parts = urlsplit(path)
        if not parts.netloc and not parts.scheme and "\\" not in path:
            return path
    return "/console"


def _cookie_name(connection: HTTPConnection) -> str:
    return SECURE_COOKIE if is_secure(connection) else PLAIN_COOKIE
