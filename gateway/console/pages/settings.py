"""How the gateway is set up, what is wrong with it, who has access, who did what."""

from __future__ import annotations

import platform
from datetime import timedelta
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from gateway.auth.passwords import check_password
from gateway.console.access import take_cookie
from gateway.console.page import Page
from gateway.console.view import TheView
from gateway.db.migrate import HEAD
from gateway.doctor.finding import Level
from gateway.errors import InvalidRequest, NotFound
from gateway.origins import Origin, shown_settings

router = APIRouter()
PAGE = Page("settings", router, path="/console/settings", icon="settings", order=9)

AUDIT_SHOWN = 50
Field = Annotated[str, Form(max_length=2048)]


@router.get("/console/settings")
async def settings(view: TheView) -> Response:
    """Effective values with where they come from."""
    found = shown_settings(view.house.settings)
    return view.page(
        "settings/values.html",
        here="values",
        changed=[one for one in found if one.origin is not Origin.DEFAULT],
        defaults=[one for one in found if one.origin is Origin.DEFAULT],
        toml=view.house.settings.data_dir / "gateway.toml",
        data_dir=view.house.settings.data_dir,
        about={
            "version": version("grok-gateway"),
            "schema": f"{HEAD} ({view.house.db.dialect})",
            "python": platform.python_version(),
            "browser": f"playwright {version('playwright')}",
        },
    )


@router.get("/console/settings/doctor")
async def doctor(view: TheView) -> Response:
    """The report of the last examination, as far as it has come."""
    return view.page("settings/doctor.html", here="doctor", doctor=view.house.doctor, levels=tuple(Level))


@router.post("/console/settings/doctor")
async def examine(view: TheView) -> Response:
    """Examine everything; the page fills as findings come."""
    view.house.doctor.ask()
    return view.done()


@router.get("/console/settings/access")
async def access(view: TheView) -> Response:
    """The password, and every browser that is signed in."""
    assert view.operator is not None
    return view.page(
        "settings/access.html",
        here="access",
        sessions=await view.house.sessions.list(),
        own=view.operator.session.id,
        idle=timedelta(seconds=view.house.settings.console_idle_s),
        whole=timedelta(seconds=view.house.settings.console_session_s),
    )


@router.post("/console/settings/password")
async def change_password(view: TheView, current: Field = "", password: Field = "", again: Field = "") -> Response:
    """Change the password; every other session ends."""
    house = view.house
    assert view.operator is not None
    house.attempts.begin(view.operator.address)
    if not await house.password.check(current):
        await view.note("password.refused")
        raise InvalidRequest(view.text("sign_in.wrong"), param="current")
    house.attempts.succeeded(view.operator.address)
    if password != again:
        raise InvalidRequest(view.text("sign_in.not_alike"), param="again")
    try:
        check_password(password)
    except InvalidRequest:
        raise InvalidRequest(view.text("sign_in.too_short"), param="password") from None
    await house.password.set(password, but=view.operator.session.id)
    await view.note("password.changed")
    return view.done(view.text("settings.password_changed"))


@router.post("/console/settings/sessions/{session_id}/end")
async def end_session(session_id: str, view: TheView) -> Response:
    """Sign one browser out."""
    assert view.operator is not None
    if not await view.house.sessions.end(session_id):
        raise NotFound(view.text("settings.session_gone"))
    await view.note("session.ended", session_id)
    view.house.db.changes.notify("sessions")
    if session_id == view.operator.session.id:
        return view.done(go="/console/login")
    return view.done(view.text("settings.session_ended"))


@router.post("/console/settings/sessions/end")
async def end_all_sessions(view: TheView) -> Response:
    """Sign out everywhere, here too."""
    count = await view.house.sessions.end_all()
    await view.note("session.all_ended", sessions=count)
    answer = view.done(go="/console/login") if view.by_script else RedirectResponse("/console/login", status_code=303)
    take_cookie(view.request, answer)
    return answer


@router.get("/console/settings/audit")
async def audit(view: TheView, before: int | None = None, area: str = "") -> Response:
    """Who did what, newest first."""
    lines = await view.house.audit.newest(limit=AUDIT_SHOWN + 1, before=before, prefix=area[:40])
    older = f"/console/settings/audit?before={lines[AUDIT_SHOWN - 1].id}" if len(lines) > AUDIT_SHOWN else ""
    return view.page("settings/audit.html", here="audit", lines=lines[:AUDIT_SHOWN], older=older, first=before is None)
