"""The Studio's gallery: every video and picture that is kept, whoever asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.pages.tasks import key_names
from gateway.console.task_filters import TaskFilters, read_filters
from gateway.console.view import TheView
from gateway.errors import TaskNotFound
from gateway.media.assets import Asset, AssetKind
from gateway.media.shelf import Shelf, Wanted
from gateway.tasks.listing_sql import cursor_at, read_cursor
from gateway.tasks.model import Task
from gateway.tasks.store import TaskStore

router = APIRouter()
PAGE = Page("studio", router)

SHOWN = 24
KINDS = {"video": AssetKind.VIDEO, "image": AssetKind.IMAGE}


@router.get("/console/studio/gallery")
async def gallery(view: TheView) -> Response:
    """Newest first. The filters stand in the address."""
    params = view.request.query_params
    filters, kind = read_filters(params), params.get("kind", "")
    span = filters.to_filter()
    wanted = Wanted(
        frozenset({KINDS[kind]}) if kind in KINDS else frozenset(KINDS.values()),
        filters.key or None, span.since, span.until,
    )  # fmt: skip
    after = read_cursor(filters.after) if filters.after else None
    found, place = await Shelf(view.house.db).newest(wanted, limit=SHOWN, after=after)
    more = {"kind": kind} if kind in KINDS else {}
    return view.page(
        "studio/gallery.html",
        items=await _with_tasks(view.house.services.store, found),
        filters=filters,
        kind=kind,
        kinds=tuple(KINDS),
        keys=await key_names(view),
        older=_address(filters, more, cursor_at(*place)) if place else "",
        newest=_address(filters, more, "") if filters.after else "",
        chosen=bool(more) or filters.chosen,
    )


def _address(filters: TaskFilters, more: dict[str, str], after: str) -> str:
    address = replace(filters, after=after).address("/console/studio/gallery")
    said = "&".join(f"{name}={value}" for name, value in more.items())
    return address + (("&" if "?" in address else "?") + said if said else "")


async def _with_tasks(store: TaskStore, found: Sequence[Asset]) -> list[tuple[Asset, Task | None]]:
    async def task_of(asset: Asset) -> Task | None:
        if asset.kind is not AssetKind.VIDEO or asset.task_id is None:
            return None
        try:
            return await store.get(asset.task_id)
        except TaskNotFound:
            return None

    return list(zip(found, await asyncio.gather(*map(task_of, found)), strict=True))
