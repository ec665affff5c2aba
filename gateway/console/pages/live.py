"""The live view: a profile's browser in the page, links that let somebody else at it, and its WebSocket."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, WebSocket
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocketDisconnect

from browser.errors import PoolClosed, ProfileUnknown
from browser.live.asked import OfferedFile
from gateway.auth.live_grants import LONGEST_S, PATH, GrantMode, LiveGrant
from gateway.console.access import SignInNeeded, TheOperator, address_of, house_of
from gateway.console.awaiting import awaiting
from gateway.console.house import House
from gateway.console.language import catalogue
from gateway.console.live.absence import STATUS, absence_of
from gateway.console.live.codec import SUBPROTOCOL
from gateway.console.live.files import LIMIT_BYTES
from gateway.console.live.room import LiveRoom
from gateway.console.live.socket import serve_viewer
from gateway.console.live.visitors import TheVisitor, give_grant_cookie, visitor_of
from gateway.console.page import Page
from gateway.console.view import PublicView, TheView, View
from gateway.errors import GatewayError, InvalidRequest, NotFound, PermissionDenied, ShuttingDown
from gateway.tasks.states import State
from gateway.tasks.store import Filter

router = APIRouter()
#: Public: a guest has no session of the console. Every route below asks by itself who is there.
PAGE = Page("live", router, public=True)

SHOWN_GRANTS = 10
#: Tasks at work are counted up to here; a profile has a handful of places.
MOST_BEGUN = 50
#: Texts the page's script says are those of the catalogue that begin so; their places are filled in there.
SCRIPT_TEXTS = "live.say_"
PLACES: Any = {name: f"{{{name}}}" for name in ("who", "tasks", "reason", "message", "origin", "realm")}


class NewGrant(BaseModel):
    """ttl: seconds in which the link must be followed, 900 at most. one_time: there is no other kind."""

    profile: str = Field(max_length=64)
    mode: GrantMode = GrantMode.VIEW
    ttl: float = Field(default=LONGEST_S, gt=0, le=LONGEST_S)
    one_time: Literal[True] = True


class Secret(BaseModel):
    secret: str = Field(max_length=200, repr=False)


@router.get("/console/live")
async def door(view: PublicView) -> Response:
    """Where a link leads; its secret stands in the fragment, which only the page's own script can read."""
    return view.page("live/door.html")


@router.get("/console/live/{profile}")
async def live(profile: str, view: PublicView, visitor: TheVisitor) -> Response:
    """The page."""
    house, room = view.house, _room(view)
    row = next((one for one in await house.registry.list() if one.name == profile), None)
    if visitor.operator is not None:
        view = View(view.request, house, visitor.operator, view.base_url)
    if row is None or row.removed_at is not None or room.views is None or not room.views.knows(profile):
        absence = absence_of(row, node=house.registry.node, has_browsers=room.views is not None)
        return view.page(
            "live/absent.html",
            status=STATUS.get(absence, 200),
            visitor=visitor,
            name=profile[:64],
            node=row.node_id if row else "",
            absence=absence.value,
        )
    grants = await room.grants.list(profile, limit=SHOWN_GRANTS) if visitor.operator is not None else []
    return view.page(
        "live/live.html",
        profile=row,
        visitor=visitor,
        grants=grants,
        limit_bytes=LIMIT_BYTES,
        texts={
            key.removeprefix(SCRIPT_TEXTS): view.text(key, **PLACES)
            for key in catalogue(view.language)
            if key.startswith(SCRIPT_TEXTS)
        },
        now=datetime.now(UTC),
    )


@router.websocket("/console/api/live/{profile}/ws")
async def socket(socket: WebSocket, profile: str) -> None:
    """Pictures and words out, gestures in. Host and Origin were checked at the door."""
    try:
        visitor = await visitor_of(socket)
    except SignInNeeded as exc:
        await _deny(socket, exc, 401)
        return
    except PermissionDenied as exc:
        await _deny(socket, exc, 403)
        return
    house = house_of(socket)
    room = house.live
    if room is None or room.views is None or not room.views.knows(profile):
        await _deny(socket, NotFound(f"There is no profile {profile[:64]!r} on this node."), 404)
        return
    asked = socket.headers.get("sec-websocket-protocol", "")
    if SUBPROTOCOL not in {word.strip() for word in asked.split(",")}:
        await _deny(socket, InvalidRequest(f"This gateway speaks {SUBPROTOCOL}."), 400)
        return
    try:
        async with room.views.join(profile, who=visitor.who, may_control=visitor.may_control) as viewer:
            await socket.accept(subprotocol=SUBPROTOCOL)
            mode = "control" if visitor.may_control else "view"
            await house.audit.write(visitor.who, "live.viewed", profile, address=visitor.address, mode=mode)
            await serve_viewer(socket, viewer, files=room.files, going_on=partial(_going_on, house, profile))
    except (ProfileUnknown, PoolClosed):  # removed this very moment, or we are stopping
        await _deny(socket, ShuttingDown("The profile is leaving; try again in a few seconds."), 503)
    except WebSocketDisconnect:
        pass


@router.post("/console/api/live/{profile}/files")
async def upload(profile: str, request: Request, view: PublicView, visitor: TheVisitor, name: str = "file") -> Response:
    """Keep a file for a file chooser of the page; the body is the file. Answers with its name for ``files``."""
    if not visitor.may_control:
        raise PermissionDenied("Your link lets you look, not take part.")
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LIMIT_BYTES:
            raise InvalidRequest(f"The file is larger than {LIMIT_BYTES // 1024**2} MB.")
    media_type = request.headers.get("content-type", "application/octet-stream")
    file = OfferedFile(name.replace("\\", "/").rpartition("/")[2][:200] or "file", media_type, bytes(data))
    return JSONResponse({"id": _room(view).files.put(profile, file)})


@router.post("/console/api/live-grants")
async def make_grant(body: NewGrant, view: TheView) -> Response:
    """Make a link for somebody: what it opens, and the address to send."""
    grant, url = await _made(view, body.profile, body.mode, body.ttl)
    return JSONResponse(
        {"id": grant.id, "url": url, "mode": grant.mode.value, "expires_at": grant.expires_at.isoformat()}
    )


@router.post("/console/live/{profile}/share")
async def share(
    profile: str,
    view: TheView,
    mode: Annotated[GrantMode, Form()] = GrantMode.VIEW,
    minutes: Annotated[int, Form()] = 15,
) -> Response:
    """The same from the page: shows the link this once."""
    grant, url = await _made(view, profile, mode, max(1, min(minutes, int(LONGEST_S) // 60)) * 60)
    return view.done(dialog="live/shared.html", url=url, grant=grant)


@router.post("/console/api/live-grants/exchange")
async def exchange(body: Secret, request: Request, view: PublicView) -> Response:
    """Exchange a link's secret, once, for a cookie that opens one profile's live view."""
    room, address = _room(view), address_of(request)
    grants = room.grants
    room.attempts.begin(address)  # also because each refusal is a line of the audit log
    used = await grants.exchange(body.secret.strip())
    if used is None:
        await view.house.audit.write("somebody", "live_grant.refused", address=address)
        raise PermissionDenied("This link was used before, is too old, or was taken back. Ask for a new one.")
    room.attempts.succeeded(address)
    grant, cookie = used
    await view.house.audit.write(
        f"guest {grant.id.removeprefix('grant_')}", "live_grant.used", grant.profile, address=address
    )
    answer = JSONResponse({"go": f"{PATH}/{quote(grant.profile)}", "mode": grant.mode.value})
    give_grant_cookie(request, answer, cookie, grants.cookie_s)
    return answer


@router.post("/console/api/live-grants/{grant_id}/revoke")
async def revoke(grant_id: str, view: TheView, operator: TheOperator) -> Response:
    """Take a link back; whoever came by it is sent away within seconds."""
    if not await _room(view).grants.revoke(grant_id):
        raise NotFound("There is no such link, or it was taken back before.")
    await view.note("live_grant.revoked", grant_id)
    return view.done(view.text("live.revoked"))


async def _made(view: View, profile: str, mode: GrantMode, ttl_s: float) -> tuple[LiveGrant, str]:
    if all(one.name != profile or one.removed_at is not None for one in await view.house.registry.list()):
        raise NotFound(f"There is no profile {profile[:64]!r}.")
    name = view.operator.name if view.operator else "admin"
    grant, secret = await _room(view).grants.make(profile, mode, by=name, ttl_s=ttl_s)
    await view.note("live_grant.made", profile, mode=mode.value, grant=grant.id)
    return grant, f"{view.base_url}{PATH}#g={secret}"


async def _going_on(house: House, name: str) -> int:
    """How many tasks a sign-in lets go on: those that waited for the profile, also where they are at work by now."""
    rows = [row for row in await house.registry.list() if row.removed_at is None]
    mine = next((row for row in rows if row.name == name), None)
    if mine is None:
        return 0
    store = house.services.store
    begun = await store.find(Filter(states=frozenset({State.RUNNING}), profile=name), limit=MOST_BEGUN)
    return len(begun.tasks) + await awaiting(store, mine, rows)


def _room(view: View) -> LiveRoom:
    room = view.house.live
    if room is None:
        raise NotFound("This gateway has no live view.")
    return room


async def _deny(socket: WebSocket, exc: GatewayError, status: int) -> None:
    body = {"error": {"code": exc.code, "message": str(exc)}}
    await socket.send_denial_response(JSONResponse(body, status_code=status))
