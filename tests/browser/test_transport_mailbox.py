"""What waits in a mailbox, and for how long its reader does."""

from __future__ import annotations

import asyncio

import pytest

from browser.errors import TransportFailed
from browser.mailbox import Mailbox

pytestmark = pytest.mark.asyncio


async def test_messages_come_out_in_order_and_an_error_stays() -> None:
    box = Mailbox()
    reading = asyncio.create_task(box.take())
    await asyncio.sleep(0)
    box.put([1, "text", "a"])
    box.put([1, "text", "b"])
    box.put(TransportFailed("over"))
    assert await reading == [1, "text", "a"]
    assert box.take_now() == [1, "text", "b"]
    for _ in range(2):
        with pytest.raises(TransportFailed, match="over"):
            await box.take(within_s=1)


async def test_each_wait_has_its_whole_time() -> None:
    """One timer serves all waits; an earlier wait must not shorten a later one, nor a long one lengthen a short one."""
    box, loop = Mailbox(), asyncio.get_running_loop()
    for within_s in (0.2, 10.0, 0.2):
        loop.call_later(0.15, box.put, [1, "text", ""])
        await box.take(within_s=within_s)
    began = loop.time()
    with pytest.raises(TimeoutError):
        await box.take(within_s=0.3)
    assert loop.time() - began >= 0.3
    loop.call_later(0.4, box.put, [1, "text", "late"])  # nobody is hurried who set no time
    assert (await box.take())[2] == "late"


async def test_a_reader_that_gave_up_loses_nothing() -> None:
    box = Mailbox()
    reading = asyncio.create_task(box.take(within_s=10))
    await asyncio.sleep(0)
    reading.cancel()
    box.put([1, "text", "kept"])
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await box.take() == [1, "text", "kept"]
    box.close()
