"""What the owner of a transport learns of the page: every document it shows, and what could not be opened."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from browser.errors import TransportFailed, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport_limits import TransportLimits
from tests.browser.transport_fixtures import (  # noqa: F401
    SITE,
    Opened,
    Running,
    a_chromium,
    a_transport,
    an_opened_transport,
    the_world,
    until,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_opening_tells_of_the_home_page(opened: Opened) -> None:
    facts = opened.transport.facts
    assert facts.url == "https://grok.com/"
    assert facts.status == 200
    assert facts.title == "Home"
    assert facts.headers["content-type"] == "text/html"
    assert "welcome" in facts.body_start
    assert opened.navigated == [facts]


async def test_a_page_with_an_error_status_is_a_page(chromium: Running, opened: Opened) -> None:
    """A challenge page opens like any other; its status, headers and start are told."""
    await opened.transport.close()
    told = []
    transport = await PageTransport.open(
        chromium.context,
        site=replace(SITE, home_url="https://grok.com/page?status=403&title=Just%20a%20moment&body=checking"),
        downloads_dir=chromium.downloads_dir,
        on_lost=lambda _: None,
        on_navigated=told.append,
    )
    assert told == [transport.facts]
    assert transport.facts.status == 403
    assert transport.facts.title == "Just a moment"
    assert transport.facts.headers["x-page"] == "facts"
    assert "checking" in transport.facts.body_start
    assert (await transport.fetch("GET", "/echo")).status == 200
    await transport.close()


async def test_navigations_of_the_page_itself_are_told(opened: Opened) -> None:
    """The site sends its page elsewhere: no headers then, but the status."""
    page = opened.transport.page
    await page.evaluate("() => { location.href = '/page?status=429&title=Slow%20down' }")
    await until(lambda: len(opened.navigated) == 2)
    facts = opened.navigated[1]
    assert opened.transport.facts == facts
    assert facts.status == 429
    assert facts.title == "Slow down"
    assert facts.url.startswith("https://grok.com/page?")


async def test_reload_and_home_tell_the_new_facts(opened: Opened) -> None:
    transport = opened.transport
    await transport.page.evaluate("() => { location.href = '/page?title=elsewhere' }")
    await until(lambda: len(opened.navigated) == 2)
    assert (await transport.reload()).title == "elsewhere"
    assert (await transport.go_home()).title == "Home"
    assert [facts.title for facts in opened.navigated] == ["Home", "elsewhere", "elsewhere", "Home"]


async def test_changes_of_address_within_a_document_break_nothing(opened: Opened) -> None:
    call = asyncio.create_task(opened.transport.fetch("GET", "/slow?wait=0.3"))
    await opened.transport.page.evaluate("() => { history.pushState({}, '', '/c/123'); location.hash = 'x' }")
    assert (await call).status == 200
    assert len(opened.navigated) == 1


async def test_a_home_that_cannot_be_reached_is_a_failure(chromium: Running, opened: Opened) -> None:
    await opened.transport.close()
    with pytest.raises(TransportFailed, match="ERR_NAME_NOT_RESOLVED"):
        await PageTransport.open(
            chromium.context,
            site=replace(SITE, home_url="https://elsewhere.invalid/"),
            downloads_dir=chromium.downloads_dir,
            on_lost=lambda _: None,
            on_navigated=lambda _: None,
        )


async def test_a_home_that_does_not_answer_is_a_timeout(chromium: Running, opened: Opened) -> None:
    await opened.transport.close()
    with pytest.raises(TransportTimeout, match=r"did not load within 0\.5 s"):
        await PageTransport.open(
            chromium.context,
            site=replace(SITE, home_url="https://grok.com/slow"),
            downloads_dir=chromium.downloads_dir,
            limits=TransportLimits(navigation_s=0.5),
            on_lost=lambda _: None,
            on_navigated=lambda _: None,
        )


async def test_frames_of_the_page_do_not_disturb(opened: Opened) -> None:
    """Another frame's documents come and go; calls still run in the page's own."""
    page = opened.transport.page
    await page.evaluate(
        """() => new Promise(done => {
          const frame = document.createElement('iframe');
          frame.onload = done;
          frame.src = '/page?title=frame';
          document.body.append(frame);
        })"""
    )
    call = asyncio.create_task(opened.transport.fetch("GET", "/slow?wait=0.2"))
    await page.evaluate("() => document.querySelector('iframe').remove()")
    assert (await call).status == 200
    assert (await opened.transport.fetch("GET", "/echo")).status == 200
    assert len(opened.navigated) == 1
