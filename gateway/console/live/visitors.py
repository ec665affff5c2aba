"""Who may look at a profile: the operator, or somebody who followed a link that was made for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.responses import Response

from gateway.auth.live_grants import GrantMode, LiveGrant
from gateway.console.access import Operator, SignInNeeded, address_of, house_of, is_secure, signed_in
from gateway.errors import PermissionDenied

SECURE_COOKIE = "__Host-gateway-live"
PLAIN_COOKIE = "gateway-live"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the live view of one profile. who: as the audit log and other viewers have it."""

    profile: str
    who: str
    address: str
    operator: Operator | None = None
    grant: LiveGrant | None = None

    @property
    def may_control(self) -> bool:
        return self.grant is None or self.grant.mode is GrantMode.CONTROL


async def visitor_of(connection: HTTPConnection) -> Visitor:
    """Return who asks for the live view of the profile in the path. Raises SignInNeeded, PermissionDenied."""
    return await visitor_at(connection, str(connection.path_params["profile"]))


async def visitor_at(connection: HTTPConnection, profile: str) -> Visitor:
    """The same before the path was taken apart."""
    try:
        operator = await signed_in(connection)
    except SignInNeeded:
        secret = connection.cookies.get(cookie_name(connection), "")
        room = house_of(connection).live
        grant = await room.grants.of_cookie(secret) if room is not None and secret else None
        if grant is None:
            raise
        if grant.profile != profile:
            raise PermissionDenied(f"The link you followed is for the profile {grant.profile!r} only.") from None
        return Visitor(profile, f"guest {grant.id.removeprefix('grant_')}", address_of(connection), grant=grant)
    return Visitor(profile, operator.name, operator.address, operator=operator)


TheVisitor = Annotated[Visitor, Depends(visitor_of)]


async def still_welcome(connection: HTTPConnection) -> bool:
    """Whether the one who was let in would be let in again now."""
    connection.state.operator = None
    try:
        await visitor_of(connection)
    except (SignInNeeded, PermissionDenied):
        return False
    return True


def cookie_name(connection: HTTPConnection) -> str:
    return SECURE_COOKIE if is_secure(connection) else PLAIN_COOKIE


def give_grant_cookie(connection: HTTPConnection, response: Response, secret: str, seconds: float) -> None:
    """Have the browser keep what a link was exchanged for."""
    response.set_cookie(
        cookie_name(connection),
        secret,
        max_age=int(seconds),
        path="/",
        secure=is_secure(connection),
        httponly=True,
        samesite="strict",
    )
