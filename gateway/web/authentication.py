"""From a request to the caller it comes from."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from gateway.auth.callers import Caller, Scope
from gateway.errors import AuthenticationFailed


class Keys(Protocol):
    """Knows API keys."""

    async def authenticate(self, secret: str) -> Caller: ...


#: Only for the OpenAPI document and its "Authorize" button; `authenticate` reads the header itself.
_documented = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="Make one with `gateway key create NAME`.")


def sent_key(request: Request) -> str:
    """The API key of a request: ``Authorization: Bearer KEY`` (or the bare key), ``x-api-key`` or ``api-key``; '' when there
    is none. Never from the address, which ends up in logs."""
    header = request.headers.get("authorization", "").strip()
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if header and not rest:
        return header
    return (request.headers.get("x-api-key") or request.headers.get("api-key") or "").strip()


async def authenticate(request: Request, _: Annotated[object, Depends(_documented)] = None) -> Caller:
    """Return the caller, remembered on the request. Raises AuthenticationFailed."""
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    services = request.app.state.services
    if services.local_caller is not None:
        caller: Caller = services.local_caller
    else:
        secret = sent_key(request)
        if not secret:
            raise AuthenticationFailed(
                "Incorrect API key provided: none was sent. Send one as 'Authorization: Bearer KEY'; "
                "make one with: gateway key create NAME"
            )
        caller = await services.keys.authenticate(secret)
    request.state.caller = caller
    return caller


async def authenticate_for_video(caller: Annotated[Caller, Depends(authenticate)]) -> Caller:
    caller.require(Scope.VIDEO)
    return caller


VideoCaller = Annotated[Caller, Depends(authenticate_for_video)]
