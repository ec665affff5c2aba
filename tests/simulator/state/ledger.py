"""What the double received, request by request, with the clock of this machine (`time.monotonic`)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.wire.exchange import Exchange, Request

LIMIT = 20_000
FACTS = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "origin", "referer", "content-type", "user-agent")


@dataclass
class Entry:
    n: int
    kind: str
    request: Request
    wall: float = field(default_factory=time.time)
    account: str | None = None
    prompt: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    scenarios: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    first_byte_at: float | None = None
    finished_at: float | None = None
    reset_at: float | None = None
    outcome: str = "open"
    bytes_in: int = 0
    bytes_out: int = 0

    def as_json(self) -> dict[str, Any]:
        request, headers = self.request, self.request.headers
        return {
            "n": self.n,
            "kind": self.kind,
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "query": request.query,
            "account": self.account,
            "prompt": self.prompt,
            "params": self.params,
            "scenarios": self.scenarios,
            "arrived_at": request.arrived_at,
            "wall": self.wall,
            "first_byte_at": self.first_byte_at,
            "finished_at": self.finished_at,
            "reset_at": self.reset_at,
            "outcome": self.outcome,
            "status": self.status,
            "http_version": request.http_version,
            "headers": {name: headers[name] for name in FACTS if name in headers},
            "header_names": request.header_names,
            "signed": "x-statsig-id" in headers,
            "cookies": sorted(request.cookies),
            "range": headers.get("range"),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
        }


class Ledger:
    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=LIMIT)
        self._last = 0
        self._waiting: list[asyncio.Future[None]] = []

    def open(self, exchange: Exchange) -> Entry:
        """Enter a request, and see to it that a reset is noted the moment it is read from the socket."""
        self._last += 1
        entry = Entry(self._last, "unknown", exchange.request)

        def on_gone() -> None:
            if entry.outcome == "open":
                entry.reset_at = time.monotonic()
                self._end(entry, exchange, "reset")

        def on_bytes(size: int) -> None:
            if entry.first_byte_at is None:
                entry.first_byte_at = time.monotonic()
            entry.bytes_out += size

        exchange.on_gone.append(on_gone)
        exchange.on_bytes = on_bytes
        self.entries.append(entry)
        return entry

    def close(self, entry: Entry, exchange: Exchange, outcome: str) -> None:
        if entry.outcome == "open":
            self._end(entry, exchange, outcome)

    def _end(self, entry: Entry, exchange: Exchange, outcome: str) -> None:
        entry.outcome = outcome
        entry.finished_at = time.monotonic()
        entry.bytes_in = exchange.body_size
        self.changed()

    def changed(self) -> None:
        """Wake those who wait; called when a request gets its kind or ends."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def select(
        self, kind: str | None = None, since: int = 0, account: str | None = None, outcome: str | None = None
    ) -> list[Entry]:
        kinds = set(kind.split(",")) if kind else None
        return [
            entry
            for entry in self.entries
            if entry.n > since
            and (kinds is None or entry.kind in kinds)
            and (account is None or entry.account == account)
            and (outcome is None or entry.outcome == outcome)
        ]

    async def wait(self, count: int, timeout_s: float, **query: Any) -> list[Entry] | None:
        """The entries once there are *count* of them, or None when the time is over."""
        deadline = time.monotonic() + timeout_s
        while len(found := self.select(**query)) < count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await asyncio.wait_for(waiter, max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return None
        return found

    def clear(self) -> None:
        self.entries.clear()
