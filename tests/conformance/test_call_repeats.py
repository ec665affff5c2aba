"""Image requests under an Idempotency-Key, by two nodes on one database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import update

from gateway.calls.model import ChatEvent, ChatRequest, ImageEvent, ImageRequest, Picture, PictureRefused
from gateway.calls.repeats import RepeatableImages, RepeatKey
from gateway.calls.running import Emit, running
from gateway.calls.upstream import NodeLost
from gateway.db.connect import Database
from gateway.db.tables import kept_calls
from gateway.errors import IdempotencyConflict, OutcomeUnknown, RateLimited
from tests.conformance.samples import in_s

KEY = RepeatKey("key", "i", "hash")
MADE: list[ImageEvent] = [
    Picture("asset", 64, 48, "image/png", "as it was understood", 10),
    PictureRefused(1, "content_moderated", "no"),
]


class Maker:
    """Makes what MADE says once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    def images(self, request: ImageRequest) -> object:
        self.asked += 1

        async def work(emit: Emit[ImageEvent]) -> None:
            await self.go.wait()
            if self.error is not None:
                raise self.error
            for event in MADE:
                await emit(event)

        return running(work, opening_s=0.1)

    @asynccontextmanager
    async def chat(self, request: ChatRequest) -> AsyncIterator[AsyncIterator[ChatEvent]]:
        raise AssertionError
        yield


async def prepare() -> ImageRequest:
    return ImageRequest("a lighthouse")


async def made(node: RepeatableImages, key: RepeatKey = KEY) -> list[ImageEvent]:
    async with node.images(prepare, key) as events:
        return [event async for event in events]


@pytest.fixture
async def nodes(db: Database, database_url: str) -> AsyncIterator[tuple[Maker, RepeatableImages, RepeatableImages]]:
    maker = Maker()
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(Database.open(database_url))
        found = [RepeatableImages(maker, one, rerun=False) for one in (db, other)]  # type: ignore[arg-type]
        for one in found:
            await stack.enter_async_context(one.kept())
        yield maker, found[0], found[1]


Nodes = tuple[Maker, RepeatableImages, RepeatableImages]


async def test_two_nodes_make_it_once(nodes: Nodes) -> None:
    maker, one, other = nodes
    asking = [asyncio.ensure_future(made(node)) for node in (one, other, one, other)]
    await asyncio.sleep(0)
    maker.go.set()
    assert await asyncio.gather(*asking) == [MADE] * 4
    assert await made(other) == MADE and maker.asked == 1
    with pytest.raises(IdempotencyConflict):
        await made(one, RepeatKey("key", "i", "other"))


async def test_what_a_node_died_over_is_not_asked_for_again(nodes: Nodes, db: Database) -> None:
    """The site may have it: only an operator's choice has it made once more."""
    maker, one, other = nodes
    assert await one._begin(KEY) == (True, None)
    assert await other._begin(KEY) == (False, None), "somebody works on it"
    async with db.write() as connection:
        await connection.execute(update(kept_calls).values(until=in_s(-1)))
    maker.go.set()
    for _ in range(2):
        with pytest.raises(OutcomeUnknown, match="another Idempotency-Key"):
            await made(other)
    assert maker.asked == 0
    chosen = RepeatableImages(maker, db, rerun=True)  # type: ignore[arg-type]
    async with chosen.kept():
        assert await made(chosen) == MADE and maker.asked == 1


async def test_a_call_lost_with_another_node_is_not_asked_for_again(nodes: Nodes) -> None:
    maker, one, other = nodes
    maker.error = NodeLost("gone")
    maker.go.set()
    with pytest.raises(NodeLost):
        await made(one)
    maker.error = None
    with pytest.raises(OutcomeUnknown):
        await made(other)
    assert maker.asked == 1


async def test_who_works_on_it_says_so_for_as_long_as_it_takes(nodes: Nodes, db: Database) -> None:
    maker, one, other = nodes
    asking = asyncio.ensure_future(made(one))
    while not maker.asked:
        await asyncio.sleep(0.01)
    async with db.write() as connection:
        await connection.execute(update(kept_calls).values(until=in_s(-1)))
    await one._renew_all()
    assert await other._begin(KEY) == (False, None)
    maker.go.set()
    assert await asking == MADE


async def test_a_failure_frees_the_key(nodes: Nodes) -> None:
    maker, one, other = nodes
    maker.error = RateLimited("slow down", retry_after_s=1)
    maker.go.set()
    with pytest.raises(RateLimited):
        await made(one)
    maker.error = None
    assert await made(other) == MADE and maker.asked == 2


async def test_a_day_later_the_key_is_free(nodes: Nodes, db: Database) -> None:
    maker, one, _ = nodes
    maker.go.set()
    await made(one)
    async with db.write() as connection:
        await connection.execute(update(kept_calls).values(created_at=in_s(-86401)))
    assert await made(one, RepeatKey("key", "i", "other")) == MADE and maker.asked == 2
