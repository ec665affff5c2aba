"""The profiles of all nodes: a card for each, adding one, and what is asked of one wherever it is shown."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from browser.profiles import check_name
from gateway.console.page import Page
from gateway.console.profile_cards import cards_of, kind_word
from gateway.console.profile_files import bring, read_sign_in, telling
from gateway.console.view import TheView, View
from gateway.errors import InvalidRequest
from gateway.nodes.registry import NodeRegistry
from gateway.profiles.errors import ProfileExists, UnknownProfile
from gateway.profiles.model import Profile
from gateway.profiles.places import directory_of
from gateway.settings import Role

router = APIRouter()
PAGE = Page("profiles", router, path="/console/profiles", icon="profiles", order=2)

Field = Annotated[str, Form(max_length=1024)]
Brought = Annotated[UploadFile | None, File()]


@router.get("/console/profiles")
async def profiles(view: TheView) -> Response:
    """The cards; ``?add`` leads to the dialog that adds one."""
    if "add" in view.request.query_params:
        return RedirectResponse("/console/profiles#add-profile", status_code=303)
    rows = await view.house.registry.list()
    return view.page(
        "profiles/profiles.html",
        cards=cards_of(view.house, rows),
        several_nodes=len({row.node_id for row in rows} | {view.house.registry.node}) > 1,
        kind_word=kind_word,
        homes=await _homes(view),
    )


@router.post("/console/profiles")
async def add(
    view: TheView,
    *,
    name: Field = "",
    proxy: Field = "",
    node: Field = "",
    passphrase: Field = "",
    file: Brought = None,
) -> Response:
    """Add a profile, with the sign-in in a file or to be signed in by hand; either way its live view is next."""
    house, name, way_out = view.house, name.strip().lower(), proxy.strip() or None
    try:
        check_name(name)
    except ValueError:
        raise InvalidRequest(view.text("profiles.bad_name"), param="name") from None
    homes = await _homes(view)
    if not homes or (node and node not in homes):
        raise InvalidRequest(view.text("profiles.no_home"), param="node")
    home = node or homes[0]
    sign_in = await read_sign_in(view, file, passphrase)
    if sign_in is not None and home != house.registry.node:
        raise InvalidRequest(view.text("profiles.file_elsewhere", node=home), param="file")
    with telling(view):
        if sign_in is None:
            await house.registry.add(name, proxy=way_out, node=home)
        elif await _there(view, name):
            raise ProfileExists
        else:
            await bring(view, name, sign_in, proxy=way_out)
    brought = "by_hand" if sign_in is None else "from_file"
    await view.note("profile.added", name, sign_in=brought, proxy="set" if way_out else "none")
    return view.done(view.text("profiles.added", name=name), go=f"/console/live/{name}")


@router.post("/console/profiles/{name}/check")
async def check(name: str, view: TheView) -> Response:
    """Have its node ask the site how it stands."""
    with telling(view):
        await view.house.registry.request_check(name)
    await view.note("profile.check_requested", name)
    return view.done(view.text("profiles.check_asked", name=name))


@router.post("/console/profiles/{name}/disable")
async def disable(name: str, view: TheView) -> Response:
    """Take it out of work; what it is doing is finished first."""
    with telling(view):
        await view.house.registry.disable(name)
    await view.note("profile.disabled", name)
    return view.done(view.text("profiles.disabled_now", name=name))


@router.post("/console/profiles/{name}/enable")
async def enable(name: str, view: TheView) -> Response:
    """Let it work again."""
    with telling(view):
        await view.house.registry.enable(name)
    await view.note("profile.enabled", name)
    return view.done(view.text("profiles.enabled_now", name=name))


@router.post("/console/profiles/{name}/removal")
async def ask_removal(name: str, view: TheView) -> Response:
    """Show what removing it would delete; its name has to be typed."""
    profile = await row_of(view, name)
    here = profile.node_id == view.house.registry.node
    size = 0
    if here:
        directory = directory_of(view.house.settings, name)
        size = await asyncio.to_thread(directory.size_bytes)
    return view.done(dialog="profiles/removal.html", profile=profile, here=here, size_bytes=size)


@router.post("/console/profiles/{name}/remove")
async def remove(name: str, view: TheView, typed: Field = "") -> Response:
    """Ask its node to delete it; its card says so until that is done."""
    if typed.strip() != name:
        raise InvalidRequest(view.text("profiles.type_the_name", name=name), param="typed")
    with telling(view):
        await view.house.registry.request_removal(name)
    await view.note("profile.removal_requested", name)
    return view.done(view.text("profiles.removed_now", name=name), go="/console/profiles")


@router.post("/console/profiles/{name}/forget")
async def forget(name: str, view: TheView) -> Response:
    """Take a profile off the list whose removal its node cannot do any more, being gone."""
    profile = await row_of(view, name)
    if profile.removed_at is None or not profile.away:
        raise InvalidRequest(view.text("profiles.not_forgotten", node=profile.node_id))
    await view.house.registry.remove(name)
    await view.note("profile.forgotten", name, node=profile.node_id)
    return view.done(view.text("profiles.forgotten", name=name), go="/console/profiles")


async def row_of(view: View, name: str) -> Profile:
    """The profile's row. Raises NotFound."""
    with telling(view):
        return await view.house.registry.get(name)


async def _homes(view: View) -> list[str]:
    """The nodes that can have a profile: this one first, when it has browsers, then the others at work."""
    own = view.house.registry.node
    others = [node for node in await NodeRegistry(view.house.db).live() if node.id != own and node.role != Role.API]
    return [*([] if view.house.settings.role is Role.API else [own]), *(node.id for node in others)]


async def _there(view: View, name: str) -> bool:
    try:
        await view.house.registry.get(name)
    except UnknownProfile:
        return False
    return True
