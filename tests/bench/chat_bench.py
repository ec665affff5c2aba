"""What a chat through the gateway costs, against a direct client in the same run: first token, chunks, and who leaves.

The simulator's scenario ``clock`` makes each token the site's own clock (time.monotonic of this machine) at its writing, so a
token's way is what the clock says here minus what it says. Direct is curl_cffi straight to the site's port.
"""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2

from tests.bench.direct import Direct
from tests.bench.figure import Figure, percentile
from tests.e2e.gateway_process import Gateway
from tests.simulator.client import Simulator

_CLOCK = re.compile(r"(\d+\.\d+)")
#: Chats at once, tokens of each, seconds between two.
LOADS = ((1, 60, 0.05), (20, 40, 0.2), (50, 40, 0.2))


async def chats(gateway: Gateway, sim: Simulator, *, times: int = 12, share: float = 1.0) -> list[Figure]:
    """All figures. share: of each load's tokens, for quick runs."""
    await sim.settings(open_to_direct=True, require_signature=False)
    direct = Direct(
        sim.port,
        "; ".join(f"{c['name']}={c['value']}" for c in (await sim.account(email="direct@example.com"))["cookies"]),
    )
    headers = {"authorization": f"Bearer {gateway.key}"}
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(
        base_url=gateway.url, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as http:
        figures = [await _first(http, direct, times)]
        for at_once, tokens, every_s in LOADS:
            figures += await _flow(http, direct, at_once, max(8, int(tokens * share)), every_s)
        figures.append(await _leaving(gateway, sim, times))
    await direct.session.close()
    return figures


async def _first(http: httpx2.AsyncClient, direct: Direct, times: int) -> Figure:
    """From asking to the first token in hand, the same chat both ways by turns."""
    ours, theirs = [], []
    for number in range(times + 2):
        began = time.monotonic()
        async for _ in _through(http, f"first {number} [sim:clock] [sim:tokens=3]"):
            ours.append((time.monotonic() - began) * 1000)
            break
        began = time.monotonic()
        async for _ in _straight(direct, f"first {number} [sim:clock] [sim:tokens=3]"):
            theirs.append((time.monotonic() - began) * 1000)
            break
    value, base = statistics.median(ours[2:]), statistics.median(theirs[2:])
    return Figure("chat: first token, added", value - base, "ms p50", base, "<= +30", value - base <= 30)


async def _flow(http: httpx2.AsyncClient, direct: Direct, at_once: int, tokens: int, every_s: float) -> list[Figure]:
    prompt = f"flow [sim:clock] [sim:tokens={tokens}] [sim:every={every_s}]"

    async def ways(source: AsyncIterator[float]) -> list[float]:
        return [(time.monotonic() - written) * 1000 async for written in source]

    async def many(open_one: object) -> list[float]:
        assert callable(open_one)
        found = await asyncio.gather(*(ways(open_one()) for _ in range(at_once)))
        assert all(len(one) >= tokens - 1 for one in found), "a chat got stuck"
        return [way for one in found for way in one[1:]]

    theirs = await many(lambda: _straight(direct, prompt))
    ours = await many(lambda: _through(http, prompt))
    added50 = statistics.median(ours) - statistics.median(theirs)
    added99 = percentile(ours, 99) - percentile(theirs, 99)
    name = f"chat: chunk, {at_once} at once x {1 / every_s:g}/s"
    return [
        Figure(f"{name}, added p50", added50, "ms", statistics.median(theirs), "<= +6", added50 <= 6),
        Figure(f"{name}, added p99", added99, "ms", percentile(theirs, 99), "<= +75", added99 <= 75),
    ]


async def _leaving(gateway: Gateway, sim: Simulator, times: int) -> Figure:
    """From the client's closed socket to the reset that the site sees."""
    took = []
    for number in range(max(3, times // 2)):
        await sim.clear_ledger()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        body = json.dumps(_body(f"leave {number} [sim:tokens=400] [sim:every=0.05]")).encode()
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {gateway.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        while b'"content":"' not in await reader.readline():
            pass
        await asyncio.sleep(0.3)
        left = time.monotonic()
        writer.transport.abort()
        (entry,) = await sim.wait("submit_chat", count=1, timeout_s=10, outcome="reset")
        took.append((entry["reset_at"] - left) * 1000)
    value = statistics.median(took)
    return Figure("chat: client leaves to the site's reset", value, "ms p50", None, "<= 20", value <= 20)


async def _through(http: httpx2.AsyncClient, prompt: str) -> AsyncIterator[float]:
    """The clock of each token as the gateway's client reads it."""
    async with http.stream("POST", "/v1/chat/completions", json=_body(prompt)) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            if '"content":"' in line:
                for written in _CLOCK.findall(json.loads(line[6:])["choices"][0]["delta"]["content"]):
                    yield float(written)


async def _straight(direct: Direct, prompt: str) -> AsyncIterator[float]:
    """The same chat asked of the site itself, as its page would."""
    body = {"temporary": True, "modeId": "fast", "message": prompt}
    to = direct._to("/rest/app-chat/conversations/new")
    response = await direct.session.post(**to, json=body, stream=True)
    assert response.status_code == 200, response.status_code
    try:
        async for chunk in response.aiter_content():
            for token in re.findall(rb'"token":"(\d+\.\d+) ?"', chunk):
                yield float(token)
    finally:
        with suppress(Exception):
            await response.aclose()


def _body(prompt: str) -> dict[str, object]:
    return {"model": "grok-3", "stream": True, "messages": [{"role": "user", "content": prompt}]}
