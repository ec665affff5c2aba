"""Image requests under an Idempotency-Key: made once, however often they are asked for, for a day.

Such a request goes on when its client leaves: who repeats it finds it at work, or its pictures. A failed one is forgotten, so
that it may be tried again. Other nodes' requests are waited for by looking at the row, which tells that they live. One whose node
died may have reached the site: it is not asked for again under that key, unless the operator chose so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.calls.model import ImageEvent, ImageRequest, Picture, PictureRefused
from gateway.calls.running import Emit, running
from gateway.calls.upstream import CallMaker, NodeLost
from gateway.db.connect import Database
from gateway.db.tables import kept_calls
from gateway.errors import GatewayError, IdempotencyConflict, Internal, OutcomeUnknown

KEPT = timedelta(hours=24)
LOOK_EVERY_S = 0.5
#: A node that works on a request is believed to live for so long after its last word, and says one so often.
LEASE_S, RENEW_EVERY_S = 30.0, 10.0
_row = kept_calls.c
log = structlog.get_logger(__name__)

#: Gives the request to be made, its pictures fetched: only asked for what was not made before.
Prepare = Callable[[], Awaitable[ImageRequest]]


@dataclass(frozen=True, slots=True)
class RepeatKey:
    """Whose repeat it is: the API key, its Idempotency-Key, and what was asked (a hash)."""

    key_id: str
    idempotency_key: str
    request_hash: str


@dataclass(slots=True)
class _Work:
    """A request that this node works on, with whatever came of it so far, for everybody who asked for it."""

    key: RepeatKey
    task: asyncio.Task[None] | None = None
    events: list[ImageEvent] = field(default_factory=list)
    error: GatewayError | None = None
    over: bool = False
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def add(self, *events: ImageEvent, over: bool = False, error: GatewayError | None = None) -> None:
        async with self.news:
            self.events += events
            self.over, self.error = over, error
            self.news.notify_all()

    async def follow(self, emit: Emit[ImageEvent]) -> None:
        seen = 0
        while True:
            async with self.news:
                while not self.over and len(self.events) == seen:
                    await self.news.wait()
                new, over = self.events[seen:], self.over
            for event in new:
                await emit(event)
            seen += len(new)
            if over:
                if self.error is not None:
                    raise self.error
                return


class RepeatableImages:
    """*maker* makes them. rerun: make again what a node was lost over, although the site may have made it already. Enter `kept`
    before use."""

    def __init__(self, maker: CallMaker, db: Database, *, rerun: bool) -> None:
        self._maker = maker
        self._db = db
        self._rerun = rerun
        self._at_work: dict[tuple[str, str], _Work] = {}
        self._group: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Work for the length of the block. What is unfinished at its end is forgotten, to be asked for again."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            renewing = group.create_task(self._renew())
            try:
                yield
            finally:
                renewing.cancel()
                unfinished = list(self._at_work.values())
                for work in unfinished:
                    if work.task is not None:
                        work.task.cancel()
        for work in unfinished:
            with suppress(GatewayError):
                await self._forget(work.key)

    @asynccontextmanager
    async def images(self, prepare: Prepare, key: RepeatKey | None) -> AsyncIterator[AsyncIterator[ImageEvent]]:
        """As `CallMaker.images`; with a *key* what was made before is given again. Raises IdempotencyConflict."""
        if key is None:
            async with self._maker.images(await prepare()) as events:
                yield events
            return

        async def attend(emit: Emit[ImageEvent]) -> None:
            await self._attend(prepare, key, emit)

        async with running(attend) as events:
            yield events

    # -- inside --------------------------------------------------------------------------------------------------
    async def _attend(self, prepare: Prepare, key: RepeatKey, emit: Emit[ImageEvent]) -> None:
        """Emit what came and what comes of the request, whoever works on it."""
        while True:
            begun, result = await self._begin(key)
            if result is not None:
                for event in result:
                    await emit(event)
                return
            at = (key.key_id, key.idempotency_key)
            if begun:
                assert self._group is not None
                work = self._at_work[at] = _Work(key)
                work.task = self._group.create_task(self._make(work, prepare))
            if (mine := self._at_work.get(at)) is not None:
                await mine.follow(emit)
                return
            await asyncio.sleep(LOOK_EVERY_S)  # another node's

    async def _make(self, work: _Work, prepare: Prepare) -> None:
        """Make the pictures, however many still watch; never raises."""
        key = work.key
        try:
            async with self._maker.images(await prepare()) as events:
                async for event in events:
                    await work.add(event)
            await self._keep(key, [event for event in work.events if isinstance(event, Picture | PictureRefused)])
            await work.add(over=True)
        except asyncio.CancelledError:
            await work.add(over=True, error=Internal("The gateway stopped; ask again."))
        except NodeLost as exc:
            with suppress(GatewayError):  # then this claim ends by itself
                await self._say(key, until_s=-1.0)
            await work.add(over=True, error=exc)
        except Exception as exc:  # told to whoever watches; the next request tries again
            if not isinstance(exc, GatewayError):
                log.exception("call failed", key=key.key_id)
            with suppress(GatewayError):
                await self._forget(key)
            told = exc if isinstance(exc, GatewayError) else Internal("The gateway failed; its log says why.")
            await work.add(over=True, error=told)
        finally:
            self._at_work.pop((key.key_id, key.idempotency_key), None)

    async def _begin(self, key: RepeatKey) -> tuple[bool, Sequence[ImageEvent] | None]:
        """Whether the request is ours to make now; or what came of it before. Neither: somebody works on it."""
        insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
        this = _this(key)
        async with self._db.write() as connection:
            now = await self._db.now(connection)
            await connection.execute(delete(kept_calls).where(_row.created_at < now - KEPT))
            new = {
                "key_id": key.key_id,
                "idempotency_key": key.idempotency_key,
                "request_hash": key.request_hash,
                "created_at": now,
                "until": now + timedelta(seconds=LEASE_S),
            }
            made = await connection.execute(insert(kept_calls).values(new).on_conflict_do_nothing())
            if made.rowcount:
                return True, None
            row = (await connection.execute(select(kept_calls).where(*this).with_for_update())).one_or_none()
            if row is None:  # forgotten in this very moment: look again
                return False, None
            if row.request_hash != key.request_hash:
                raise IdempotencyConflict("This Idempotency-Key was used before, with another request.")
            if row.result is not None:
                return False, [_event_of(said) for said in row.result]
            if row.until >= now or (key.key_id, key.idempotency_key) in self._at_work:
                return False, None
            if not self._rerun:
                raise OutcomeUnknown(
                    "The gateway stopped while it worked on this request, and nobody knows whether the site made the pictures; "
                    "it was not asked again. To have them made all the same, use another Idempotency-Key."
                )
            await connection.execute(update(kept_calls).where(*this).values(until=new["until"]))
            return True, None

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._renew_all()

    async def _renew_all(self) -> None:
        for work in list(self._at_work.values()):
            try:
                await self._say(work.key, until_s=LEASE_S)
            except GatewayError as exc:
                log.warning("image request not renewed", reason=exc.message)

    async def _say(self, key: RepeatKey, *, until_s: float) -> None:
        """Be believed to work on it for so many seconds from now."""
        until = self._db.clock.now(until_s)
        async with self._db.write() as connection:
            await connection.execute(update(kept_calls).where(*_this(key), _row.result.is_(None)).values(until=until))

    async def _keep(self, key: RepeatKey, events: Sequence[Picture | PictureRefused]) -> None:
        result = [{"is": "picture" if isinstance(one, Picture) else "refused", **asdict(one)} for one in events]
        async with self._db.write() as connection:
            await connection.execute(update(kept_calls).where(*_this(key)).values(result=result))

    async def _forget(self, key: RepeatKey) -> None:
        async with self._db.write() as connection:
            await connection.execute(delete(kept_calls).where(*_this(key), _row.result.is_(None)))


def _this(key: RepeatKey) -> tuple[Any, ...]:
    return (_row.key_id == key.key_id, _row.idempotency_key == key.idempotency_key)


def _event_of(said: dict[str, Any]) -> ImageEvent:
    kind = Picture if said["is"] == "picture" else PictureRefused
    return kind(**{name: said[name] for name in kind.__slots__ if name in said})
