"""Files for the console's own pages, by session: an address that stays the same, so that browsers keep what they have."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from gateway.console.page import Page
from gateway.console.view import TheView
from gateway.web.content import stored_file

router = APIRouter()
PAGE = Page("media", router)

#: A file never changes under its id; a day, because it may be removed.
KEPT_S = 86400


@router.get("/console/media/{asset_id}")
async def media(asset_id: str, view: TheView) -> Response:
    """A file of the media store, ranges included."""
    asset = await view.house.services.media.get(asset_id)
    return stored_file(view.request, view.house.services, asset, max_age_s=KEPT_S)
