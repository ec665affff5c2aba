"""What runs beside its caller: begins, ends, fails and stops with the block."""

from __future__ import annotations

import asyncio

import pytest

from gateway.calls.running import Emit, beside, running


async def test_events_come_in_order_and_end():
    async def work(emit: Emit[int]) -> None:
        for number in range(200):
            await emit(number)

    async with running(work) as events:
        assert [event async for event in events] == list(range(200))
        assert [event async for event in events] == []


async def test_an_error_before_the_first_event_is_raised_by_entering():
    async def work(emit: Emit[int]) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        async with running(work):
            raise AssertionError("not entered")


async def test_an_error_later_is_raised_by_the_iterator():
    async def work(emit: Emit[int]) -> None:
        await emit(1)
        raise ValueError("no")

    seen = []
    with pytest.raises(ValueError, match="no"):
        async with running(work) as events:
            async for event in events:
                seen.append(event)
    assert seen == [1]


async def test_entering_does_not_wait_for_ever():
    async def work(emit: Emit[int]) -> None:
        await asyncio.sleep(0.1)
        await emit(1)

    async with running(work, opening_s=0.01) as events:
        assert [event async for event in events] == [1]


@pytest.mark.parametrize("how", ["leave", "raise", "cancel"])
async def test_leaving_ends_the_work_at_once_and_waits_for_its_clean_up(how):
    ended = asyncio.Event()

    async def work(emit: Emit[int]) -> None:
        try:
            while True:
                await emit(1)
        finally:
            await asyncio.sleep(0.01)
            ended.set()

    async def use() -> None:
        async with running(work) as events:
            assert await anext(aiter(events)) == 1
            if how == "raise":
                raise KeyError("mine")
            if how == "cancel":
                await asyncio.sleep(3600)

    async with asyncio.timeout(60):
        if how == "leave":
            await use()
        elif how == "raise":
            with pytest.raises(KeyError, match="mine"):
                await use()
        else:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(use())
                await asyncio.sleep(0.02)
                task.cancel()
    assert ended.is_set()


async def test_the_blocks_own_error_ends_what_goes_on_beside_it():
    stopped = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            stopped.set()

    with pytest.raises(KeyError):
        async with asyncio.timeout(60), beside() as begin:
            begin(work())
            await asyncio.sleep(0)
            raise KeyError("x")
    assert stopped.is_set()
