"""``/console/events``: which areas of the console have changed, as server-sent events; pages fetch what they show of them.

Areas come from the hints of `db.changes`: whatever is written with a topic (``profiles``, ``audit``, …) is the area of that
name, tasks' own topics are the area ``tasks``. Hints are gathered for a moment, so that a busy gateway does not make a
page fetch itself more often than a person can look.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.console.access import SignInNeeded, TheOperator, house_of, signed_in
from gateway.console.files import static_files
from gateway.console.house import House
from gateway.db.changes import ANYTHING
from gateway.web.sse import EventStream, Frame

#: Changes are told at most this often.
GATHERED_S = 0.7
#: How often it is looked whether the session still lives, and everything is fetched again although nothing was said.
LOOK_S = 20.0

router = APIRouter(include_in_schema=False)


@router.get("/console/events")
async def events(request: Request, _: TheOperator) -> Response:
    """``hello`` with the version of the pages, then ``changed`` with areas, at last ``signed-out``."""
    house = house_of(request)
    return EventStream(
        _frames(request, house), stopping=house.services.stopping, heartbeat_s=house.services.heartbeat_s
    )


async def _frames(request: Request, house: House) -> AsyncGenerator[Frame | None, None]:
    yield Frame({"version": static_files().version}, event="hello")
    loop = asyncio.get_running_loop()
    looked_at = loop.time()
    with house.db.changes.listen_to_all() as news:
        await news.wait(0)  # it is set from the start; the page is new and shows all there is
        news.take()
        while True:
            told = await news.wait(LOOK_S)
            areas = areas_of(news.take()) if told else [ANYTHING]
            if loop.time() - looked_at >= LOOK_S:
                looked_at = loop.time()
                if not await _still_signed_in(request):
                    yield Frame({}, event="signed-out")
                    return
            if areas:
                yield Frame({"areas": areas}, event="changed")
                await asyncio.sleep(GATHERED_S)


def areas_of(topics: Iterable[str]) -> list[str]:
    """The areas that *topics* of the database speak of."""
    areas = {topic.partition(":")[0] for topic in topics}
    return sorted({"tasks" if area in {"task", "queue", "cancel"} else area for area in areas})


async def _still_signed_in(request: Request) -> bool:
    request.state.operator = None
    try:
        await signed_in(request)
    except SignInNeeded:
        return False
    return True
