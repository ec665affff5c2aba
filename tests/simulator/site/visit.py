"""One request inside the site: who, what, and which scenarios play on it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.state.accounts import Account
from tests.simulator.state.ledger import Entry
from tests.simulator.state.scenarios import Script
from tests.simulator.state.world import World
from tests.simulator.wire.exchange import Exchange, Headers, Request


@dataclass
class Reply:
    """A complete answer."""

    status: int
    body: bytes = b""
    headers: Headers = field(default_factory=dict)


def reply_json(value: Any, status: int = 200, **headers: str) -> Reply:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, body, {"content-type": "application/json", **named})


def reply_html(text: str, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, text.encode(), {"content-type": "text/html; charset=utf-8", **named})


def problem(status: int, code: int | str, message: str, *, wrapped: bool = False, **headers: str) -> Reply:
    """An error of the site: bare on plain endpoints, inside `error` on those that stream."""
    error: dict[str, Any] = {"code": code, "message": message, "details": []}
    return reply_json({"error": error} if wrapped else error, status, **headers)


@dataclass
class Visit:
    world: World
    exchange: Exchange
    entry: Entry
    kind: str = "unknown"
    account: Account | None = None
    signed_in: bool = False
    script: Script = field(default_factory=Script)
    raw: bytes = b""
    json: dict[str, Any] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    """What the path holds, such as a conversation id."""
    prompt: str = ""
    streams: bool = False
    """Whether this endpoint answers in a stream, which changes the shape of its errors."""
    granted: str = ""
    """A Set-Cookie value to go with the answer: a clearance that was earned by this very request."""

    @property
    def request(self) -> Request:
        return self.exchange.request

    @property
    def owner(self) -> Account:
        """The account; only for routes that need one."""
        assert self.account is not None
        return self.account

    def problem(self, status: int, code: int | str, message: str, **headers: str) -> Reply:
        return problem(status, code, message, wrapped=self.streams, **headers)

    async def send(self, reply: Reply) -> None:
        self.entry.status = reply.status
        if self.granted:
            cookies = [self.granted, reply.headers["set-cookie"]] if "set-cookie" in reply.headers else [self.granted]
            reply.headers["set-cookie"] = "\n".join(cookies)
        await self.exchange.respond(reply.status, reply.headers, reply.body)

    async def start(self, status: int, headers: Headers) -> None:
        self.entry.status = status
        await self.exchange.start(status, headers)
