"""Everything below ``/console`` as one router. Whatever is not public asks who is there before anything else."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from gateway.console.access import signed_in
from gateway.console.events import router as events
from gateway.console.files import router as files
from gateway.console.page import all_pages
from gateway.errors import NotFound


def console_router() -> APIRouter:
    """The console."""
    router = APIRouter(include_in_schema=False)
    router.include_router(files)
    router.include_router(events)
    for page in all_pages():
        router.include_router(page.router, dependencies=[] if page.public else [Depends(signed_in)])
    router.add_api_route("/console/{path:path}", _nothing, dependencies=[Depends(signed_in)])
    return router


async def _nothing(path: str) -> None:
    """Whatever is not there: told within the console's frame, and only to its operator."""
    raise NotFound(f"There is nothing at /console/{path[:200]}.")
