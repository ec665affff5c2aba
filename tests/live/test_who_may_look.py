"""Who may look and who may not: sessions, links for others, other origins and names, and connections that go on too long."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from playwright.async_api import Browser, Route, expect
from sqlalchemy import update
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from gateway.auth.live_grants import GrantMode
from gateway.console.access import PLAIN_COOKIE
from gateway.console.live.codec import FRAME, HEADER
from gateway.console.live.visitors import PLAIN_COOKIE as GRANT_COOKIE
from gateway.db.tables import console_sessions, live_grants
from tests.browser.live_site import NOISY
from tests.live.operator import PROFILE, House, Operator

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@asynccontextmanager
async def line(
    house: House, *, cookie: str = "", origin: str | None = "", profile: str = PROFILE, host: str = "", **more: Any
) -> AsyncIterator[ClientConnection]:
    """A WebSocket to the live view, as a program opens it. origin: "" is the gateway's own, None sends none."""
    headers: Mapping[str, str] = {"Cookie": cookie} if cookie else {}
    address = house.url.replace("http", "ws")
    if host:
        more |= {"host": "127.0.0.1", "port": house.front.port}
        address = f"ws://{host}:{house.front.port}"
    async with connect(
        f"{address}/console/api/live/{profile}/ws",
        origin=(house.url if origin == "" else origin),  # type: ignore[arg-type]
        additional_headers=headers,
        subprotocols=[Subprotocol("gw.live.v1")],
        proxy=None,
        max_size=None,
        **more,
    ) as socket:
        yield socket


async def refusal(house: House, **how: Any) -> int:
    """The status with which a connection is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with line(house, **how):
            pass
    return refused.value.response.status_code


async def session(house: House) -> str:
    return f"{PLAIN_COOKIE}={await house.cookie()}"


async def word(socket: ClientConnection, kind: str, **values: Any) -> dict[str, Any]:
    """Read until a word of this kind with these values comes."""
    async with asyncio.timeout(60):
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                found: dict[str, Any] = json.loads(message)
                if found["type"] == kind and values.items() <= found.items():
                    return found


async def test_a_session_and_our_own_page_are_needed(house: House):
    mine = await session(house)
    assert await refusal(house) == 401
    assert await refusal(house, cookie=f"{PLAIN_COOKIE}={'x' * 43}") == 401
    assert await refusal(house, cookie=mine, origin="https://evil.example") == 403
    assert await refusal(house, cookie=mine, origin=None) == 403
    assert await refusal(house, cookie=mine, origin="http://evil.example", host="evil.example") == 403
    assert await refusal(house, cookie=mine, profile="other") == 404
    async with line(house, cookie=mine) as socket:
        assert socket.subprotocol == "gw.live.v1"
        assert (await word(socket, "hello"))["may_control"] is True
        async with asyncio.timeout(60):
            while isinstance(frame := await socket.recv(), str):
                pass
        kind, tab, width, height, at_ms = HEADER.unpack(frame[: HEADER.size])
        assert (kind, tab, width, height) == (FRAME, 1, 1280, 800)
        assert abs(at_ms / 1000 - datetime.now(UTC).timestamp()) < 3600
        assert frame[HEADER.size :][:2] == b"\xff\xd8"


async def test_an_expired_session_is_refused_and_an_open_line_ends_with_it(house: House):
    mine = await session(house)
    async with line(house, cookie=mine) as socket:
        await word(socket, "hello")
        async with house.console.db.write() as connection:
            await connection.execute(update(console_sessions).values(expires_at=datetime.now(UTC)))
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(60):
                while True:
                    await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    assert await refusal(house, cookie=mine) == 401


async def test_nonsense_ends_the_line_and_nothing_else(house: House):
    mine = await session(house)
    for nonsense in ("{", '{"type":"mouse"}', '{"type":"text","s":5}', '{"type":"nonsense"}'):
        async with line(house, cookie=mine) as socket:
            await socket.send(nonsense)
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(60):
                    while True:
                        await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4400
    async with line(house, cookie=mine) as socket:
        await word(socket, "hello")


async def test_a_link_lets_one_person_in_once_and_nowhere_else(house: House, operator: Operator, chromium: Browser):
    page = operator.page
    await page.get_by_role("button", name="Share…").click()
    await page.get_by_role("button", name="Make the link").click()
    url = await page.locator(".copyable code").inner_text()
    assert re.fullmatch(rf"{house.url}/console/live#g=[\w-]{{32}}", url)
    async with house.operator(chromium, signed_in=False) as guest:
        await guest.page.goto(url)
        await guest.page.wait_for_url(f"**/console/live/{PROFILE}")
        await guest.page.locator("[data-empty]").wait_for(state="hidden")
        await expect(guest.page.get_by_role("button", name="Take control")).to_have_count(0)
        await expect(guest.page.get_by_role("navigation")).to_have_count(0)
        await guest.page.goto("/console")
        await guest.page.wait_for_url(re.compile(r"/console/(login|setup)"))
        await guest.page.goto(f"/console/live/{PROFILE}")
        await guest.page.locator("[data-empty]").wait_for(state="hidden")
        async with house.operator(chromium, signed_in=False) as other:
            await other.page.goto(url)
            await other.page.get_by_text("This link was used before").wait_for()
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Take back").click()
        await guest.status("You may not be here any more")
    assert {"live_grant.made", "live_grant.used", "live_grant.refused", "live_grant.revoked"} <= set(
        await house.actions()
    )


async def test_a_link_for_control_gives_control_and_names_its_guest(
    house: House, operator: Operator, chromium: Browser
):
    grant, secret = await house.console.live.grants.make(PROFILE, GrantMode.CONTROL, by="admin", ttl_s=60)
    async with house.operator(chromium, signed_in=False) as guest:
        await guest.page.goto(f"/console/live#g={secret}")
        await guest.page.locator("[data-empty]").wait_for(state="hidden")
        await guest.take()
        await operator.status(f"guest {grant.id.removeprefix('grant_')} has control")
        await operator.take()
        await guest.status("admin has control")
    async with asyncio.timeout(60):  # lines are written beside
        while {line.actor for line in await house.console.audit.newest(prefix="live.control")} != {
            "admin",
            f"guest {grant.id.removeprefix('grant_')}",
        }:
            await asyncio.sleep(0.05)


async def exchanged(house: House, secret: str) -> tuple[int, str]:
    """Follow a link as its page does; returns the status and the cookie."""
    async with httpx2.AsyncClient(base_url=house.url, trust_env=False) as http:
        answer = await http.post(
            "/console/api/live-grants/exchange", json={"secret": secret}, headers={"origin": house.url}
        )
        return answer.status_code, answer.cookies.get(GRANT_COOKIE) or ""


async def test_links_that_are_over_open_nothing(house: House):
    grants = house.console.live.grants
    past = datetime.now(UTC) - timedelta(seconds=1)

    _, late = await grants.make(PROFILE, GrantMode.VIEW, by="admin", ttl_s=60)
    async with house.console.db.write() as connection:
        await connection.execute(update(live_grants).values(expires_at=past))
    assert (await exchanged(house, late))[0] == 403

    _, once = await grants.make(PROFILE, GrantMode.VIEW, by="admin", ttl_s=60)
    status, cookie = await exchanged(house, once)
    assert status == 200
    assert (await exchanged(house, once))[0] == 403
    async with line(house, cookie=f"{GRANT_COOKIE}={cookie}") as socket:
        assert (await word(socket, "hello"))["may_control"] is False
        await socket.send('{"type":"control","t":"take"}')
        await socket.send('{"type":"ping"}')
        await word(socket, "pong")
    async with house.console.db.write() as connection:
        await connection.execute(update(live_grants).values(cookie_expires_at=past))
    assert await refusal(house, cookie=f"{GRANT_COOKIE}={cookie}") == 401

    grant, taken_back = await grants.make(PROFILE, GrantMode.CONTROL, by="admin", ttl_s=60)
    await grants.revoke(grant.id)
    assert (await exchanged(house, taken_back))[0] == 403
    assert (await exchanged(house, "nothing-of-ours"))[0] == 403


async def test_links_are_not_guessed_without_end(house: House):
    house.console.live.attempts.succeeded("127.0.0.1")  # of the tests before
    assert [(await exchanged(house, f"guess-{number}"))[0] for number in range(6)] == [403] * 5 + [429]
    assert (await house.actions()).count("live_grant.refused") == 5
    house.console.live.attempts.succeeded("127.0.0.1")


async def test_a_link_is_for_one_profile_and_its_secret_is_kept_nowhere(house: House):
    await house.registry.add("second")
    _, secret = await house.console.live.grants.make("second", GrantMode.CONTROL, by="admin", ttl_s=60)
    _, cookie = await exchanged(house, secret)
    assert await refusal(house, cookie=f"{GRANT_COOKIE}={cookie}") == 403
    kept = b"".join(file.read_bytes() for file in (house.folder / "data").glob("gateway.db*"))
    assert secret.encode() not in kept
    assert cookie.encode() not in kept


async def test_files_are_taken_only_from_whoever_may_take_part(house: House):
    _, secret = await house.console.live.grants.make(PROFILE, GrantMode.VIEW, by="admin", ttl_s=60)
    _, cookie = await exchanged(house, secret)
    path = f"/console/api/live/{PROFILE}/files?name=a.txt"
    async with httpx2.AsyncClient(base_url=house.url, trust_env=False, headers={"origin": house.url}) as http:
        assert (await http.post(path, content=b"x")).status_code == 401
        assert (await http.post(path, content=b"x", headers={"cookie": f"{GRANT_COOKIE}={cookie}"})).status_code == 403
        mine = {"cookie": await session(house)}
        assert (await http.post(path, content=b"x", headers=mine)).status_code == 200
        assert (await http.post(path, content=b"x" * (25 * 1024**2 + 1), headers=mine)).status_code == 400


@pytest.mark.long
async def test_a_viewer_who_reads_nothing_slows_nobody(house: House, operator: Operator):
    async def noisy(route: Route) -> None:
        await route.fulfill(body=NOISY, content_type="text/html")

    await house.remote.context.route("https://grok.com/noisy", noisy)
    await operator.take()
    await operator.page.get_by_label("Address").fill("grok.com/noisy")
    await operator.page.keyboard.press("Enter")
    await operator.page.locator(".live-tab", has_text="Noisy").wait_for()
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the system keeps seconds of pictures for it
    narrow.connect(("127.0.0.1", house.front.port))
    async with line(house, cookie=await session(house), max_queue=1, sock=narrow) as stuck:
        await word(stuck, "hello")
        (nobody,) = [
            one
            for one in house.views.people(PROFILE)
            if one.number == max(p.number for p in house.views.people(PROFILE))
        ]
        async with line(house, cookie=await session(house)) as fast:
            frames = 0
            async with asyncio.timeout(60):
                while not nobody.outbox.full or frames < 8:  # full: the line's own buffers are, and one frame waits
                    frames += isinstance(await fast.recv(), bytes)
            async with asyncio.timeout(60):
                for _ in range(8):
                    while isinstance(await fast.recv(), str):
                        pass
        waiting = nobody.outbox
        assert len(waiting._words) < 10
        assert waiting.full
