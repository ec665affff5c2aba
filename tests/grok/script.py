"""A transport that plays a script: what each call answers, in order; the last answer of a route is repeated."""

from __future__ import annotations

import asyncio
import hashlib
import json as jsonlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from browser.errors import TooLarge, TransportRefused, TransportTimeout
from browser.transport import Download, FilePart, Reply, World

JSON = {"content-type": "application/json"}
Answer: TypeAlias = (
    Any  # a JSON value, (status, JSON value), a Reply, an exception to raise, or a callable giving one of them
)
NEW = "POST /rest/app-chat/conversations/new"


@dataclass
class Call:
    """One call as the site would have seen it."""

    what: str
    json: Any = None
    world: World = World.ISOLATED
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


@dataclass
class Stream:
    """A scripted streamed answer. pieces: text, an exception to raise, or a number of seconds to wait."""

    pieces: list[Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    aborted: bool = False

    async def __aiter__(self) -> AsyncIterator[str]:
        for piece in self.pieces:
            if isinstance(piece, BaseException):
                raise piece
            if isinstance(piece, int | float):
                await asyncio.sleep(piece)
            else:
                yield piece if isinstance(piece, str) else jsonlib.dumps(piece) + "\n"


@dataclass
class ScriptedSocket:
    """A scripted WebSocket. frames: JSON values or text to receive, exceptions to raise, numbers of seconds of silence, or
    functions of what was sent so far that return one of these."""

    frames: list[Any]
    sent: list[Any] = field(default_factory=list)
    closed: bool = False

    async def send(self, text: str) -> None:
        self.sent.append(jsonlib.loads(text))

    def post(self, text: str) -> None:
        self.sent.append(jsonlib.loads(text))

    async def receive(self, *, timeout_s: float) -> str:
        if not self.frames:
            await asyncio.sleep(timeout_s)
            raise TransportTimeout("silence")
        frame = self.frames.pop(0)
        if callable(frame):
            frame = frame(self.sent)
        if isinstance(frame, int | float):
            await asyncio.sleep(min(timeout_s, frame))
            if frame <= timeout_s:
                return await self.receive(timeout_s=timeout_s - frame)
            self.frames.insert(0, frame - timeout_s)
            raise TransportTimeout("silence")
        if isinstance(frame, BaseException):
            raise frame
        return frame if isinstance(frame, str) else jsonlib.dumps(frame)

    @property
    def events(self) -> list[str]:
        return [sent.get("event", {}).get("type", "") for sent in self.sent]


class Script:
    """Implements ``browser.transport.Transport``. An unscripted call answers 404."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._answers: dict[str, list[Answer]] = {}
        self.files: dict[str, list[Any]] = {}

    def on(self, what: str, *answers: Answer) -> Script:
        """``on("GET /rest/assets", {...})``; the path without its query. For NEW the answers are streams."""
        self._answers[what] = list(answers)
        return self

    def file(self, url: str, *contents: Any) -> Script:
        """Bytes, an HTTP status, or an exception."""
        self.files[url] = list(contents)
        return self

    def count(self, what: str) -> int:
        return sum(1 for call in self.calls if call.what == what)

    def bodies(self, what: str) -> list[Any]:
        return [call.json for call in self.calls if call.what == what]

    async def fetch(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        world: World = World.ISOLATED,
        timeout_s: float = 30.0,
        limit_bytes: int = 8 * 1024 * 1024,
    ) -> Reply:
        parts = urlsplit(url)
        return self._reply(Call(f"{method} {parts.path}", json, world, headers or {}, parts.query))

    @asynccontextmanager
    async def _stream(self, call: Call) -> AsyncIterator[Stream]:
        self.calls.append(call)
        answer = self._next(call.what, call)
        if isinstance(answer, BaseException):
            raise answer
        stream = answer if isinstance(answer, Stream) else Stream(answer)
        try:
            yield stream
        finally:
            stream.aborted = True

    def stream(self, method: str, url: str, *, json: Any = None, world: World = World.ISOLATED, **rest: Any) -> Any:
        return self._stream(Call(f"{method} {url}", json, world, rest.get("headers") or {}))

    async def download(
        self, url: str, *, into: Path, limit_bytes: int, start_timeout_s: float = 30.0, timeout_s: float = 600.0
    ) -> Download:
        self.calls.append(Call(f"DOWNLOAD {url}"))
        contents = self.files.get(url, [404])
        content = contents.pop(0) if len(contents) > 1 else contents[0]
        if isinstance(content, BaseException):
            raise content
        if isinstance(content, int):
            raise TransportRefused(f"HTTP {content}", status=content)
        if isinstance(content, tuple):
            raise TransportRefused(f"HTTP {content[0]}", status=content[0], body=content[1], headers=content[2])
        if len(content) > limit_bytes:
            raise TooLarge("too large")
        into.write_bytes(content)
        return Download(into, len(content), hashlib.sha256(content).hexdigest(), "video/mp4")

    async def upload(
        self,
        url: str,
        *,
        file: FilePart,
        form: Mapping[str, str] = {},
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        return self._reply(Call(f"UPLOAD {url}", {"file": file.file_name, **form}, world))

    async def upload_base64(
        self,
        url: str,
        *,
        file: FilePart,
        key: str,
        json: Mapping[str, Any],
        world: World = World.MAIN,
        timeout_s: float = 120.0,
    ) -> Reply:
        return self._reply(Call(f"UPLOAD {url}", {**json, key: "…"}, world))

    def open_socket(self, url: str, *, timeout_s: float = 20.0) -> Any:
        return self._socket(url)

    @asynccontextmanager
    async def _socket(self, url: str) -> AsyncIterator[ScriptedSocket]:
        self.calls.append(Call(f"SOCKET {url.partition('?')[0]}", query=url.partition("?")[2]))
        answer = self._next(f"SOCKET {url.partition('?')[0]}", self.calls[-1])
        if isinstance(answer, tuple):
            answer = TransportRefused("refused", status=404)
        if isinstance(answer, BaseException):
            raise answer
        try:
            yield answer
        finally:
            answer.closed = True

    def _reply(self, call: Call) -> Reply:
        self.calls.append(call)
        answer = self._next(call.what, call)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Reply):
            return answer
        status, value = answer if isinstance(answer, tuple) else (200, answer)
        return Reply(status, JSON, value if isinstance(value, str) else jsonlib.dumps(value))

    def _next(self, what: str, call: Call) -> Answer:
        answers = self._answers.get(what)
        if not answers:
            return (404, {"code": 5, "message": "Not Found", "details": []})
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(call)
        return answer
