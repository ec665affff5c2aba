"""What a dialect asks of the task core: the same few verbs for all of them.

A dialect reads its own words into a `VideoRequest`, hands it over here, and shows the `Task` that comes back in its own words
again. Everything in between (limits, pictures, idempotency, ownership, deletion of files) is done once, here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway.auth.callers import Caller
from gateway.errors import GatewayError, InvalidRequest
from gateway.media.assets import Asset
from gateway.media.inputs import Owner
from gateway.tasks.model import NewTask, Task, VideoMode, VideoSpec
from gateway.tasks.states import FINAL
from gateway.tasks.store import Filter

if TYPE_CHECKING:
    from gateway.web.services import Services

#: How long a picture that was fetched outlives the longest a task may wait.
KEEP_LONGER_S = 3600.0
PAGE = 200
#: A cancelled task lets go within milliseconds; a client that asks again at once should see that.
CANCEL_WAIT_S = 1.5


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """What a client asks for, in the site's terms and before it is checked. None = not said.

    pictures: references as `Inputs.resolve` takes them. asked: the client's own values, kept with the task.
    """

    prompt: str = ""
    seconds: int | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    preset: str | None = None
    mode: VideoMode = VideoMode.TEXT
    pictures: tuple[str, ...] = ()
    source_task_id: str | None = None
    start_s: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)


CheckVideo = Callable[[VideoRequest], VideoSpec]


@dataclass(frozen=True, slots=True)
class Order:
    """A task as a dialect orders it. *task_id* carries the dialect's prefix; *fields*: the body, for idempotency."""

    task_id: str
    dialect: str
    model: str
    request: VideoRequest
    fields: Mapping[str, Any]
    idempotency_key: str | None = None
    dialect_data: Mapping[str, Any] = field(default_factory=dict)
    picture_param: str = "image_url"


async def create(services: Services, caller: Caller, order: Order) -> tuple[Task, bool]:
    """Accept a video task: durable when this returns. Returns the task and whether it is a new one.

    Nothing is fetched before the request is known to be one the site takes, nothing is stored before its pictures are
    checked. Raises what `check_video`, `Inputs.resolve` and `TaskStore.insert` raise.
    """
    services.accepting()
    caller.require_model(order.model)
    services.limits.take(caller)
    settings = services.settings
    spec = services.check_video(order.request)
    now = datetime.now(UTC)
    deadline_at = now + timedelta(seconds=settings.task_timeout_s)
    owner = Owner(caller.key_id, deadline_at + timedelta(seconds=KEEP_LONGER_S), order.task_id)
    pictures: list[Asset] = []
    try:
        for reference in order.request.pictures:
            pictures.append(await services.inputs.resolve(reference, owner, param=order.picture_param))
        task, created = await services.store.insert(
            NewTask(
                id=order.task_id,
                key_id=caller.key_id,
                dialect=order.dialect,
                model=order.model,
                spec=replace(spec, image_assets=tuple(picture.id for picture in pictures)),
                requires=services.requires(spec),
                max_attempts=settings.max_attempts,
                deadline_at=deadline_at,
                idempotency_key=order.idempotency_key,
                request_hash=await asyncio.to_thread(fingerprint, order.fields) if order.idempotency_key else "",
                dialect_data=order.dialect_data,
            ),
            max_queued=settings.max_queued,  # the key's own limit is the store's to keep
        )
    except BaseException:
        await _forget(services, pictures, order.task_id)
        raise
    if not created:
        await _forget(services, pictures, order.task_id)
    return task, created


async def listing(
    services: Services, where: Filter, *, limit: int, cursor: str | None
) -> tuple[Sequence[Task], str | None]:
    """Return up to *limit* tasks, newest first, and the cursor of what follows (None at the end)."""
    found: list[Task] = []
    while len(found) < limit:
        page = await services.store.find(where, limit=min(PAGE, limit - len(found)), cursor=cursor)
        found += page.tasks
        cursor = page.next_cursor
        if cursor is None:
            break
    return found, cursor


async def cancel(services: Services, caller: Caller, task_id: str) -> Task:
    """Cancel a task of the caller's. A running one is told at once; this returns when it let go, or after a moment
    without it. Final ones stay as they are."""
    task = await services.store.cancel(task_id, key_id=caller.key_id)
    if task.state in FINAL:
        return task
    with suppress(TimeoutError):
        async with asyncio.timeout(CANCEL_WAIT_S), aclosing(services.feed.follow(task_id)) as events:
            async for _ in events:
                pass
    return await services.store.get(task_id, key_id=caller.key_id)


async def delete(services: Services, where: Filter, ids: Collection[str] | None = None) -> int:
    """Delete tasks with their files; running ones are cancelled first and go when their worker let go. Returns how many."""
    removed = await services.store.delete(where, ids=ids)
    over = [task.id for task in removed if task.state in FINAL]
    # The rows are gone for the client already; should this fail, the pruner removes the files.
    with suppress(GatewayError, OSError):
        await services.media.remove_of_task(over)
    return len(removed)


def idempotency_key(value: str | None) -> str | None:
    """Read the ``Idempotency-Key`` header. Raises InvalidRequest when it is unreasonably long."""
    if value is None or not value.strip():
        return None
    if len(value) > 255:
        raise InvalidRequest("An Idempotency-Key has at most 255 characters.", param="Idempotency-Key")
    return value.strip()


def fingerprint(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a request body, the same however its fields were ordered."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def _forget(services: Services, pictures: Sequence[Asset], task_id: str) -> None:
    """Remove what was fetched for a task that did not come to be."""
    with suppress(GatewayError, OSError):
        await services.media.remove([picture.id for picture in pictures if picture.task_id == task_id])
