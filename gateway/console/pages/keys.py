"""API keys: which there are, making one (shown once), ending one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from gateway.auth.callers import Priority, Scope
from gateway.console.page import Page
from gateway.console.samples import first_video
from gateway.console.view import TheView, View
from gateway.errors import InvalidRequest
from gateway.models import MODELS
from gateway.usage.report_sql import Wanted, report

router = APIRouter()
PAGE = Page("keys", router, path="/console/keys", icon="keys", order=5)

DAY = timedelta(days=1)
#: How long a key may be made to last, in days; 0: for good.
LASTS = (0, 1, 7, 30, 90, 365)
#: The first is the usual one.
PRIORITIES = (Priority.NORMAL, Priority.HIGH, Priority.LOW)
Field = Annotated[str, Form(max_length=200)]
Several = Annotated[list[str] | None, Form()]


@router.get("/console/keys")
async def keys(view: TheView) -> Response:
    """The keys, newest first; those that ended stand below."""
    house, now = view.house, datetime.now(UTC)
    found = await house.keys.list()
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    used = await report(house.db, Wanted(since=hour - DAY, until=hour, grain="hour", sides=("key_id",)))
    return view.page(
        "keys/keys.html",
        usable=[key for key in found if key.usable(now)],
        ended=[key for key in found if not key.usable(now)],
        today={key_id: totals.ended for key_id, totals in used.by["key_id"].items()},
        scopes=tuple(Scope),
        models=sorted(MODELS.values(), key=lambda model: (model.kind, model.id)),
        named_dialects=[(word, word) for word in house.dialects],
        lasts=LASTS,
        priorities=[(one.word, view.text(f"keys.priority_{one.word}")) for one in PRIORITIES],
        needs_none=house.settings.no_auth,
    )


@router.post("/console/keys")
async def create(
    view: TheView,
    *,
    scope: Several = None,
    name: Field = "",
    model: Several = None,
    max_queued: Field = "",
    max_running: Field = "",
    requests_per_minute: Field = "",
    weight: Field = "",
    priority: Field = "",
    days: Field = "0",
    dialect: Field = "",
) -> Response:
    """Make a key; the answer is the only place where its secret is ever shown."""
    chosen = frozenset(Scope(word) for word in scope or () if word in set(Scope))
    if not chosen:
        raise InvalidRequest(view.text("keys.no_scope"), param="scope")
    if dialect and dialect not in view.house.dialects:
        raise InvalidRequest(view.text("keys.no_dialect"), param="dialect")
    lasts = _number(view, "days", days) or 0
    key, secret = await view.house.keys.create(
        name,
        scopes=chosen,
        models=[one for one in model if one in MODELS] if model else None,
        max_queued=_number(view, "max_queued", max_queued),
        max_running=_number(view, "max_running", max_running),
        requests_per_minute=_number(view, "requests_per_minute", requests_per_minute),
        weight=_number(view, "weight", weight) or 1,
        priority=Priority.of(priority) or Priority.NORMAL,
        default_dialect=dialect or None,
        valid_for_s=lasts * DAY.total_seconds() if lasts else None,
    )
    await view.note("key.created", key.name, id=key.id, scopes=sorted(key.scopes))
    view.house.db.changes.notify("keys")
    return view.done(dialog="keys/made.html", key=key, secret=secret, samples=first_video(view.base_url, secret))


@router.post("/console/keys/{key_id}/revoke")
async def revoke(key_id: str, view: TheView) -> Response:
    """End a key; its tasks stay."""
    key = await view.house.keys.revoke(key_id)
    await view.note("key.revoked", key.name, id=key.id)
    view.house.db.changes.notify("keys")
    return view.done(view.text("keys.revoked_now", name=key.name))


@router.post("/console/keys/{key_id}/webhook-secret")
async def webhook_secret(key_id: str, view: TheView) -> Response:
    """Show what webhooks of the key's tasks are signed with."""
    found = await view.house.services.signing.show(key_id)
    await view.note("key.webhook_secret_shown", found.name, id=found.key_id)
    return view.done(dialog="keys/secret.html", key=found, replaced=False)


@router.post("/console/keys/{key_id}/webhook-secret/replace")
async def replace_webhook_secret(key_id: str, view: TheView) -> Response:
    """Give the key another one, and show it; for a day messages are signed with both."""
    found = await view.house.services.signing.replace(key_id)
    await view.note("key.webhook_secret_replaced", found.name, id=found.key_id)
    return view.done(dialog="keys/secret.html", key=found, replaced=True)


def _number(view: View, name: str, said: str) -> int | None:
    """Read a whole number above zero, None where nothing was said. Raises InvalidRequest that names the field."""
    said = said.strip()
    if not said or said == "0":
        return None
    if not said.isascii() or not said.isdecimal() or len(said) > 6:
        raise InvalidRequest(view.text("keys.no_number", field=view.text(f"keys.{name}")), param=name)
    return int(said)
