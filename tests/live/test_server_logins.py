"""A server that asks for a name and a password of HTTP itself, in a window that is in no picture."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.console.looking import look_at
from tests.live.operator import House, Operator, running_house
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CANARY = "Kanarienvogel-77aa"
_RIGHT = b"authorization: basic " + base64.b64encode(f"ann:{CANARY}".encode()).lower()
_ASKS = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="the cellar"\r\nContent-Type: text/html\r\n'


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        request = (await reader.readuntil(b"\r\n\r\n")).lower()
    except asyncio.IncompleteReadError:  # a connection that was opened for later
        return
    if b"/open" in request.split(b"\r\n")[0] or _RIGHT in request:
        head, body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", b"<title>Inside</title><h1>inside</h1>"
    else:
        head, body = _ASKS, b"<title>Outside</title><h1>outside</h1>"
    writer.write(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def cellar() -> AsyncIterator[str]:
    """The address of a server that asks."""
    async with await asyncio.start_server(_answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(sim: Simulator, tmp_path_factory: pytest.TempPathFactory, log: io.StringIO) -> AsyncIterator[House]:
    await sim.reset(everything=True)
    folder: Path = tmp_path_factory.mktemp("house")
    async with running_house(folder, sim, live_allow_private=True) as house:
        yield house


async def test_name_and_password_are_asked_for_and_given(
    house: House, operator: Operator, chromium: Browser, cellar: str, log: io.StringIO
):
    page, asked = operator.page, operator.page.locator("#login")
    await operator.take()

    async def go(path: str) -> None:
        await page.get_by_label("Address", exact=True).fill(cellar + path)
        await page.keyboard.press("Enter")

    await go("/private")
    await expect(asked).to_contain_text(f"{cellar} asks for a user name and a password: “the cellar”.")
    await look_at(page)
    async with house.operator(chromium) as other:  # whoever only looks is not asked
        await other.open()
        await expect(other.page.locator("#login")).to_be_hidden()
    await asked.get_by_label("User name").fill("ann")
    await asked.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(asked.get_by_text("did not take that")).to_be_visible()
    await expect(asked.get_by_label("Password")).to_have_value("")
    await asked.get_by_label("User name").fill("ann")
    await asked.get_by_label("Password").fill(CANARY)
    await asked.get_by_role("button", name="Sign in").click()
    await page.locator(".live-tab", has_text="Inside").wait_for()
    await house.remote.context.clear_cookies()
    await go("/open")
    await page.locator(".live-tab", has_text="Inside").wait_for()
    assert CANARY not in log.getvalue()
    assert not operator.complaints


@pytest.mark.long
async def test_who_does_not_answer_sees_the_servers_page_and_goes_on(operator: Operator, house: House, cellar: str):
    page, asked = operator.page, operator.page.locator("#login")
    await operator.take()
    address = page.get_by_label("Address", exact=True)
    other = cellar.replace("127.0.0.1", "localhost")  # nobody has answered there yet
    await address.fill(f"{other}/private")
    await page.keyboard.press("Enter")
    await expect(asked).to_be_visible()
    await asked.get_by_role("button", name="Cancel").click()
    await page.locator(".live-tab", has_text="Outside").wait_for()

    await address.fill(f"{other}/private")
    await page.keyboard.press("Enter")
    await expect(asked).to_be_visible()
    await house.remote.evaluate("location.href = '/open'")  # the page itself goes elsewhere
    await expect(asked).to_be_hidden()
    await page.locator(".live-tab", has_text="Inside").wait_for()

    await address.fill(f"{other}/private")
    await page.keyboard.press("Enter")
    await expect(asked).to_be_visible()
    assert await house.remote.evaluate("1 + 1") == 2, "a page that is asked answers: it is not taken for hung"
    await page.evaluate("document.querySelector('[data-do=done]').click()")
    await expect(asked).to_be_hidden()
    await page.locator(".live-screen:not(.in-control)").wait_for()
    await house.remote.locator("#box").wait_for()  # the profile is at home again: nothing waits
