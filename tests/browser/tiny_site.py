"""A web site of a few pages for tests of profiles: one can be signed in, signed out, challenged, and slow on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

from browser.clearance import Clearance, Verdict
from browser.site import Site
from browser.transport import PageFacts, Transport

CHALLENGE = """<!doctype html><title>Just a moment</title>
<button id=human onclick="fetch('/clear',{method:'POST'}).then(()=>location.reload())">I am human</button>"""
HOME = "<!doctype html><title>Home</title><p>Welcome"
SIGN_IN = "<!doctype html><title>Sign in</title><button id=go onclick=\"location.href='/signed-in'\">Sign in</button>"


@dataclass
class TinySite:
    """State that tests turn, and what was asked of the site."""

    port: int = 0
    signed_in: bool = True  # whether the sid cookie that visitors carry is accepted
    open_to_all: bool = False  # whether everybody counts as signed in
    challenged_page: bool = False  # pages answer with the challenge
    challenged_api: bool = False  # the API refuses until a page was loaded again
    broken_api: bool = False  # the API answers nonsense
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    pages: dict[str, str] = field(default_factory=dict)  # further ones, by path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def site(self) -> Site:
        return Site(
            home_url=f"{self.origin}/",
            asset_url=f"{self.origin}/__gw",
            verify=self.verify,
            judge_page=judge_page,
            sign_in_url=f"{self.origin}/sign-in",
            session_cookies=frozenset({"sid"}),
        )

    async def verify(self, transport: Transport) -> Verdict:
        reply = await transport.fetch("GET", "/api/session", timeout_s=5)
        if reply.status == 200:
            return Verdict(Clearance.READY, account=json.loads(reply.text))
        if reply.status == 403:
            return Verdict(Clearance.CHALLENGED, "the site asks for a check")
        return Verdict(Clearance.LOGIN_REQUIRED, "signed out")

    def answer(self, method: str, path: str, cookies: SimpleCookie) -> tuple[int, dict[str, str], str]:
        html = {"content-type": "text/html"}
        match path:
            case "/clear":
                self.challenged_page = False
                return 204, {}, ""
            case "/api/session" if self.challenged_api or self.challenged_page:
                return 403, {}, "challenge"
            case "/api/session":
                known = self.open_to_all or (self.signed_in and "sid" in cookies)
                return (200 if known else 401), {"content-type": "application/json"}, '{"id": "ann"}'
            case "/favicon.ico":
                return 404, {}, ""
        if self.challenged_page:
            return 403, html, CHALLENGE
        self.challenged_api = False
        match path:
            case "/":
                return 200, html, HOME
            case "/sign-in":
                return 200, html, SIGN_IN
            case "/signed-in":
                html["set-cookie"] = "sid=s3; Path=/\r\nset-cookie: lasting=l4; Path=/; Max-Age=86400"
                return 200, html, HOME + "<script>localStorage.setItem('kept', 'yes')</script>"
        return (200, html, self.pages[path]) if path in self.pages else (404, html, "<!doctype html>nothing here")


def judge_page(facts: PageFacts) -> Verdict | None:
    if facts.title == "Just a moment":
        return Verdict(Clearance.CHALLENGED, "a challenge page")
    return None


@asynccontextmanager
async def tiny_site() -> AsyncIterator[TinySite]:
    """Serve the site on a free port of the loopback."""
    site = TinySite()
    open_connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                plain = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
                await reader.readexactly(int(headers.get("content-length", 0)))
                path = target.partition("?")[0]
                site.asked.append(f"{method} {path}")
                site.agents.add(plain.get("User-Agent", ""))
                if path == "/stream":
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nfirst\n")
                    await writer.drain()
                    await reader.read()  # until the browser goes away
                    return
                cookies = SimpleCookie(plain.get("Cookie", ""))
                status, out, body = site.answer(method, path, cookies)
                rest = "".join(f"{name}: {value}\r\n" for name, value in out.items())
                writer.write(f"HTTP/1.1 {status} X\r\n{rest}content-length: {len(body)}\r\n\r\n{body}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_connections.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        for writer in list(open_connections):
            writer.close()
