"""All tasks of all keys: a list that is live, with filters in its address, and deleting what a filter shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from gateway.auth.callers import CONSOLE_KEY_ID, LOCAL_KEY_ID
from gateway.console.house import House
from gateway.console.page import Page
from gateway.console.task_filters import GROUPS, TaskFilters, read_filters
from gateway.console.view import TheView, View
from gateway.errors import InvalidRequest, TaskNotFound
from gateway.media.assets import AssetKind
from gateway.media.shelf import Shelf
from gateway.models import MODELS, ModelKind
from gateway.tasks.model import Task
from gateway.tasks.store import Page as Found
from gateway.web import video_requests

router = APIRouter()
PAGE = Page("tasks", router, path="/console/tasks", icon="tasks", order=3)

ROWS = 40
VIDEO_MODELS = tuple(name for name, model in MODELS.items() if model.kind is ModelKind.VIDEO)
#: What a delete counts before it says "more than".
COUNTED = 1000
#: From so many tasks on, deleting them asks for their number.
TYPED_FROM = 2
Field = Annotated[str, Form(max_length=20)]


@router.get("/console/tasks")
async def tasks(view: TheView) -> Response:
    """The list. Each page of it is live; new tasks appear on the first one."""
    house = view.house
    filters = read_filters(view.request.query_params)
    found = await _found(house, filters)
    return view.page(
        "tasks/tasks.html",
        filters=filters,
        tasks=found.tasks,
        older=filters.address("/console/tasks", after=found.next_cursor) if found.next_cursor else "",
        newest=filters.address("/console/tasks", after="") if filters.after else "",
        looked_back_to=found.looked_back_to,
        nothing_yet=not found.tasks and not filters.chosen and not filters.after,
        keys=await key_names(view),
        profiles=[
            (profile.name, profile.name) for profile in await house.registry.list() if profile.removed_at is None
        ],
        statuses=tuple(GROUPS),
        models=[(name, name) for name in VIDEO_MODELS],
        dialects=dialect_names(view),
        now=datetime.now(UTC),
    )


@router.get("/console/tasks/delete")
async def ask_delete(view: TheView) -> Response:
    """What deleting the tasks of a filter would delete, to be confirmed."""
    filters = replace(read_filters(view.request.query_params), after="")
    where = filters.to_filter()
    chosen, _ = await video_requests.listing(view.house.services, where, limit=COUNTED + 1, cursor=None)
    files = await Shelf(view.house.db).of_tasks([task.id for task in chosen])
    return view.page(
        "tasks/delete.html",
        filters=filters,
        action=filters.address("/console/tasks/delete"),
        tasks=len(chosen),
        to_type="" if len(chosen) < TYPED_FROM else str(min(len(chosen), COUNTED)),
        many=len(chosen) > COUNTED,
        running=sum(task.finished_at is None for task in chosen),
        videos=sum(file.kind is AssetKind.VIDEO for file in files),
        size_bytes=sum(file.size_bytes for file in files),
    )


@router.post("/console/tasks/delete")
async def delete(view: TheView, shown: Field = "", typed: Field = "") -> Response:
    """Delete what the filter shows; running tasks are cancelled at the site first. It cannot be undone: of several tasks
    the number that was *shown* has to be *typed*."""
    if typed.strip() != shown:
        raise InvalidRequest(view.text("tasks.type_the_number", number=shown), param="typed")
    filters = replace(read_filters(view.request.query_params), after="")
    if not filters.chosen and view.request.query_params.get("all") != "yes":
        raise InvalidRequest("Choose what to delete: no filter is set.")
    where = filters.to_filter()
    if where.search:  # what is deleted is what a person saw, not every match there ever was
        chosen, _ = await video_requests.listing(view.house.services, where, limit=COUNTED, cursor=None)
        removed = await video_requests.delete(view.house.services, replace(where, search=None), [t.id for t in chosen])
    else:
        removed = await video_requests.delete(view.house.services, where)
    await view.note("tasks.deleted", filters.address(""), tasks=removed)
    return view.done(view.text("tasks.deleted_some", n=removed), go="/console/tasks")


async def _found(house: House, filters: TaskFilters) -> Found:
    """A page of tasks. A search for a task's id finds that task."""
    if filters.q and not filters.after and " " not in filters.q:
        try:
            return Found(tasks=[await house.services.store.get(filters.q)])
        except TaskNotFound:
            pass
    return await house.services.store.find(filters.to_filter(), limit=ROWS, cursor=filters.after or None)


async def key_names(view: View) -> Mapping[str, str]:
    """What keys are called, by id; the console's own first."""
    house = view.house
    named = {key.id: key.name for key in await house.keys.list()}
    local = {LOCAL_KEY_ID: view.text("words.local_key")} if house.settings.no_auth else {}
    return {CONSOLE_KEY_ID: view.text("words.console"), **local, **named}


def dialect_names(view: View) -> Mapping[str, str]:
    """What the APIs are called, by their words."""
    names = {name: name for name in ("grok2api", *view.house.dialects)}
    return {"console": view.text("words.console"), **names}


def thumbnails(tasks: Sequence[Task]) -> Mapping[str, str]:
    """Addresses of the previews there are, by task."""
    return {
        task.id: f"/console/media/{task.result.thumbnail_id}"
        for task in tasks
        if task.result is not None and task.result.thumbnail_id
    }
