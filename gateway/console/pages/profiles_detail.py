"""One profile: where it stands and what comes next, its history, tasks and copies, and carrying its sign-in in and out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response

from gateway.console.house import House
from gateway.console.page import Page
from gateway.console.pages.profiles import Brought, Field, row_of
from gateway.console.profile_cards import cards_of, kind_word, told
from gateway.console.profile_files import bring, read_sign_in, telling
from gateway.console.view import TheView
from gateway.errors import InvalidRequest
from gateway.profiles.bundle import seal
from gateway.profiles.carrying import copies_to_json, here_or_refuse, pack
from gateway.profiles.errors import NothingKept
from gateway.profiles.model import Profile
from gateway.profiles.states import LINE
from gateway.tasks.store import Filter

router = APIRouter()
PAGE = Page("profiles", router)

NOTES_SHOWN = 24
TASKS_SHOWN = 6


@router.get("/console/profiles/{name}")
async def profile(name: str, view: TheView) -> Response:
    """The page; every part of it is live."""
    house = view.house
    row = await row_of(view, name)
    return view.page(
        "profiles/profile.html",
        card=cards_of(house, [row])[0],
        line=LINE,
        notes=await house.registry.notes(name, limit=NOTES_SHOWN),
        told=told,
        kind_word=kind_word,
        tasks=(await house.services.store.find(Filter(profile=name), limit=TASKS_SHOWN)).tasks,
        copies=[{**copy, "taken_at": datetime.fromisoformat(copy["taken_at"])} for copy in await _copies(house, row)],
        now=datetime.now(UTC),
    )


@router.post("/console/profiles/{name}/restore")
async def restore(name: str, view: TheView, generation: Annotated[int, Form()] = 0) -> Response:
    """Ask its node to put an earlier copy of the sign-in back; the page shows what became of it."""
    row = await row_of(view, name)
    with telling(view):
        if all(copy["generation"] != generation for copy in await _copies(view.house, row)):
            raise NothingKept
        await view.house.registry.request_restore(name, generation)
    await view.note("profile.restore_requested", name, generation=generation)
    return view.done(view.text("profiles.restore_asked", n=generation))


@router.post("/console/profiles/{name}/proxy")
async def set_proxy(name: str, view: TheView, proxy: Field = "") -> Response:
    """Have it go out another way; nothing said: directly."""
    way_out = proxy.strip() or None
    with telling(view):
        await view.house.registry.set_proxy(name, way_out)
    await view.note("profile.proxy_changed", name, proxy="set" if way_out else "removed")
    return view.done(view.text("profiles.proxy_set" if way_out else "profiles.proxy_removed", name=name))


@router.post("/console/profiles/{name}/accept-egress")
async def accept_egress(name: str, view: TheView) -> Response:
    """Take the present way out for the one it belongs to."""
    with telling(view):
        await view.house.registry.accept_egress(name)
    await view.note("profile.egress_accepted", name)
    return view.done(view.text("profiles.egress_accepted"))


@router.post("/console/profiles/{name}/import")
async def import_(name: str, view: TheView, passphrase: Field = "", file: Brought = None) -> Response:
    """Replace its sign-in by the one in a file; the site is asked whether it counts."""
    row = await row_of(view, name)
    with telling(view):
        here_or_refuse(view.house.registry, row)
    sign_in = await read_sign_in(view, file, passphrase)
    if sign_in is None:
        raise InvalidRequest(view.text("profiles.no_file"), param="file")
    taken = await bring(view, name, sign_in)
    await view.note("profile.imported", name, cookies=taken.cookies)
    return view.done(view.text("profiles.imported_now", n=taken.cookies))


@router.post("/console/profiles/{name}/export")
async def export(
    name: str,
    view: TheView,
    *,
    password: Field = "",
    passphrase: Field = "",
    again: Field = "",
    with_proxy: Field = "",
) -> Response:
    """Give the sign-in out as a sealed bundle: the admin's password once more, and a passphrase to seal it with."""
    house = view.house
    row = await row_of(view, name)
    assert view.operator is not None
    house.attempts.begin(view.operator.address)
    if not await house.password.check(password):
        await view.note("profile.export_refused", name)
        raise InvalidRequest(view.text("sign_in.wrong"), param="password")
    house.attempts.succeeded(view.operator.address)
    if passphrase != again:
        raise InvalidRequest(view.text("profiles.not_alike"), param="again")
    with telling(view):
        here_or_refuse(house.registry, row)
        copies = await asyncio.to_thread(house.copies, name)
        bundle = await pack(house.registry, copies, name, with_proxy=bool(with_proxy))
        sealed = await asyncio.to_thread(seal, bundle, passphrase)
    await view.note("profile.exported", name, proxy="along" if with_proxy else "left out")
    return Response(
        sealed,
        media_type="application/octet-stream",
        headers={"content-disposition": f'attachment; filename="{name}.profile"', "cache-control": "no-store"},
    )


async def _copies(house: House, row: Profile) -> Sequence[Mapping[str, Any]]:
    """The copies of its sign-in: as they lie on this disk, or as the node that has them last said."""
    if row.node_id != house.registry.node:
        return row.checkpoints
    return await asyncio.to_thread(lambda: copies_to_json(house.copies(row.name)))
