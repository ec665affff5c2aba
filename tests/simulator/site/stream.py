"""Frames onto the wire: framing, splitting, and the ways a stream can break."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from typing import Any

from .jobs import Frame, Job
from .visit import Visit

FOREVER = 10**9
BETWEEN_PIECES = 0.001  # otherwise the client's socket puts them together again
HEAD_START = 0.05  # so that the head of the answer has left before its connection is closed


def encode(frame: Frame, framing: str) -> bytes:
    if isinstance(frame.get("raw"), str):
        return str(frame["raw"]).encode()
    text = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
    if framing == "sse":
        return f"data: {text}\n\n".encode()
    return (text + ("\n" if framing == "ndjson" else "")).encode()


def unwrapped(frame: Frame) -> Frame:
    """On the continuation endpoint the fields sit directly under `result`."""
    result = frame.get("result")
    if isinstance(result, dict) and "response" in result:
        return {"result": result["response"]}
    return frame


def pieces(data: bytes, seed: str) -> Iterator[bytes]:
    """*data* cut at arbitrary bytes, and always inside at least one UTF-8 character if there is a long one."""
    chance = random.Random(seed)
    cuts = {chance.randrange(1, len(data)) for _ in range(min(12, len(data) // 2))}
    long = [index for index, byte in enumerate(data) if byte & 0xC0 == 0x80]
    if long:
        cuts.add(chance.choice(long))
    last = 0
    for cut in [*sorted(cuts), len(data)]:
        if cut > last:
            yield data[last:cut]
        last = cut


def break_off(visit: Visit, how: str) -> None:
    if how == "drop":
        visit.exchange.drop()
    else:
        visit.exchange.cut()


def framing_of(visit: Visit) -> str:
    for name in ("ndjson", "concat", "sse"):
        if f"framing-{name}" in visit.script:
            return name
    return visit.world.settings.framing


async def send_stream(visit: Visit, job: Job, *, wrapped: bool = True) -> None:
    """Follow *job* to its end, as the scenarios on this visit have it."""
    script, exchange = visit.script, visit.exchange
    framing = framing_of(visit)
    if "slow-first-byte" in script:
        await asyncio.sleep(script.number("slow-first-byte", 5))
    if "cut-before-first-frame" in script:
        how = script.word("cut-before-first-frame", "head")
        if how in ("head", "eof"):
            await visit.start(200, _head(framing))
        if how == "eof":
            await exchange.finish()
        elif how == "head":
            await asyncio.sleep(HEAD_START)
            exchange.drop()
        else:
            break_off(visit, how)
        return
    await visit.start(200, _head(framing))
    cut_after, how = _cut(script.get("cut-stream"))
    stall_after = int(script.number("stall", 3)) if "stall" in script else FOREVER
    sent = 0
    async for frame in job.follow():
        data = encode(frame if wrapped else unwrapped(frame), framing)
        if "split-bytes" in script:
            for piece in pieces(data, f"{script['split-bytes']}{sent}"):
                await exchange.write(piece)
                await asyncio.sleep(BETWEEN_PIECES)
        else:
            await exchange.write(data)
        sent += 1
        if sent >= cut_after:
            if how == "eof":
                # the end of the stream in the middle of an object: the half says more was to come
                await exchange.write(data[: len(data) // 2])
                await exchange.finish()
            else:
                break_off(visit, how)
            return
        if sent >= stall_after:
            await asyncio.sleep(FOREVER)
    if framing == "sse":
        await exchange.write(b"data: [DONE]\n\n")
    if "keep-open" in script or visit.world.settings.keep_open:
        await asyncio.sleep(FOREVER)
    await exchange.finish()


def _head(framing: str) -> dict[str, Any]:
    kind = "text/event-stream" if framing == "sse" else "application/json"
    return {"content-type": kind, "cache-control": "no-cache", "x-accel-buffering": "no"}


def _cut(value: str | None) -> tuple[int, str]:
    if value is None:
        return FOREVER, ""
    count, _, how = value.partition(":")
    return int(count or 4), how or "reset"
