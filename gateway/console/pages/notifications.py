"""What callers and the operator were told: what arrived, what did not and why, and telling it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.pages.tasks import key_names
from gateway.console.view import TheView
from gateway.errors import InvalidRequest
from gateway.web.doorway import is_loopback
from gateway.webhooks.model import Channel

router = APIRouter()
PAGE = Page("notifications", router, path="/console/notifications", icon="bell", order=7)

SHOWN = 30
#: Whom messages are for, as a filter: the operator, callers, anybody.
WHOM: Mapping[str, bool | None] = {"": None, "operator": True, "callers": False}


@router.get("/console/notifications")
async def notifications(
    view: TheView, whom: Annotated[str, Query()] = "", before: Annotated[str, Query()] = ""
) -> Response:
    """Where the operator is told, and the latest messages, newest first."""
    house, deliveries = view.house, view.house.services.deliveries
    last = await deliveries.get(before) if before else None
    found = await deliveries.recent(limit=SHOWN + 1, before=last, operator=WHOM.get(whom))
    return view.page(
        "notifications/notifications.html",
        targets={channel.value: shown(url) for channel, url in house.watch.targets.items()},
        after_s=house.settings.notify_after_s,
        console=house.watch.console,
        only_here=is_loopback(urlsplit(house.watch.console).hostname or ""),
        deliveries=found[:SHOWN],
        older=f"?whom={whom}&before={found[SHOWN - 1].id}" if len(found) > SHOWN else "",
        newer=f"?whom={whom}" if before else "",
        whom=whom if whom in WHOM else "",
        choices=tuple(WHOM),
        hosts={one.id: shown(one.url) for one in found},
        keys=await key_names(view),
    )


@router.post("/console/notifications/test")
async def test(view: TheView) -> Response:
    """Send a test to every address of the operator's; how that went shows in the list."""
    if not view.house.watch.targets:
        raise InvalidRequest(view.text("notifications.no_target"))
    await view.house.watch.test()
    await view.note("notification.tested")
    return view.done(view.text("notifications.tested"))


@router.post("/console/notifications/secret")
async def secret(view: TheView) -> Response:
    """Show what the operator's webhook is signed with."""
    await view.note("notification.secret_shown")
    return view.done(dialog="notifications/secret.html", secret=view.house.services.signing.operator)


@router.get("/console/notifications/{delivery_id}")
async def delivery(delivery_id: str, view: TheView) -> Response:
    """One message with every attempt."""
    found = await view.house.services.deliveries.get(delivery_id)
    return view.page(
        "notifications/delivery.html",
        delivery=found,
        said=None if found.channel is Channel.TASK else json.dumps(dict(found.data), ensure_ascii=False, indent=2),
        keys=await key_names(view),
    )


@router.post("/console/notifications/{delivery_id}/redeliver")
async def redeliver(delivery_id: str, view: TheView) -> Response:
    """Tell it again, at once and for another day."""
    found = await view.house.services.deliveries.redeliver(delivery_id)
    await view.note("webhook.redelivered", delivery_id, task=found.task_id or "")
    return view.done(view.text("notifications.redelivered", where=shown(found.url)))


def shown(url: str) -> str:
    """An address in a list: its host and where on it, without what may be a password in its query."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path if parts.path != '/' else ''}"
