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

from starlette.datastructures import UploadFile

from gateway.auth.callers import Caller
from gateway.errors import GatewayError, IdempotencyConflict, InvalidRequest, UnsupportedParameter, VideoNotReady
from gateway.media.assets import Asset, video_asset_id
from gateway.media.inputs import Owner
from gateway.tasks.listing_sql import write_cursor
from gateway.tasks.model import Callback, NewTask, Task, VideoMode, VideoSpec
from gateway.tasks.states import FINAL, State
from gateway.tasks.store import Filter
from gateway.web import forms
from gateway.web.frame_sizes import nearest_ratio
from gateway.web.video_fields import Picture, priority_of

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

    seconds: exactly that length; at_least_s: the shortest length there is that is not below it. aspect_ratio: where it is
    not said, a video from one picture takes the picture's. pictures: references as `Inputs.resolve` takes them, or files of
    a form. asked: the client's own values, kept with the task.
    """

    prompt: str = ""
    seconds: int | None = None
    at_least_s: float | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    preset: str | None = None
    mode: VideoMode = VideoMode.TEXT
    pictures: tuple[Picture, ...] = ()
    source_task_id: str | None = None
    start_s: float | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)


CheckVideo = Callable[[VideoRequest], VideoSpec]


@dataclass(frozen=True, slots=True)
class Order:
    """A task as a dialect orders it. *task_id* carries the dialect's prefix; *fields*: the body, for idempotency and for
    where its end is to be told; *base*: how the client reaches the gateway.

    words: the client's names for ours, where an error names a field. source: the finished video that this one
    goes on from; only the account that made it can.
    """

    task_id: str
    dialect: str
    model: str
    request: VideoRequest
    fields: Mapping[str, Any]
    base: str
    idempotency_key: str | None = None
    dialect_data: Mapping[str, Any] = field(default_factory=dict)
    picture_param: str = "image_url"
    words: Mapping[str, str] = field(default_factory=dict)
    source: Task | None = None


async def create(services: Services, caller: Caller, order: Order) -> tuple[Task, bool]:
    """Accept a video task: durable when this returns. Returns the task and whether it is a new one.

    Nothing is fetched before the request is known to be one the site takes, nothing is stored before its pictures are
    checked; a request that was answered before needs none of that again. Raises what `check_video`, `Callbacks.read`,
    `Inputs.resolve` and `TaskStore.insert` raise.
    """
    services.accepting()
    caller.require_model(order.model)
    services.limits.take(caller)
    settings = services.settings
    request_hash = ""
    if order.idempotency_key:
        request_hash = await asyncio.to_thread(fingerprint, order.fields)
        if made := await services.store.made_before(caller.key_id, order.idempotency_key, request_hash):
            return _same(made, order), False
    spec = _checked(services, order)
    priority = priority_of(order.fields, caller)
    callback = await services.callbacks.read(order.fields)
    now = datetime.now(UTC)
    deadline_at = now + timedelta(seconds=settings.task_timeout_s)
    owner = Owner(caller.key_id, deadline_at + timedelta(seconds=KEEP_LONGER_S), order.task_id)
    pictures: list[Asset] = []
    try:
        for picture in order.request.pictures:
            pictures.append(await _kept(services, picture, owner, param=order.picture_param))
        spec = _shaped(spec, order.request, pictures)
        task, created = await services.store.insert(
            NewTask(
                id=order.task_id,
                key_id=caller.key_id,
                dialect=order.dialect,
                model=order.model,
                spec=replace(spec, image_assets=tuple(picture.id for picture in pictures)),
                priority=priority,
                requires=services.requires(spec),
                max_attempts=settings.max_attempts,
                deadline_at=deadline_at,
                idempotency_key=order.idempotency_key,
                request_hash=request_hash,
                dialect_data=order.dialect_data,
                account_id=_made_by(order.source, "account_id"),
                profile=_made_by(order.source, "profile"),
                callback=None if callback is None else Callback(callback, order.base),
            ),
            max_queued=settings.max_queued,  # the key's own limit is the store's to keep
        )
    except BaseException:
        await _forget(services, pictures, order.task_id)
        raise
    if not created:
        await _forget(services, pictures, order.task_id)
        _same(task, order)
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


async def after(
    services: Services, where: Filter, last_id: str | None, *, limit: int, oldest_first: bool
) -> tuple[Sequence[Task], bool]:
    """Return up to *limit* tasks that follow *last_id* by (created_at, id), and whether more do. Raises TaskNotFound."""
    cursor = None
    if last_id:
        cursor = write_cursor(await services.store.get(last_id, key_id=where.key_id))
    page = await services.store.find(where, limit=limit, cursor=cursor, oldest_first=oldest_first)
    return page.tasks, page.next_cursor is not None


async def source(services: Services, caller: Caller, reference: str) -> Task:
    """Return the caller's finished video that *reference* names: its id, or an address it was given by us.

    Raises TaskNotFound, VideoNotReady, UnsupportedParameter (anything not made here).
    """
    linked = services.links.read(reference)
    if linked is not None:
        reference = linked.asset_id.removesuffix(video_asset_id(""))
    elif "://" in reference or reference[:5] == "data:":
        raise UnsupportedParameter(
            "Only videos made by this gateway can be extended: the site goes on only from its own. Send the id or the "
            "address of one.",
            param="video",
        )
    task = await services.store.get(reference, key_id=caller.key_id)
    if task.state is not State.SUCCEEDED or task.result is None:
        raise VideoNotReady(f"The video {reference!r} is not finished, so it cannot be extended.")
    return task


def _made_by(source: Task | None, what: str) -> str | None:
    """The account (or profile) that made a video."""
    found = source.result.upstream.get(what) if source is not None and source.result is not None else None
    return str(found) if found else None


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
    """SHA-256 (hex) of a request body, the same however its fields were ordered; files count by their bytes."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_written)
    return hashlib.sha256(text.encode()).hexdigest()


def _written(value: Any) -> str:
    if not isinstance(value, UploadFile):
        return str(value)
    value.file.seek(0)
    return hashlib.file_digest(value.file, "sha256").hexdigest()  # type: ignore[arg-type]


def _same(made: Task, order: Order) -> Task:
    """Return the task made before. Raises IdempotencyConflict where the same words were meant in another way: sent to
    another API, or (a remix) to another video."""
    if (made.dialect, dict(made.dialect_data)) != (order.dialect, dict(order.dialect_data)):
        raise IdempotencyConflict("This Idempotency-Key was used before, with another request.")
    return made


def _checked(services: Services, order: Order) -> VideoSpec:
    try:
        return services.check_video(order.request)
    except InvalidRequest as exc:
        exc.param = order.words.get(exc.param or "", exc.param)
        raise


def _shaped(spec: VideoSpec, request: VideoRequest, pictures: Sequence[Asset]) -> VideoSpec:
    """A video from one picture, of which no shape was asked for, is shaped like the picture."""
    if request.mode is not VideoMode.IMAGE or request.aspect_ratio is not None:
        return spec
    [picture] = pictures
    if not picture.width or not picture.height:
        return spec
    return replace(spec, aspect_ratio=nearest_ratio(picture.width, picture.height))


async def _kept(services: Services, picture: Picture, owner: Owner, *, param: str) -> Asset:
    if isinstance(picture, str):
        return await services.inputs.resolve(picture, owner, param=param)
    async with services.inputs.receiving() as draft:
        await forms.save(picture, draft, limit_bytes=services.settings.max_image_bytes)
        return await services.inputs.keep(draft, owner, file_name=forms.safe_name(picture.filename), param=param)


async def _forget(services: Services, pictures: Sequence[Asset], task_id: str) -> None:
    """Remove what was fetched for a task that did not come to be."""
    with suppress(GatewayError, OSError):
        await services.media.remove([picture.id for picture in pictures if picture.task_id == task_id])
