"""Streams through the page: order, characters, back-pressure, aborts, and the bounds on how many there are."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest

from browser.errors import TransportFailed, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport import World
from browser.transport_limits import TransportLimits
from tests.browser.transport_fixtures import (  # noqa: F401
    Opened,
    Running,
    a_chromium,
    a_transport,
    an_opened_transport,
    open_on,
    the_world,
    until,
)
from tests.browser.transport_site import SPLIT_TEXT, TransportSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WORLDS = pytest.mark.parametrize("where", list(World))


@WORLDS
async def test_lines_arrive_while_the_site_still_writes(transport: PageTransport, where: World) -> None:
    """Each piece is here long before the next one is written, and the end of the body ends the iteration."""
    text, delays = "", []
    async with transport.stream("GET", "/lines?n=5&gap=0.2", world=where) as reply:
        assert reply.status == 200
        assert reply.headers["content-type"] == "application/x-ndjson"
        async for piece in reply:
            text += piece
            delays.append(time.monotonic() - json.loads(piece.splitlines()[-1])["at"])
    assert [json.loads(line)["n"] for line in text.splitlines()] == list(range(5))
    assert sorted(delays)[len(delays) // 2] < 0.15


@WORLDS
async def test_a_stream_of_the_main_world_goes_through_the_sites_fetch(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    async with transport.stream("POST", "/lines?n=1", json={"a": 1}, headers={"x-one": "1"}, world=where):
        pass
    seen = world.ledger.last("/lines").headers
    assert seen["x-one"] == "1"
    assert seen["content-type"] == "application/json"
    assert seen.get("x-site") == ("wrapped" if where is World.MAIN else None)


@WORLDS
async def test_characters_are_never_split(transport: PageTransport, where: World) -> None:
    """The site sends single bytes; every piece is valid text."""
    async with transport.stream("GET", "/split", world=where) as reply:
        pieces = [piece async for piece in reply]
    assert "".join(pieces) == SPLIT_TEXT
    assert len(pieces) > 10


@WORLDS
async def test_an_error_status_is_an_answer(transport: PageTransport, where: World) -> None:
    async with transport.stream("GET", "/echo?status=403", world=where) as reply:
        assert reply.status == 403
        assert '"method": "GET"' in "".join([piece async for piece in reply])


@WORLDS
async def test_leaving_the_block_aborts_at_the_site_within_20_ms(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    latencies = []
    for _ in range(5):
        async with transport.stream("GET", "/lines?n=1&hang=1", world=where) as reply:
            await anext(aiter(reply))
            exchange = world.ledger.last("/lines")
            left_at = time.monotonic()
        await until(lambda exchange=exchange: exchange.aborted_at is not None)
        assert exchange.aborted_at is not None
        latencies.append(exchange.aborted_at - left_at)
    assert min(latencies) < 0.02, latencies  # a busy machine delays some; the bench measures all


@WORLDS
async def test_a_cancelled_consumer_aborts_at_the_site(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    reading = asyncio.Event()

    async def consume() -> None:
        async with transport.stream("GET", "/lines?n=1&hang=1", world=where) as reply:
            async for _ in reply:
                reading.set()

    consumer = asyncio.create_task(consume())
    await reading.wait()
    exchange = world.ledger.last("/lines")
    cancelled_at = time.monotonic()
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert time.monotonic() - cancelled_at < 1
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_cancelled_before_the_headers_aborts_at_the_site(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    async def consume() -> None:
        async with transport.stream("GET", "/slow", world=where):
            pass

    count = len(world.ledger.of("/slow"))
    consumer = asyncio.create_task(consume())
    await until(lambda: len(world.ledger.of("/slow")) > count)
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_late_headers_are_a_timeout(transport: PageTransport, world: TransportSite, where: World) -> None:
    with pytest.raises(TransportTimeout, match=r"GET /slow had no answer within 0.2 s"):
        async with transport.stream("GET", "/slow", world=where, start_timeout_s=0.2):
            pass
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)


async def test_a_wrapper_that_loses_the_signal_does_not_keep_the_stream(
    transport: PageTransport, world: TransportSite
) -> None:
    await transport.page.evaluate(
        "() => { const inner = window.fetch; window.fetch = (u, { signal, ...i }) => inner(u, i); }"
    )
    async with transport.stream("GET", "/lines?n=1&hang=1", world=World.MAIN) as reply:
        await anext(aiter(reply))
        exchange = world.ledger.last("/lines")
    await until(lambda: exchange.aborted_at is not None)


async def test_a_stream_asked_for_between_two_documents_waits(opened: Opened) -> None:
    """Calls made while the page is on its way work in the document that comes."""
    transport = opened.transport
    for _ in range(5):
        reload = asyncio.create_task(transport.reload())
        while transport._bridge._context and not reload.done():
            await asyncio.sleep(0)
        async with transport.stream("GET", "/lines?n=2&gap=0.01") as reply:
            assert len("".join([piece async for piece in reply]).splitlines()) == 2
        await reload


async def test_silence_is_a_timeout(transport: PageTransport, world: TransportSite) -> None:
    seen = ""
    with pytest.raises(TransportTimeout, match=r"sent nothing for 0.2 s"):
        async with transport.stream("GET", "/lines?n=1&hang=1", idle_timeout_s=0.2) as reply:
            async for piece in reply:
                seen += piece
    assert json.loads(seen)["n"] == 0
    exchange = world.ledger.last("/lines")
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_a_broken_stream_fails_after_what_had_arrived(transport: PageTransport, where: World) -> None:
    seen = ""
    with pytest.raises(TransportFailed, match=r"GET /lines.* broke: "):
        async with transport.stream("GET", "/lines?n=3&gap=0.02&cut=1", world=where) as reply:
            async for piece in reply:
                seen += piece
    assert len(seen.splitlines()) == 3


async def test_a_host_that_cannot_be_reached_is_a_failure(transport: PageTransport) -> None:
    with pytest.raises(TransportFailed, match="Failed to fetch"):
        async with transport.stream("GET", "https://elsewhere.invalid/"):
            pass


@WORLDS
async def test_a_consumer_that_does_not_read_stalls_the_site(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    """What is on its way is bounded by our credit and the connection's window; reading on lets the site go on."""
    async with transport.stream("GET", "/flood?mb=64", world=where) as reply:
        pieces = aiter(reply)
        await anext(pieces)
        exchange = world.ledger.last("/flood")
        await asyncio.sleep(0.6)
        stalled_at = exchange.sent_bytes
        await asyncio.sleep(0.2)
        assert exchange.sent_bytes == stalled_at
        assert stalled_at < 16 * 1024 * 1024
        read = 0
        async for piece in pieces:
            read += len(piece)
            if read > 12 * 1024 * 1024:
                break
        assert exchange.sent_bytes > stalled_at


async def test_a_whole_big_stream_arrives(transport: PageTransport) -> None:
    async with transport.stream("GET", "/flood?mb=16") as reply:
        assert sum([len(piece) async for piece in reply]) == 16 * 1024 * 1024


async def test_calls_are_answered_beside_many_streams(transport: PageTransport, world: TransportSite) -> None:
    """80 consumers want streams: 64 get one, the rest wait; JSON calls go on, and in the end all are served."""
    done = 0
    enough = asyncio.Event()

    async def consume() -> None:
        nonlocal done
        async with transport.stream("GET", "/lines?n=1&hang=1", start_timeout_s=60) as reply:
            assert await anext(aiter(reply))
            await enough.wait()
        done += 1

    world.ledger.most_open = 0
    consumers = [asyncio.create_task(consume()) for _ in range(80)]
    async with asyncio.timeout(30):
        while world.ledger.most_open < 64:
            await asyncio.sleep(0.01)
    replies = await asyncio.gather(*(transport.fetch("POST", "/echo", json={"n": n}) for n in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert done == 0, "they did not wait for the streams"
    enough.set()
    await asyncio.gather(*consumers)
    assert done == 80
    assert world.ledger.most_open <= 64 + 28


async def test_one_stream_too_many_is_refused_in_time(chromium: Running, opened: Opened) -> None:
    other = await open_on(chromium, TransportLimits(streams=2, stream_wait_s=0.2))
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(other.transport.stream("GET", "/lines?n=1&hang=1"))
        with pytest.raises(TransportFailed, match=r"2 streams are open on this page and none ended within 0\.2 s"):
            async with other.transport.stream("GET", "/lines?n=1"):
                pass
    async with other.transport.stream("GET", "/lines?n=1&gap=0") as reply:
        assert len([piece async for piece in reply]) == 1
    await other.transport.close()


@WORLDS
async def test_a_navigation_breaks_streams_and_the_next_ones_work(opened: Opened, where: World) -> None:
    transport = opened.transport
    with pytest.raises(TransportFailed, match="another document"):
        async with transport.stream("GET", "/lines?n=1&hang=1", world=where) as reply:
            async for _ in reply:
                await transport.reload()
    async with transport.stream("GET", "/lines?n=2&gap=0.01", world=where) as reply:
        assert len("".join([piece async for piece in reply]).splitlines()) == 2
    assert opened.lost == []
