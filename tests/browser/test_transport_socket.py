"""WebSockets of the page: frames in order, closing with code and reason, refusals."""

from __future__ import annotations

import asyncio

import pytest

from browser.errors import TransportFailed, TransportRefused, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport_limits import TransportLimits
from tests.browser.transport_fixtures import (  # noqa: F401
    Opened,
    Running,
    a_chromium,
    a_transport,
    an_opened_transport,
    open_on,
    the_world,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

URL = "wss://grok.com/ws"


async def test_frames_go_both_ways(transport: PageTransport) -> None:
    async with transport.open_socket(URL, timeout_s=5) as socket:
        for text in ["hello", "é 😀", "x" * 300_000]:
            await socket.send(text)
            assert await socket.receive(timeout_s=5) == text


async def test_frames_of_one_megabyte_arrive_in_order(transport: PageTransport) -> None:
    """The site sends before we ask: not a frame is lost between opening and the first receive."""
    async with transport.open_socket(f"{URL}?n=12&size=1048576", timeout_s=5) as socket:
        for number in range(12):
            frame = await socket.receive(timeout_s=5)
            assert len(frame) == 1048576
            assert frame.startswith(f"{number:08d}w")


async def test_many_sockets_of_one_address_are_not_mistaken_for_each_other(transport: PageTransport) -> None:
    """Chromium begins their handshakes in an order of its own; each must hear its own frames all the same."""

    async def talk(number: int) -> None:
        async with transport.open_socket(URL, timeout_s=20) as socket:
            for turn in range(3):
                await socket.send(f"{number}/{turn}")
                assert await socket.receive(timeout_s=5) == f"{number}/{turn}"

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(talk(number))


async def test_the_site_closing_is_told_after_the_last_frame(transport: PageTransport) -> None:
    async with transport.open_socket(f"{URL}?n=3&size=100", timeout_s=5) as socket:
        await socket.send("bye")
        for _ in range(3):
            await socket.receive(timeout_s=5)
        for _ in range(2):
            with pytest.raises(TransportFailed, match=r"closed with code 4001 \(as asked\)"):
                await socket.receive(timeout_s=5)
        with pytest.raises(TransportFailed, match="is closed"):
            await socket.send("late")


async def test_a_refused_handshake_tells_its_status(transport: PageTransport) -> None:
    with pytest.raises(TransportRefused) as caught:
        async with transport.open_socket(f"{URL}?refuse=1", timeout_s=5):
            pass
    assert caught.value.status in {403, 0}


async def test_silence_is_a_timeout(transport: PageTransport) -> None:
    async with transport.open_socket(URL, timeout_s=5) as socket:
        with pytest.raises(TransportTimeout):
            await socket.receive(timeout_s=0.1)
        await socket.send("still open")
        assert await socket.receive(timeout_s=5) == "still open"


async def test_two_sockets_of_one_address_are_told_apart(transport: PageTransport) -> None:
    async with transport.open_socket(URL, timeout_s=5) as one, transport.open_socket(URL, timeout_s=5) as two:
        await one.send("one")
        await two.send("two")
        assert await one.receive(timeout_s=5) == "one"
        assert await two.receive(timeout_s=5) == "two"


async def test_a_navigation_closes_sockets(opened: Opened) -> None:
    with pytest.raises(TransportFailed, match="another document"):
        async with opened.transport.open_socket(URL, timeout_s=5) as socket:
            await opened.transport.reload()
            await socket.receive(timeout_s=5)


async def test_a_reader_that_falls_far_behind_is_cut_off(chromium: Running, opened: Opened) -> None:
    other = await open_on(chromium, TransportLimits(socket_unread_bytes=300_000))
    async with other.transport.open_socket(f"{URL}?n=5&size=100000", timeout_s=5) as socket:
        with pytest.raises(TransportFailed, match="more than its reader took"):
            for _ in range(5):
                await socket.receive(timeout_s=5)
                await asyncio.sleep(0.1)
    await other.transport.close()
