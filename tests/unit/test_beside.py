"""Loops beside a block: they end with it, and neither hides what the other raises."""

from __future__ import annotations

import asyncio

import pytest

from gateway.db.beside import beside


async def for_ever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("ended")


async def broken() -> None:
    await asyncio.sleep(0)
    raise LookupError("loop")


async def test_a_loop_ends_with_the_block() -> None:
    ended: list[str] = []
    async with beside(for_ever(ended)):
        await asyncio.sleep(0)
    assert ended == ["ended"]


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    ended: list[str] = []
    with pytest.raises(KeyError, match="block"):
        async with beside(for_ever(ended)):
            await asyncio.sleep(0)
            raise KeyError("block")
    assert ended == ["ended"]


async def test_a_loop_that_fails_stops_the_block_and_is_told() -> None:
    ended: list[str] = []
    with pytest.raises(ExceptionGroup) as told:
        async with beside(broken(), for_ever(ended)):
            await asyncio.Event().wait()
    assert [type(one) for one in told.value.exceptions] == [LookupError]
    assert ended == ["ended"]


async def test_a_cancelled_block_stays_cancelled() -> None:
    ended: list[str] = []

    async def block() -> None:
        async with beside(for_ever(ended)):
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(block())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert ended == ["ended"]
