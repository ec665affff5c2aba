"""The live view of a profile whose browser runs on another node: the console's page of one, the browser of the other."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from browser.clearance import Clearance
from gateway.auth.live_grants import GrantMode
from gateway.site import open_site
from tests.front.serving import Front
from tests.live.operator import PROFILE, House
from tests.nodes.conftest import fleet, the_film
from tests.nodes.running import Fleet, until
from tests.simulator.client import Simulator

__all__ = ["fleet", "the_film"]  # fixtures of the nodes' tests, used here as they are

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CANARY = "Kanarienvogel-4d1e"


class FarHouse(House):
    """The gateway that has the browser, as it is seen through another one."""

    def __init__(self, near: Front, far: Front) -> None:
        super().__init__(far, near.app.state.db)
        self.near = near

    @property
    def url(self) -> str:
        return self.near.url


@asynccontextmanager
async def far_away(fleet: Fleet, sim: Simulator) -> AsyncIterator[Front]:
    """The node with the browser, which serves nobody but other nodes."""
    site = SimpleNamespace(open=open_site)
    said = {"browser_args": sim.browser_args, "verify_waiting_every_s": 1.0, "role": "worker"}
    async with fleet.node("far", site=site, **said) as front:
        yield front


@pytest.mark.long
async def test_a_profile_is_signed_in_from_the_console_of_another_node(
    fleet: Fleet, sim: Simulator, chromium: Browser, log: io.StringIO
):
    await sim.reset(everything=True)
    near_site: Any = SimpleNamespace(open=open_site)
    async with fleet.node("near", role="api", site=near_site) as near:
        async with far_away(fleet, sim) as far:
            house = FarHouse(near, far)
            await house.registry.add(PROFILE)
            await house.until(Clearance.CHALLENGED)
            await until(lambda: near.app.state.others.find("far") is not None)
            async with house.operator(chromium) as operator:
                page = operator.page
                await operator.open()
                await operator.status("The site wants a human")
                await operator.take()
                await operator.click("#box")
                await house.remote.locator("#sign-in").wait_for()
                await operator.click("#sign-in")
                await house.remote.wait_for_url("**/sign-in**")
                await operator.fill("[name=email]", "ann@example.com")
                await operator.fill("[name=password]", CANARY)
                await operator.click("#picture")
                await expect(page.get_by_text("The page wants a file")).to_be_visible()
                await page.locator("#files input").set_input_files(
                    {"name": "me.png", "mimeType": "image/png", "buffer": b"\x89PNG" * 500_000}
                )
                await page.get_by_role("button", name="Give").click()
                await expect(house.remote.locator("#picture-name")).to_have_text("me.png")

                async with house.operator(chromium) as other:  # who looks from here, too, and is gone without a word
                    await other.open()
                    await other.status("admin has control")
                    await other.context.set_offline(True)
                async with house.operator(chromium, signed_in=False) as guest:
                    _, secret = await near.app.state.console.live.grants.make(
                        PROFILE, GrantMode.VIEW, by="admin", ttl_s=60
                    )
                    await guest.page.goto(f"/console/live#g={secret}")
                    await guest.page.wait_for_url(f"**/console/live/{PROFILE}")
                    await guest.page.locator("[data-empty]").wait_for(state="hidden")
                    await guest.page.goto("about:blank")  # leaves with 1001, or none at all
                async with asyncio.timeout(60):
                    while len(house.views.people(PROFILE)) > 1:
                        await asyncio.sleep(0.05)

                await operator.click("button[type=submit]")
                await page.get_by_role("button", name="OK").click()
                await house.remote.wait_for_url("**/sign-in/code")
                await operator.fill("[name=code]", "123456")
                await page.keyboard.press("Enter")
                await operator.status("Signed in, checkpoint saved")
                await house.until(Clearance.READY)
                assert not operator.complaints

                actions = await near.app.state.console.audit.newest(prefix="live.viewed")
                assert {line.address for line in actions} == {"127.0.0.1"}
        # The node with the browser is gone: people are told so on a page.
        async with house.operator(chromium) as late:
            answer = await late.page.goto(f"/console/live/{PROFILE}")
            assert answer is not None and answer.status == 503
            await expect(late.page.get_by_text("not at work")).to_be_visible()
            assert answer.headers["content-type"].startswith("text/html")
    assert CANARY not in log.getvalue()
    bad = [line for line in log.getvalue().splitlines() if "Traceback" in line or '"level": "error"' in line]
    assert not bad, bad
