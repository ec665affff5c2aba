"""``gateway login``: a person signs in at a window; the gateway, when one runs, steps aside meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from tests.cli.command import Commands
from tests.cli.serving import serving
from tests.cli.window import close_by_hand, display, free_port, hand, sign_in_by_hand

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WITHIN_S = 60


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def screen() -> AsyncIterator[str]:
    async with display() as name:
        yield name


class Login:
    """A running ``gateway login work``, and the port of the window's browser."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port

    async def end(self) -> tuple[int, str, str]:
        out, err = await asyncio.wait_for(self.process.communicate(), WITHIN_S)
        return self.process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def opened(online: Commands, screen: str, *args: str) -> AsyncIterator[Login]:
    port = free_port()
    switches = f"{online.env['GATEWAY_BROWSER_ARGS']} --remote-debugging-port={port}"
    process = await online.start("login", "work", *args, DISPLAY=screen, GATEWAY_BROWSER_ARGS=switches)
    try:
        yield Login(process, port)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(WITHIN_S):
                await process.communicate()


@pytest_asyncio.fixture(loop_scope="session")
async def login(online: Commands, screen: str) -> AsyncIterator[Login]:
    """Begun with the test, ended with it."""
    async with opened(online, screen) as running:
        yield running


async def test_signing_in_by_hand_makes_a_ready_profile(online: Commands, login: Login):
    async with hand(login.port) as page:
        await sign_in_by_hand(page, "login-alone@example.com")
        code, out, err = await login.end()
    assert code == 0, err
    assert "profile work added" in err
    assert "the site says: signed in" in err
    assert "profile work is ready, signed in as l…@example.com; the sign-in is kept" in out
    shown = await online.told("profile", "show", "work")
    assert (shown["state"], shown["account"]["name"]) == ("ready", "l…@example.com")
    assert [copy["imported"] for copy in shown["checkpoints"]] == [False]
    assert (await online.told("profile", "check", "work"))["state"] == "ready", "session cookies survived"


async def test_closing_the_window_gives_up(online: Commands, login: Login):
    async with hand(login.port), asyncio.timeout(WITHIN_S):
        await close_by_hand(login.port, asyncio.ensure_future(login.process.wait()))
        code, out, err = await login.end()
    assert (code, out) == (1, "")
    assert "the window was closed before the site said signed in" in err
    assert "try again: gateway login work" in err
    assert "Traceback" not in err
    assert (await online.told("profile", "show", "work"))["state"] == "login_required"


async def test_ctrl_c_gives_up_cleanly(online: Commands, login: Login):
    async with hand(login.port):
        login.process.send_signal(signal.SIGINT)
        code, out, err = await login.end()
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "gateway: stopped"
    assert "Traceback" not in err
    await online.ok("profile", "remove", "work", "--yes")


async def test_a_running_gateway_steps_aside_and_goes_on(online: Commands, screen: str):
    await online.ok("profile", "add", "work")
    async with serving(online), opened(online, screen, "--json") as login:
        async with hand(login.port) as page:
            assert (await online.told("profile", "show", "work"))["state"] == "held"
            await sign_in_by_hand(page, "login-beside@example.com")
            code, out, err = await login.end()
        assert (code, err) == (0, "")
        assert '"state": "ready"' in out
        assert (await online.told("profile", "check", "work"))["state"] == "ready"
        shown = await online.told("profile", "show", "work")
        assert shown["account"]["name"] == "l…@example.com"
        events = [event["type"] for event in shown["events"]]
        assert "browser started" in events[events.index("hold ended") :], "the gateway's, after the window's"
