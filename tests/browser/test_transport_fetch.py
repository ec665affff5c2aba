"""Whole answers through the page: what the site receives, what comes back, and every way it can end."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from browser.errors import TooLarge, TransportFailed, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport import World
from tests.browser.transport_fixtures import (  # noqa: F401
    Opened,
    a_chromium,
    a_transport,
    an_opened_transport,
    the_world,
    until,
)
from tests.browser.transport_site import TransportSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WORLDS = pytest.mark.parametrize("where", list(World))


@WORLDS
async def test_a_json_call_arrives_as_the_page_would_send_it(transport: PageTransport, where: World) -> None:
    """Body, cookies and origin are those of the page; the answer comes back whole."""
    reply = await transport.fetch("POST", "/echo?a=1", json={"text": "naïve 😀"}, headers={"x-one": "1"}, world=where)
    seen = json.loads(reply.text)
    assert reply.status == 200
    assert reply.url == "https://grok.com/echo?a=1"
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(seen["body"]) == {"text": "naïve 😀"}
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"]["x-one"] == "1"
    assert seen["headers"]["cookie"] == "session=abc"
    assert seen["headers"]["origin"] == "https://grok.com"
    assert "sec-ch-ua" in seen["headers"]


@WORLDS
async def test_only_the_main_world_carries_what_the_site_adds(transport: PageTransport, where: World) -> None:
    """The site's script wraps fetch; a call in its world goes through the wrapper, one in ours does not."""
    seen = json.loads((await transport.fetch("POST", "/echo", json={}, world=where)).text)
    assert seen["headers"].get("x-site") == ("wrapped" if where is World.MAIN else None)


async def test_fetch_of_the_main_world_is_looked_up_at_the_call(transport: PageTransport) -> None:
    """A wrapper installed after the page loaded counts as well."""
    await transport.page.evaluate(
        "() => { const inner = window.fetch; window.fetch = (u, i) => inner(u, {...i, headers: {...i.headers, 'x-late': '1'}}) }"
    )
    seen = json.loads((await transport.fetch("GET", "/echo", world=World.MAIN)).text)
    assert seen["headers"]["x-late"] == "1"
    assert seen["headers"]["x-site"] == "wrapped"


@WORLDS
async def test_an_error_status_is_an_answer(transport: PageTransport, where: World) -> None:
    reply = await transport.fetch("GET", "/echo?status=429", world=where)
    assert reply.status == 429
    assert json.loads(reply.text)["method"] == "GET"


@WORLDS
async def test_an_answer_of_several_slices_is_whole(transport: PageTransport, where: World) -> None:
    reply = await transport.fetch("GET", "/text?n=3000000", world=where)
    assert reply.text == "x" * 3_000_000


@WORLDS
@pytest.mark.parametrize("count", [1, 1_000_000])
async def test_characters_that_javascript_counts_twice(transport: PageTransport, where: World, count: int) -> None:
    """Emoji are two units there and one here; slices neither end early nor fall within one."""
    reply = await transport.fetch("GET", f"/text?of=%F0%9F%98%80&n={count * 4}", world=where)
    assert reply.text == "😀" * count


@WORLDS
async def test_the_byte_limit_is_enforced_while_reading(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    """The request is dropped at the limit; the rest is not read."""
    with pytest.raises(TooLarge, match="larger than 100000 bytes"):
        await transport.fetch("GET", "/flood?mb=512", world=where, limit_bytes=100_000)
    exchange = world.ledger.last("/flood")
    await until(lambda: exchange.aborted_at is not None)
    assert exchange.sent_bytes < 32 * 1024 * 1024


@WORLDS
async def test_a_deadline_reaches_the_site(transport: PageTransport, world: TransportSite, where: World) -> None:
    began = time.monotonic()
    with pytest.raises(TransportTimeout, match=r"GET /slow\?wait=30 had no complete answer within 0.3 s"):
        await transport.fetch("GET", "/slow?wait=30", world=where, timeout_s=0.3)
    assert time.monotonic() - began < 10
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_a_cancelled_caller_aborts_at_the_site(
    transport: PageTransport, world: TransportSite, where: World
) -> None:
    call = asyncio.create_task(transport.fetch("GET", "/slow", world=where))
    count = len(world.ledger.of("/slow"))
    await until(lambda: len(world.ledger.of("/slow")) > count)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_a_broken_body_is_a_failure(transport: PageTransport, where: World) -> None:
    with pytest.raises(TransportFailed, match="GET /cut failed inside the page"):
        await transport.fetch("GET", "/cut", world=where)


async def test_a_host_that_cannot_be_reached_is_a_failure(transport: PageTransport) -> None:
    with pytest.raises(TransportFailed, match="Failed to fetch"):
        await transport.fetch("GET", "https://elsewhere.invalid/")


async def test_a_busy_main_thread_does_not_hang_the_caller(opened: Opened) -> None:
    transport = opened.transport
    hog = asyncio.create_task(
        transport.page.evaluate("() => { const end = Date.now() + 6000; while (Date.now() < end); }")
    )
    await asyncio.sleep(0.1)
    began = time.monotonic()
    with pytest.raises(TransportTimeout):
        await transport.fetch("GET", "/echo", timeout_s=0.3)
    assert time.monotonic() - began < 4
    await hog
    assert (await transport.fetch("GET", "/echo")).status == 200
    assert opened.lost == []


async def test_a_call_over_a_navigation_fails_and_the_next_one_works(opened: Opened) -> None:
    transport = opened.transport
    for where in World:
        call = asyncio.create_task(transport.fetch("GET", "/slow", world=where))
        await asyncio.sleep(0.1)
        await transport.reload()
        with pytest.raises(TransportFailed, match="another document"):
            await asyncio.wait_for(call, 2)
        assert (await transport.fetch("GET", "/echo", world=where)).status == 200
    assert opened.lost == []


async def test_nothing_of_ours_can_be_seen_in_the_sites_world(transport: PageTransport) -> None:
    """No global is there that was not there before the site's first script, none with our names, no node in the tree."""
    await transport.fetch("POST", "/echo", json={}, world=World.MAIN)
    added = await transport.page.evaluate(
        "() => Object.getOwnPropertyNames(window).filter(name => !window.atStart.includes(name))"
    )
    # atStart itself, and what the page's own script declares
    assert sorted(added) == ["atStart"] or sorted(added) == ["atStart", "plain"]
    names = await transport.page.evaluate(
        "() => [typeof transport, typeof install, typeof wire, document.querySelectorAll('i').length]"
    )
    assert names == ["undefined", "undefined", "undefined", 0]
    suspicious = await transport.page.evaluate("() => window.atStart.filter(name => /^_|transport$/.test(name))")
    assert suspicious == []


async def test_builtins_replaced_by_the_site_do_not_reach_us(transport: PageTransport) -> None:
    """The site may break its own world as it likes: our calls in both worlds still work."""
    await transport.page.evaluate(
        """() => {
          const broken = () => { throw new Error('replaced') };
          for (const [owner, names] of [[Array.prototype, ['map', 'push', 'splice', 'forEach']], [JSON, ['parse', 'stringify']],
              [Promise.prototype, ['then', 'catch', 'finally']], [Map.prototype, ['get', 'set']], [Reflect, ['apply']],
              [EventTarget.prototype, ['addEventListener', 'dispatchEvent']], [Function.prototype, ['call', 'apply']]])
            for (const name of names) owner[name] = broken;
          window.CustomEvent = window.MouseEvent = window.FormData = broken;
        }"""
    )
    assert (await transport.fetch("POST", "/echo", json={"a": [1]})).status == 200
    # The test page's own wrapper needs Function.prototype.call, so only this call may fail, and it must say so.
    with pytest.raises(TransportFailed, match="replaced"):
        await transport.fetch("POST", "/echo", json={}, world=World.MAIN)
