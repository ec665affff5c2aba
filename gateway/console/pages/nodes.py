"""The machines that work on this database: which are at work, what each may do, whose profiles live where."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.console.node_cards import homes_of
from gateway.console.page import Page
from gateway.console.view import TheView
from gateway.errors import InvalidRequest, NotFound
from gateway.nodes.registry import NodeRegistry

router = APIRouter()
PAGE = Page("settings", router)


@router.get("/console/settings/nodes")
async def nodes(view: TheView) -> Response:
    """A card for each; signs of life are written without a hint, hence the page looks again by itself."""
    registry = NodeRegistry(view.house.db)
    return view.page(
        "settings/nodes.html",
        here="nodes",
        homes=await homes_of(view.house),
        role=view.house.settings.role.value,
        beat_s=round(registry.beat_s),
        stale_s=registry.stale_s,
        database=view.house.db.dialect,
    )


@router.post("/console/settings/nodes/{node_id}/forget")
async def forget(node_id: str, view: TheView) -> Response:
    """Take a node that is gone for good off the list; its profiles stay and can be adopted."""
    registry = NodeRegistry(view.house.db)
    known = {node.id: node for node in await registry.everybody()}
    if node_id not in known:
        raise NotFound(view.text("settings.node_unknown", name=node_id))
    if known[node_id].is_live(registry.stale_s):
        raise InvalidRequest(view.text("settings.node_at_work", name=node_id))
    await registry.forget(node_id)
    await view.note("node.forgotten", node_id)
    return view.done(view.text("settings.node_forgotten", name=node_id))
